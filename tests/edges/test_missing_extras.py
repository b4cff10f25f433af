"""Libraries that are extras: a missing one is named, with the way to install it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hf_fillmask._extras import needed


def test_a_library_that_is_missing_is_named() -> None:
    """An extra that is not installed is an ImportError that says how to install it."""
    with pytest.raises(ImportError, match=r"hf-fillmask\[arrow\]"):
        needed("no_such_library_of_ours", extra="arrow")


def test_a_library_that_is_broken_says_so_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that misses one of its own is not taken for one that is not installed."""
    (tmp_path / "broken_library_of_ours.py").write_text("import no_such_library_of_ours\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_library_of_ours"):
        needed("broken_library_of_ours", extra="arrow")

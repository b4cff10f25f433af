"""Libraries that are extras."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from hf_fillmask._extras import needed


def test_one_that_is_there() -> None:
    """What is installed is imported."""
    assert needed("json", extra="none") is json


def test_one_that_is_missing() -> None:
    """What is not installed is told together with the extra that brings it."""
    with pytest.raises(ImportError, match=r"needs no_such_library: pip install 'hf-fillmask\[some\]'") as caught:
        needed("no_such_library", extra="some")
    assert caught.value.name == "no_such_library"


def test_one_that_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that misses one of its own says so itself."""
    (tmp_path / "broken_library.py").write_text("import no_such_part\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_part"):
        needed("broken_library", extra="some")
    assert "broken_library" not in sys.modules

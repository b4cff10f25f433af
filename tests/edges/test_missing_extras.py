"""Libraries that are extras: a missing one is named, with the way to install it."""

from __future__ import annotations

import sys

import pytest

from hf_fillmask._extras import needed


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An extra that is not installed is an ImportError that says how to install it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"hf-fillmask\[arrow\]"):
        needed("pyarrow", "arrow")

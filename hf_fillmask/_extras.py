"""The libraries that are extras: imported where they are used, and told by the name of their extra when missing.

Rule: imports nothing by itself. What it returns is Any: not all of these have types, and none is always there.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["needed"]


def needed(library: str, *, extra: str) -> Any:
    """Import `library`; where it is not installed, an ImportError says which extra brings it."""
    try:
        return import_module(library)
    except ModuleNotFoundError as error:
        # Only what is missing itself: a library that fails to import one of its own says so best.
        if error.name != library.partition(".")[0]:
            raise
        raise ImportError(f"this needs {library}: pip install 'hf-fillmask[{extra}]'", name=library) from error

"""An output that is no file: standard output, a pipe, a device.

Rule: nothing can be asked of it but to take bytes; a reader that went away is an error like a full disk.
"""

from __future__ import annotations

import re
import sys
from typing import BinaryIO

from .._errors import Failure
from .._terminal import is_terminal
from ._disk import write_all

__all__ = ["StreamOutput"]

# What JSON leaves as it is and a terminal obeys: controls, line separators, marks that turn the direction.
_STEERING = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class StreamOutput:
    """Takes lines; '-' is standard output, everything else a path."""

    def __init__(self, path: str) -> None:
        self._owned = path != "-"
        self._escapes = path == "-" and is_terminal(sys.stdout)
        self._file = self._opened(path)

    def write(self, data: bytes) -> None:
        """Hand on `data`, at once."""
        write_all(self._file, _escaped(data) if self._escapes else data)
        self._file.flush()

    def sync(self) -> None:
        """Do nothing: there is no disk."""

    def close(self) -> None:
        """Close what was opened here."""
        if self._owned:
            self._file.close()

    def _opened(self, path: str) -> BinaryIO:
        if self._owned:
            return open(path, "wb", buffering=0)
        if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]  # so it is where it was closed
            raise Failure("standard output is closed")
        sys.stdout.flush()
        return sys.stdout.buffer


def _escaped(data: bytes) -> bytes:
    return _STEERING.sub(lambda char: f"\\u{ord(char[0]):04x}", data.decode()).encode()

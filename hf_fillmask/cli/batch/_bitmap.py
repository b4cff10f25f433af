"""Which rows are done: one bit a row, so that ten million of them take a little more than a megabyte.

Rule: nothing in this file does I/O.
"""

from __future__ import annotations

__all__ = ["Bitmap"]


class Bitmap:
    """A set of row indices; its length is the number of them."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._count = 0

    def add(self, index: int) -> bool:
        """Add `index`; tell whether it is new."""
        place, bit = index >> 3, 1 << (index & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1 - len(self._bits) + (len(self._bits) >> 3)))
        if self._bits[place] & bit:
            return False
        self._bits[place] |= bit
        self._count += 1
        return True

    def __contains__(self, index: int) -> bool:
        """Tell whether `index` was added."""
        place = index >> 3
        return place < len(self._bits) and bool(self._bits[place] & (1 << (index & 7)))

    def __len__(self) -> int:
        """Count the indices that were added."""
        return self._count

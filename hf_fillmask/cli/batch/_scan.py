"""What stands in an output: which rows are done, where the whole lines end, and what no longer counts.

Rule: reads and judges, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from ._bitmap import Bitmap
from ._lines import Check, blocks_of_lines
from ._record import judged

__all__ = ["Scan", "scan", "whole_lines"]

_BLOCK = 1 << 20


@dataclass(slots=True)
class Scan:
    """The rows that are `done`, the `end` of the last whole line, and the number of lines that are to be superseded."""

    done: Bitmap = field(default_factory=Bitmap)
    end: int = 0
    stale: int = 0


def scan(file: BinaryIO, check: Check) -> Scan:
    """Read an output from its beginning."""
    found = Scan()
    for offset, line in whole_lines(file, check):
        row = judged(line)
        found.end = offset + len(line) + 1
        if row is None or not row[1] or not found.done.add(row[0]):
            found.stale += 1  # no row, a failed one (it will be asked again), or one that stands here already
    return found


def whole_lines(file: BinaryIO, check: Check) -> Iterator[tuple[int, bytes]]:
    """Yield each line with the offset of its beginning, without its end; a torn last one is left out."""
    size = file.seek(0, 2)
    file.seek(0)
    offset = 0
    for lines in blocks_of_lines(file.read, _BLOCK):
        check()
        for line in lines:
            if offset + len(line) < size:
                yield offset, line
            offset += len(line) + 1

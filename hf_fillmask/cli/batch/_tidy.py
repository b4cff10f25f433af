"""The end of a resumed run: one row an input is left in the output.

Rule: the tidied file is written beside the output, brought to the disk, locked and only then renamed, so a kill leaves
the one or the other. Every row that was not done when the run began has a new line; so of the lines before `start` only
the done ones count.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from contextlib import suppress

from ._bitmap import Bitmap
from ._disk import is_locked_for_us, replace_by
from ._lines import Check
from ._output import OutputFile
from ._record import judged
from ._scan import whole_lines

__all__ = ["tidy"]


def tidy(output: OutputFile, check: Check, *, ordered: bool) -> None:
    """Leave one line a row, and with `ordered` in the order of the input; 8 bytes a row are needed for that."""
    if not output.found.stale and not (ordered and output.found.end):
        return
    beside = f"{output.path}.partial"
    try:
        with open(beside, "wb") as file:
            os.chmod(beside, os.stat(output.path).st_mode & 0o7777)
            file.writelines(_in_order(output, check) if ordered else _kept(output, check))
            file.flush()
            os.fsync(file.fileno())
            is_locked_for_us(file.fileno())
            replace_by(beside, output.path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(beside)
        raise


def _kept(output: OutputFile, check: Check) -> Iterator[bytes]:
    return (line + b"\n" for _, _, line in _final(output, check))


def _in_order(output: OutputFile, check: Check) -> Iterator[bytes]:
    offsets = array("q")
    for index, offset, _ in _final(output, check):
        offsets.extend([-1] * (index + 1 - len(offsets)))
        offsets[index] = offset
    with open(output.path, "rb") as file:
        for offset in offsets:
            if offset >= 0:
                check()
                file.seek(offset)
                yield file.readline()


def _final(output: OutputFile, check: Check) -> Iterator[tuple[int, int, bytes]]:
    """Yield the index, the offset and the text of each line that counts."""
    seen = Bitmap()
    for offset, line in whole_lines(output.file, check):
        row = judged(line)
        new = offset >= output.found.end
        if row is not None and (row[1] or new) and seen.add(row[0]):
            yield row[0], offset, line

r"""Lines of bytes, a block of them at a time.

Rule: a line ends with ``\n`` and nothing else, memory holds one block (or one line, where that is longer), and what has
come in is handed on before more is waited for.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["BLOCK", "Blocks", "count_lines"]

BLOCK = 1 << 16  # bytes; some hundred rows
_LARGE = 1 << 20


class Blocks:
    """The lines of what `read` gives, a block at a time, without their ends; the last may have had none.

    No generator: it is asked from one thread and then another, which tracers do not follow.
    """

    def __init__(self, read: Callable[[int], bytes], size: int = BLOCK) -> None:
        self._read = read
        self._size = size
        self._begun: list[bytes] = []

    def __iter__(self) -> Blocks:
        """Return the blocks themselves."""
        return self

    def __next__(self) -> list[bytes]:
        """Read until a line is whole."""
        while block := self._read(self._size):
            lines = block.split(b"\n")
            self._begun.append(lines[0])
            if len(lines) > 1:
                lines[0] = b"".join(self._begun)
                self._begun = [lines.pop()]
                return lines
        last, self._begun = b"".join(self._begun), []
        if not last:
            raise StopIteration
        return [last]


def count_lines(read: Callable[[int], bytes], check: Callable[[], None]) -> int:
    """Count the lines of what `read` gives; `check` is called often, and may raise."""
    count, last = 0, b"\n"
    while block := read(_LARGE):
        check()
        count += block.count(b"\n")
        last = block[-1:]
    return count + (last != b"\n")

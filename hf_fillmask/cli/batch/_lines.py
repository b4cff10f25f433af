r"""Lines of bytes, a block of them at a time.

Rule: a line ends with ``\n`` and nothing else, memory holds one block (or one line, where that is longer), and what has
come in is handed on before more is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

__all__ = ["BLOCK", "Check", "blocks_of_lines", "count_lines"]

BLOCK = 1 << 16  # bytes; some hundred rows
_LARGE = 1 << 20

Check = Callable[[], None]
"""Called often in long work, and raises when the command is stopped."""


def blocks_of_lines(read: Callable[[int], bytes], size: int = BLOCK) -> Iterator[list[bytes]]:
    """Yield the lines of what `read` gives, without their ends; the last may have had none."""
    begun: list[bytes] = []
    while block := read(size):
        lines = block.split(b"\n")
        begun.append(lines[0])
        if len(lines) > 1:
            lines[0] = b"".join(begun)
            begun = [lines.pop()]
            yield lines
    if last := b"".join(begun):
        yield [last]


def count_lines(read: Callable[[int], bytes], check: Check) -> int:
    """Count the lines of what `read` gives."""
    count, last = 0, b"\n"
    while block := read(_LARGE):
        check()
        count += block.count(b"\n")
        last = block[-1:]
    return count + (last != b"\n")

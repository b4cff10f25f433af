"""How far a run is: what its progress line and its summary tell.

Rule: plain numbers; whoever does something to a row counts it here.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Counts"]


@dataclass(slots=True)
class Counts:
    """Rows of the input that were `read`, `skipped` (done before), and became `filled` or `failed`.

    Lines of the output are `written` once the system has taken them.
    `asked` texts were handed to the client, `answered` of them came back; `lines` of the input were read out of
    `all_lines` (None: nobody knows).
    """

    read: int = 0
    skipped: int = 0
    filled: int = 0
    failed: int = 0
    written: int = 0
    asked: int = 0
    answered: int = 0
    lines: int = 0
    all_lines: int | None = None

    @property
    def done(self) -> int:
        """The rows that have a final line, also those of earlier runs."""
        return self.skipped + self.filled + self.failed

    @property
    def total(self) -> int | None:
        """The rows of the input: exact at the end, before that blank lines ahead are taken for rows."""
        if self.all_lines is None:
            return None
        return self.skipped + self.read + max(0, self.all_lines - self.lines)

    @property
    def in_flight(self) -> int:
        """The texts that are under way."""
        return self.asked - self.answered

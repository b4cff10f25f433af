"""Where a row gets its outcome: counted, put in order if that is asked for, and handed to the sink.

Rule: no awaits; each row that was expected is settled once.
"""

from __future__ import annotations

from collections import deque

from ._counts import Counts
from ._record import Outcome, line
from ._rows import Row
from ._sink import Sink

__all__ = ["Desk"]

_CROWD = 10_000  # rows


class Desk:
    """Settles rows as they come, or with `ordered` in the order in which they were expected."""

    def __init__(self, sink: Sink, counts: Counts, *, ordered: bool = False) -> None:
        self.sink = sink
        self._counts = counts
        self._ordered = ordered
        self._under_way = 0
        self._due: deque[int] = deque()
        self._early: dict[int, bytes] = {}

    @property
    def is_crowded(self) -> bool:
        """Whether so many rows wait for their outcome, or for their turn, that memory would not stay small."""
        return self._under_way >= _CROWD

    def expect(self, row: Row) -> None:
        """Take note of a row, in the order of the input."""
        self._under_way += 1
        if self._ordered:
            self._due.append(row.index)

    def settle(self, row: Row, came: Outcome) -> None:
        """Write what became of a row."""
        if came.failed:
            self._counts.failed += 1
            if self.sink.keeps_failed:
                self.sink.put_failed(row.raw)
        else:
            self._counts.filled += 1
        if self._ordered:
            self._early[row.index] = line(row, came)
            self._hand_on()
        else:
            self._under_way -= 1
            self.sink.put(line(row, came))

    def let_go(self) -> None:
        """Write what still waits for its turn: a run that ends early keeps all that is done."""
        for text in self._early.values():
            self.sink.put(text)
        self._early.clear()

    def _hand_on(self) -> None:
        while self._due and self._due[0] in self._early:
            self._under_way -= 1
            self.sink.put(self._early.pop(self._due.popleft()))

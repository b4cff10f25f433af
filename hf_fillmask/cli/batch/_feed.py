"""The texts for the client: pulled out of the input as the client asks for them, equal ones once.

Rule: memory is bounded. Rows with the text of one that is under way wait for its answer, but only so many; after that
their text is asked again, which is always possible, while waiting for room might wait for ever: a list is only sent
when it has all of its texts.

A turn of the rate lets a list's worth of texts through. Whoever reads may send a list that is not full yet whenever it
has to wait here; so what comes after any wait needs a turn of its own, and there are never more requests than turns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import anyio

from ..._rate import Rate
from ..._values import BatchItem
from ._answers import Answers
from ._counts import Counts
from ._desk import Desk
from ._record import Outcome, invalid, outcome
from ._rows import Chunk, Row

__all__ = ["Feed"]


class Feed:
    """An async iterator of texts, and the way back: from an item of the client's stream to the rows with its text."""

    def __init__(
        self,
        chunks: Iterator[Chunk],
        desk: Desk,
        counts: Counts,
        rate: Rate | None,
        answers: Answers | None,
        *,
        texts_a_turn: int = 1,
    ) -> None:
        self._chunks = chunks
        self._desk = desk
        self._counts = counts
        self._rate = rate
        self._texts_a_turn = texts_a_turn
        self._let_through = 0  # texts that may follow on the last turn
        self._answers = answers
        self._rows: deque[Row] = deque()
        self._asked: dict[int, list[Row]] = {}
        self._waiting: dict[str, list[Row]] = {}

    def __aiter__(self) -> Feed:
        """Return the feed itself."""
        return self

    async def __anext__(self) -> str:
        """Return the next text that has to be asked; rows that need not be are settled on the way."""
        while True:
            if self._desk.sink.is_full:
                await self._desk.sink.room()
                self._let_through = 0
            while not self._rows:
                await self._read()
                self._let_through = 0
            row = self._rows.popleft()
            self._desk.expect(row)
            if row.inputs is None:
                self._desk.settle(row, invalid(row.problem or ""))
            elif self._must_ask(row, row.inputs):
                if self._rate is not None:
                    await self._turn(self._rate)
                return row.inputs

    def answer(self, item: BatchItem) -> Outcome:
        """Settle all the rows that wait for `item`, and return their outcome."""
        rows, came = self._asked.pop(item.index), outcome(item)
        self._counts.answered += 1
        if self._answers is not None:
            self._answers.keep(item.inputs, came)
            if self._waiting.get(item.inputs) is rows:
                del self._waiting[item.inputs]
        self._desk.settle(rows[0], came)
        for row in rows[1:]:
            self._desk.settle(row, came.shared())
        return came

    def _must_ask(self, row: Row, text: str) -> bool:
        if self._answers is not None and not self._desk.is_crowded:
            known = self._answers.get(text)
            if known is not None:
                self._desk.settle(row, known.shared())
                return False
            if text in self._waiting:
                self._waiting[text].append(row)
                return False
        rows = [row]
        if self._answers is not None:
            self._waiting[text] = rows
        self._asked[self._counts.asked] = rows
        self._counts.asked += 1
        return True

    async def _turn(self, rate: Rate) -> None:
        if not self._let_through:
            await rate.turn()
            self._let_through = self._texts_a_turn
        self._let_through -= 1

    async def _read(self) -> None:
        chunk = await anyio.to_thread.run_sync(next, self._chunks, None)
        if chunk is None:
            raise StopAsyncIteration
        self._rows.extend(chunk.rows)
        self._counts.read += len(chunk.rows)
        self._counts.skipped += chunk.skipped
        self._counts.lines += chunk.lines

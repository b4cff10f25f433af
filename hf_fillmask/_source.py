"""The texts of a batch: any iterable or async iterable, pulled lazily, numbered from 0.

Rule: never more is taken than was asked for; the user's own exceptions come out as they are.

An async iterator may keep its reader waiting, so it is read by one worker at a time, and another that has nothing to do
watches: what has arrived waits for the rest of its list only while requests are under way, as Nagle's algorithm has it
for small packets (RFC 896). After the deadline a list or another sized iterable is read to its end, so that each of its
texts has an outcome; of what may have no end nothing more is taken.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sized
from itertools import islice
from typing import Any

import anyio

from ._deadline import Deadline

__all__ = ["Inputs", "Source"]

Inputs = Iterable[str] | AsyncIterable[str]


class Source:
    """Hands out the texts a few at a time; `window` bounds those that are handed out and not yet `released`.

    `is_live` tells an async iterable, which may keep its reader waiting; `cut` that the deadline has ended the reading,
    and that there may have been more.
    """

    def __init__(self, inputs: Inputs, window: int | None = None, deadline: Deadline | None = None) -> None:
        if isinstance(inputs, (str, bytes)) or not isinstance(inputs, (Iterable, AsyncIterable)):
            raise TypeError("inputs must be an iterable of texts; fill_mask takes one text")
        self.total = len(inputs) if isinstance(inputs, Sized) else None
        self.is_live = not isinstance(inputs, Iterable)
        self.cut = False
        self._deadline = Deadline(None) if deadline is None or self.total is not None else deadline
        self._texts: Iterator[str] | None = iter(inputs) if isinstance(inputs, Iterable) else None
        self._coming: AsyncIterator[str] | None = None if isinstance(inputs, Iterable) else aiter(inputs)
        self._arrived: list[Any] = []  # of the list that is being read
        self._reading = False
        self._changed: anyio.Event | None = None  # of those that watch
        self._under_way = 0
        self._next = 0
        self._line = anyio.Lock(fast_acquire=True)  # an async iterator has one reader at a time, and one that watches
        self._window = None if window is None else anyio.Semaphore(window)

    async def take(self, most: int) -> tuple[int, list[str]]:
        """Return the index of the next text and the next texts, `most` or fewer; none at the end.

        Whoever took some tells with `landed` when they are done.
        """
        texts = await (self._read(most) if self._texts is None else self._sliced(self._texts, most))
        first, self._next = self._next, self._next + len(texts)
        for offset, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"inputs[{first + offset}] must be a str, not {type(text).__name__}")
        self._under_way += bool(texts)
        return first, texts

    def landed(self) -> None:
        """Note that the texts of a `take` are done."""
        self._under_way -= 1
        if self._arrived:
            self._tell()

    def release(self, count: int = 1) -> None:
        """Make room in the window for as many more texts."""
        if self._window is not None:
            for _ in range(count):
                self._window.release()

    async def _sliced(self, source: Iterator[str], most: int) -> list[str]:
        async with self._line:
            if self._window is not None:
                for _ in range(most):
                    await self._window.acquire()
            self.cut = self._deadline.over
            texts = [] if self.cut else list(islice(source, most))
            self.release(most - len(texts))
            return texts

    async def _read(self, most: int) -> list[str]:
        async with self._line:
            while self._reading and not self._due(most):
                self._changed = self._changed or anyio.Event()
                await self._changed.wait()
            if self._due(most):
                return self._handed_out(most)
            self._reading = True
        try:
            if self._coming is not None:
                with self._deadline.bound():
                    await self._fill_up(self._coming, most)
                if self.cut:
                    self._coming = None
        finally:
            self._reading = False
            self._tell()
        return self._handed_out(most)

    def _due(self, most: int) -> bool:
        """Whether a list is full, or there is nothing to wait for."""
        waits = self._under_way > 0 and self._coming is not None
        return len(self._arrived) >= most or (bool(self._arrived) and not waits)

    def _handed_out(self, most: int) -> list[str]:
        texts, self._arrived = self._arrived[:most], self._arrived[most:]
        return texts

    async def _fill_up(self, coming: AsyncIterator[str], most: int) -> None:
        """Read until a list is full, or to the end; `cut` stays if neither comes in time."""
        self.cut = True
        while len(self._arrived) < most:
            if self._window is not None:
                await self._window.acquire()
            if self._deadline.over:
                return
            try:
                text = await anext(coming)
            except StopAsyncIteration:
                self._coming = None  # not every iterator likes to be asked again after its end
                break
            self._arrived.append(text)
            if not self._under_way:
                self._tell()
        self.cut = False

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

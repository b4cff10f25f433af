"""The texts of a batch: any iterable or async iterable, pulled lazily, numbered from 0.

Rule: never more is taken than was asked for; the user's own exceptions come out as they are.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sized
from itertools import islice

import anyio

__all__ = ["Inputs", "Source"]

Inputs = Iterable[str] | AsyncIterable[str]


class Source:
    """Hands out the texts a few at a time; `window` bounds those that are handed out and not yet `released`."""

    def __init__(self, inputs: Inputs, window: int | None = None) -> None:
        if isinstance(inputs, (str, bytes)) or not isinstance(inputs, (Iterable, AsyncIterable)):
            raise TypeError("inputs must be an iterable of texts; fill_mask takes one text")
        self.total = len(inputs) if isinstance(inputs, Sized) else None
        self._texts: Iterator[str] | None = iter(inputs) if isinstance(inputs, Iterable) else None
        self._coming: AsyncIterator[str] | None = None if isinstance(inputs, Iterable) else aiter(inputs)
        self._next = 0
        self._taking = anyio.Lock(fast_acquire=True)  # an async iterator has one reader at a time
        self._window = None if window is None else anyio.Semaphore(window)

    async def take(self, most: int) -> tuple[int, list[str]]:
        """Return the index of the next text and the next texts, `most` or fewer; none at the end."""
        async with self._taking:
            if self._window is not None:
                for _ in range(most):
                    await self._window.acquire()
            texts = list(islice(self._texts, most)) if self._texts is not None else await self._awaited(most)
            self.release(most - len(texts))
            first, self._next = self._next, self._next + len(texts)
        for offset, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"inputs[{first + offset}] must be a str, not {type(text).__name__}")
        return first, texts

    def release(self, count: int = 1) -> None:
        """Make room in the window for as many more texts."""
        if self._window is not None:
            for _ in range(count):
                self._window.release()

    async def _awaited(self, most: int) -> list[str]:
        texts: list[str] = []
        if self._coming is not None:
            async for text in self._coming:
                texts.append(text)
                if len(texts) == most:
                    return texts
        self._coming = None  # not every iterator likes to be asked again after its end
        return texts

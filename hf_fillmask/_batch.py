"""The fan-out: many texts, pulled lazily by as many workers as the pace allows, in bounded memory.

Rule: it is given a function that fills a list of texts, and knows no HTTP. A stream is an async context manager: an
async generator that yields inside a task group would break cancellation. Leaving its block cancels what still runs.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup

from ._deadline import Deadline
from ._errors import DeadlineExceededError, FillMaskError
from ._pace import ListSize, Pace
from ._source import Inputs, Source
from ._values import BatchItem, FillMaskResult

__all__ = ["BatchStream", "Fill", "Filled", "OnProgress"]

_log = logging.getLogger("hf_fillmask")

Filled = FillMaskResult | FillMaskError
Fill = Callable[[list[str]], Awaitable[list[Filled]]]
"""Fills a few texts: a result or an error for each, in their order; what it raises ends the batch."""

OnProgress = Callable[[int, int | None, int], None]
"""Told after each request: how many texts are done, of how many (None: unknown), and how many with an error."""

_ROUNDS = 8  # how many rounds of all workers an ordered stream may run ahead of the oldest text that is not done


class BatchStream(AsyncIterator[BatchItem]):
    """The items of a batch, as they get done or in order: an async context manager around an async iterator.

    `AsyncFillMaskClient.fill_mask_stream` makes it; it is entered once. Leaving the block cancels what still runs.
    `unread` is the error that it ends with if the deadline ended the reading, and None otherwise.
    """

    def __init__(
        self,
        inputs: Inputs,
        fill: Fill,
        life: Callable[[], AbstractContextManager[None]],
        *,
        pace: Pace,
        size: ListSize,
        most: int,
        ordered: bool = False,
        on_progress: OnProgress | None = None,
        deadline: Deadline,
    ) -> None:
        window = _ROUNDS * most * size.most if ordered else None
        self._source = Source(inputs, window, deadline)
        # Who reads a list from a live source waits for the rest of it, and cannot send meanwhile what has arrived.
        self._fewest = 2 if self._source.is_live and size.most > 1 else 1
        self._turns = anyio.Lock(fast_acquire=True)  # of two workers where the pace allows one
        self._deadline = deadline
        self._fill = fill
        self._life = life
        self._pace = pace
        self._size = size
        self._ordered = ordered
        self._on_progress = on_progress
        self._workers = 0
        self._done = self._errors = self._due = 0
        self._failure: Exception | None = None
        self.unread: DeadlineExceededError | None = None
        self._ended = False
        self._early: dict[int, BatchItem] = {}
        self._ready: deque[BatchItem] = deque()
        self._most = most

    async def __aenter__(self) -> Self:
        """Start the workers."""
        self._news = anyio.Event()
        self._room = anyio.Event()
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._group.start_soon(self._run)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Cancel what still runs. The error of the block is not shown to the group, which would wrap it."""
        self._group.cancel_scope.cancel()
        await self._group.__aexit__(None, None, None)

    async def __anext__(self) -> BatchItem:
        """Return the next item; what is no error of the tree (the iterable's own, a closed client) is raised.

        So is, after the last item, a DeadlineExceededError if the deadline ended the reading of an iterable without a
        length.
        """
        await self._wait_for_items()
        self._make_room(1)
        return self._ready.popleft()

    async def next_items(self) -> list[BatchItem]:
        """Return all the items that wait for the reader: one at least. StopAsyncIteration at the end."""
        await self._wait_for_items()
        items = list(self._ready)
        self._make_room(len(items))
        self._ready.clear()
        return items

    async def _wait_for_items(self) -> None:
        """Take nothing: a reader that is cancelled leaves every item where it is.

        anyio's memory object stream hands an item to the reader that waits, and asyncio may cancel that one before it
        runs: the item is lost, and an ordered stream waits for it for ever.
        """
        while not self._ready:
            if self._ended:
                if self._failure is not None:
                    raise self._failure from None
                raise StopAsyncIteration
            if self._news.is_set():
                self._news = anyio.Event()
            await self._news.wait()

    def _make_room(self, count: int) -> None:
        """Let the workers go on that wait for the reader, once `count` items are out of their way."""
        self._source.release(count)
        if len(self._ready) - count <= self._room_for:
            self._room.set()

    @property
    def _room_for(self) -> int:
        """How many items may wait for the reader before the workers wait, too."""
        return self._most * self._size.size

    def _sorted(self, items: list[BatchItem]) -> list[BatchItem]:
        """Keep those back that are early, in an ordered stream."""
        if not self._ordered:
            return items
        self._early.update((item.index, item) for item in items)
        due: list[BatchItem] = []
        while self._due in self._early:
            due.append(self._early.pop(self._due))
            self._due += 1
        return due

    async def _run(self) -> None:
        try:
            with self._life():
                async with anyio.create_task_group() as group:
                    self._staff(group)
                if self._source.cut and self._failure is None:
                    self.unread = self._deadline.error("not all texts were read within the batch's deadline")
                    self._failure = self.unread
        except RuntimeError as error:  # the client is closed, or belongs to another event loop
            self._failure = error
        finally:
            self._ended = True
            self._news.set()

    def _staff(self, group: TaskGroup) -> None:
        """Have as many workers as are wanted."""
        while self._workers < self._wanted:
            self._workers += 1
            group.start_soon(self._work, group)

    @property
    def _wanted(self) -> int:
        return max(self._pace.limit, self._fewest)

    async def _work(self, group: TaskGroup) -> None:
        try:
            while self._workers <= self._wanted:
                first, texts = await self._source.take(self._size.size)
                if not texts:
                    return
                async with self._turns if self._pace.limit == 1 else nullcontext():
                    filled = await self._fill(texts)
                await self._deliver(first, texts, filled)
                self._source.landed()
                self._staff(group)
        except Exception as error:
            # Kept for the reader, who gets it as itself and not in a group; all others stop.
            self._failure = self._failure or error
            group.cancel_scope.cancel()
        finally:
            self._workers -= 1

    async def _deliver(self, first: int, texts: list[str], filled: list[Filled]) -> None:
        items = [_item(first + place, text, got) for place, (text, got) in enumerate(zip(texts, filled, strict=True))]
        self._done += len(items)
        self._errors += sum(item.error is not None for item in items)
        if self._on_progress is not None:
            try:
                self._on_progress(self._done, self._source.total, self._errors)
            except Exception:
                _log.exception("on_progress raised; the batch goes on")
        self._ready.extend(self._sorted(items))
        self._news.set()
        while len(self._ready) > self._room_for:  # the reader is behind
            if self._room.is_set():
                self._room = anyio.Event()
            await self._room.wait()


def _item(index: int, inputs: str, filled: Filled) -> BatchItem:
    if isinstance(filled, FillMaskResult):
        return BatchItem(index, inputs, result=filled)
    return BatchItem(index, inputs, error=filled)

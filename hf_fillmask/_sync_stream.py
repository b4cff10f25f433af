"""A batch's stream for blocking code.

Rule: it does nothing but call the async stream in the portal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from ._batch import BatchStream
from ._portal import Portal
from ._values import BatchItem

__all__ = ["SyncBatchStream"]


class SyncBatchStream(Iterator[BatchItem]):
    """The items of a batch for blocking code: a context manager around an iterator of `BatchItem`.

    `FillMaskClient.fill_mask_stream` makes it. Leaving the block cancels what still runs.
    """

    def __init__(self, stream: BatchStream, portal: Portal) -> None:
        self._stream = stream
        self._portal = portal
        self._ready: deque[BatchItem] = deque()

    def __enter__(self) -> Self:
        """Start the workers."""
        self._context = self._portal.enter(self._stream)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Cancel what still runs."""
        self._context.__exit__(None, None, None)

    def __next__(self) -> BatchItem:
        """Wait for the next item; the hop to the event loop is paid once a request, not once an item."""
        if not self._ready:
            self._ready.extend(self._portal.call(self._next_items))
        if not self._ready:
            raise StopIteration
        return self._ready.popleft()

    async def _next_items(self) -> list[BatchItem]:
        try:
            return await self._stream.next_items()
        except StopAsyncIteration:
            return []

"""Where lines go: gathered for a moment, then written and now and then brought to the disk, beside the event loop.

Rule: what was put is written, also when the run is cancelled; only what the system refuses is not. A line waits a tenth
of a second at most, so a kill costs no more than that; a power cut costs about a second.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio

__all__ = ["Sink", "Writers", "writing"]

_TICK = 0.1  # seconds
_SYNC = 1.0  # seconds
_WAKE = 1 << 18  # bytes; write at once
_FULL = 1 << 22  # bytes; put no more before they are written


@dataclass(frozen=True, slots=True)
class Writers:
    """What a sink calls, in a worker thread: for lines, for failed rows as they were, and to bring all to the disk."""

    write: Callable[[bytes], None]
    sync: Callable[[], None]
    write_failed: Callable[[Sequence[Any]], None] | None = None


class Sink:
    """Takes lines and failed rows, and has them written in the order in which they came."""

    def __init__(self, writers: Writers) -> None:
        self._writers = writers
        self._lines: list[bytes] = []
        self._failed: list[Any] = []
        self._size = 0
        self._broken = False
        self._synced = 0.0
        self._wake = anyio.Event()
        self._writing = anyio.Lock()

    @property
    def is_full(self) -> bool:
        """Whether whoever puts should wait for `room`."""
        return self._size >= _FULL

    @property
    def keeps_failed(self) -> bool:
        """Whether somebody wants the failed rows."""
        return self._writers.write_failed is not None

    def put(self, line: bytes) -> None:
        """Take a line."""
        self._lines.append(line)
        self._grow(len(line))

    def put_failed(self, raw: Any) -> None:
        """Take a failed row as it stood in the input."""
        self._failed.append(raw)
        self._grow(1)

    async def room(self) -> None:
        """Make room: wait until what is there is written."""
        await self.flush()

    async def flush(self, *, sync: bool = False) -> None:
        """Write what is there; a cancellation waits for that."""
        async with self._writing:
            if self._broken:
                return
            lines, failed = b"".join(self._lines), self._failed
            self._lines, self._failed, self._size = [], [], 0
            with anyio.CancelScope(shield=True):
                self._broken = True
                await anyio.to_thread.run_sync(self._write, lines, failed, sync)
                self._broken = False

    async def run(self) -> None:
        """Write what comes, for ever."""
        self._synced = anyio.current_time()
        while True:
            with anyio.move_on_after(_TICK):
                await self._wake.wait()
            self._wake = anyio.Event()
            due = anyio.current_time() - self._synced >= _SYNC
            await self.flush(sync=due)
            if due:
                self._synced = anyio.current_time()

    def _grow(self, size: int) -> None:
        before, self._size = self._size, self._size + size
        if before < _WAKE <= self._size:
            self._wake.set()

    def _write(self, lines: bytes, failed: Sequence[Any], sync: bool) -> None:
        if lines:
            self._writers.write(lines)
        if self._writers.write_failed is not None:
            self._writers.write_failed(failed)
        if sync:
            self._writers.sync()


@asynccontextmanager
async def writing(writers: Writers) -> AsyncGenerator[Sink]:
    """Run a sink for the length of a block; at its end all is written and on the disk, however it ends."""
    sink = Sink(writers)
    async with anyio.create_task_group() as group:
        group.start_soon(sink.run)
        try:
            yield sink
        finally:
            with anyio.CancelScope(shield=True):
                await sink.flush(sync=True)
        group.cancel_scope.cancel()

"""Signals that end a run: Ctrl-C, SIGTERM, and a terminal that is closed.

Rule: the first one ends the run in good order; a second one, whatever is still going on.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from anyio.abc import TaskStatus

__all__ = ["Stop", "stopping"]


@dataclass(slots=True)
class Stop:
    """The number of the signal that ended the block; None if none did."""

    signal: int | None = None


@asynccontextmanager
async def stopping() -> AsyncGenerator[Stop]:
    """Cancel the block when a signal comes, and tell which."""
    stop = Stop()
    async with anyio.create_task_group() as group:
        if os.name == "posix":  # elsewhere Ctrl-C cancels by itself, and there is no SIGTERM to wait for
            await group.start(_wait, stop, group.cancel_scope)
        yield stop
        group.cancel_scope.cancel()


async def _wait(stop: Stop, scope: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
        wanted.append(signal.SIGHUP)
    with anyio.open_signal_receiver(*wanted) as signals:
        task_status.started()
        async for number in signals:
            stop.signal = number
            scope.cancel()

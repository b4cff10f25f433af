"""Signals that end a run: Ctrl-C, SIGTERM, and a terminal that is closed.

Rule: the first one ends the run in good order; a second one, whatever is still going on.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import anyio

__all__ = ["Stop", "stopping"]


@dataclass(slots=True)
class Stop:
    """The number of the signal that ended the block; None if none did."""

    signal: int | None = None

    @property
    def name(self) -> str:
        """What people call the signal."""
        return "Ctrl-C" if self.signal == signal.SIGINT else signal.Signals(self.signal or 0).name


@asynccontextmanager
async def stopping() -> AsyncGenerator[Stop]:
    """Cancel the block when a signal comes, and tell which."""
    stop = Stop()
    async with anyio.create_task_group() as group:
        group.start_soon(_wait, stop, group.cancel_scope)
        yield stop
        group.cancel_scope.cancel()


async def _wait(stop: Stop, scope: anyio.CancelScope) -> None:
    hangup = getattr(signal, "SIGHUP", signal.SIGTERM)
    ignored = signal.getsignal(hangup) is signal.SIG_IGN  # as nohup leaves it
    wanted = {signal.SIGINT, signal.SIGTERM, signal.SIGTERM if ignored else hangup}
    # Windows has no such receivers; there Ctrl-C cancels by itself.
    with suppress(NotImplementedError), anyio.open_signal_receiver(*wanted) as signals:
        stop.signal = await anext(signals)
        scope.cancel()

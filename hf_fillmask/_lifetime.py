"""The life of a client: one event loop, the calls under way, and its end.

Rule: knows nothing of HTTP. A call runs inside `Lifetime.call`, which bounds it by its deadline and ends it when the
client is closed.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager

import anyio
import anyio.lowlevel

from ._errors import DeadlineExceededError

__all__ = ["Lifetime"]


class Lifetime:
    """Binds a client to the first event loop that it is used in: its connections and locks belong to that one."""

    def __init__(self) -> None:
        self._loop: anyio.lowlevel.EventLoopToken | None = None
        self._running: set[anyio.CancelScope] = set()
        self._idle: anyio.Event | None = None
        self.closed = False

    def check(self) -> None:
        """Raise RuntimeError if the client is closed, or belongs to another event loop."""
        if self.closed:
            raise RuntimeError("this client is closed; make a new one")
        self.check_loop()

    def check_loop(self) -> None:
        """Raise RuntimeError if the client belongs to another event loop."""
        loop = anyio.lowlevel.current_token()
        if self._loop is None:
            self._loop = loop
        elif self._loop != loop:
            raise RuntimeError(
                "this client was first used in another event loop, and its connections belong to that one; "
                "make one client a loop (or use FillMaskClient, which keeps a loop of its own)"
            )

    @contextmanager
    def call(self, model: str | None, deadline: float | None) -> Generator[None]:
        """Run a call: DeadlineExceededError after `deadline` seconds, RuntimeError when the client is closed."""
        self.check()
        ends = math.inf if deadline is None else anyio.current_time() + deadline
        with anyio.CancelScope(deadline=ends) as scope:
            self._running.add(scope)
            try:
                yield
                return
            finally:
                self._running.remove(scope)
                if self._idle is not None and not self._running:
                    self._idle.set()
        if self.closed:
            raise RuntimeError("this client was closed while the call ran")
        raise DeadlineExceededError(f"the call took longer than its deadline of {deadline:g} s.", model=model)

    async def end(self) -> None:
        """End the calls under way, and wait until each has let go of what it held."""
        self.closed = True
        for scope in self._running:
            scope.cancel()
        if self._running:
            self._idle = anyio.Event()
            await self._idle.wait()

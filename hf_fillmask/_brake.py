"""The brake: a 429 stops every caller of its host, and the end of the pause is a slow start.

Rule: knows no HTTP and runs no task of its own. After the pause one request goes out; each answer that is no 429 lets
one more go beside it, so the number in flight doubles with every round trip until the limit is reached again.
"""

from __future__ import annotations

import math

import anyio

__all__ = ["Brake"]


class Brake:
    """The brake of one host. `enter` before a request, `leave` after it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._window = math.inf  # requests that may be in flight; infinite unless a 429 came lately
        self._in_flight = 0
        self._until = -math.inf
        self._queue: dict[anyio.Event, None] = {}  # in the order of their coming

    async def enter(self) -> None:
        """Wait for the end of the pause, and for a place in the window."""
        try:
            while True:
                await self.pass_pause()
                if self._in_flight < self._window:
                    self._in_flight += 1
                    return
                await self._wait_for_place()
        except BaseException:
            self._admit()  # whoever is cancelled may have been called up: the next one is
            raise

    def admits(self) -> bool:
        """Whether a request that has entered may still go: a 429 may have come while it stood in another queue."""
        return self._window == math.inf or (anyio.current_time() >= self._until and self._in_flight <= self._window)

    async def pass_pause(self) -> None:
        """Wait for the end of the pause alone; for requests that a server holds for minutes."""
        while self._window < math.inf and (left := self._until - anyio.current_time()) > 0:
            await anyio.sleep(left)

    async def _wait_for_place(self) -> None:
        place = anyio.Event()
        self._queue[place] = None
        try:
            await place.wait()
        finally:
            self._queue.pop(place, None)

    def leave(self, *, answered: bool) -> None:
        """Give the place back; an answer that is no refusal widens the window."""
        self._in_flight -= 1
        if answered and self._window < math.inf and anyio.current_time() >= self._until:
            self._window = self._window + 1 if self._window + 1 < self._limit else math.inf
        self._admit()

    def hold(self, seconds: float) -> None:
        """Pause every caller for `seconds`, and start slowly after it."""
        self._until = max(self._until, anyio.current_time() + seconds)
        self._window = 1

    def _admit(self) -> None:
        free = self._window - self._in_flight
        for place in list(self._queue)[: len(self._queue) if free == math.inf else max(0, int(free))]:
            del self._queue[place]
            place.set()

"""A cap on requests a second: texts are let through evenly, one turn after the other.

Rule: knows nothing but the clock of the event loop, and belongs to one.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable

import anyio

__all__ = ["Paced", "Rate", "checked_rate"]

_CATCH_UP = 0.1  # seconds; timers fire late, and without this every delay would be lost for good


def checked_rate(per_second: float) -> float:
    """Accept a positive, finite number of requests a second."""
    if not 0 < per_second < math.inf:
        raise ValueError(f"requests_per_second must be a positive, finite number, not {per_second}")
    return per_second


class Rate:
    """Gives `per_second` turns a second, the first at once.

    The times are planned, not measured: what is late is caught up, but never more than a tenth of a second's turns, so
    that whoever stalled does not come back with a burst.
    """

    def __init__(self, per_second: float) -> None:
        self._gap = 1 / per_second
        self._latest = max(0.0, _CATCH_UP - self._gap)
        self._due = -math.inf

    async def turn(self) -> None:
        """Wait for the caller's turn; turns are given in the order in which they are asked for."""
        self._due = max(self._due + self._gap, anyio.current_time() - self._latest)
        await anyio.sleep_until(self._due)


class Paced(AsyncIterator[str]):
    """Texts that wait for their turn, `each` of them for one: as many as go into one request."""

    # No async generator: trio warns of one that is left before its end.
    def __init__(self, texts: Iterable[str], rate: Rate, each: int) -> None:
        self._texts = enumerate(texts)
        self._rate = rate
        self._each = each

    async def __anext__(self) -> str:
        """Return the next text, in its time."""
        for place, text in self._texts:
            if place % self._each == 0:
                await self._rate.turn()
            return text
        raise StopAsyncIteration

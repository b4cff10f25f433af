"""A cap on requests a second: texts are let through evenly, one turn after the other.

Rule: knows nothing but the clock of the event loop, and belongs to one.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable

import anyio

__all__ = ["Rate", "checked_rate"]

_CATCH_UP = 0.1  # seconds; timers fire late, and without this every delay would be lost for good


def checked_rate(per_second: float) -> float:
    """Accept a positive, finite number of requests a second."""
    if not 0 < per_second < math.inf:
        raise ValueError(f"requests_per_second must be a positive, finite number, not {per_second}")
    return per_second


class Rate:
    """Gives `per_second` turns a second, and at most a tenth of a second's turns at once."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1 / per_second
        self._due = -math.inf

    async def turn(self) -> None:
        """Wait for the caller's turn; turns are given in the order in which they were asked for."""
        self._due = max(self._due, anyio.current_time() - _CATCH_UP) + self._gap
        await anyio.sleep_until(self._due)

    async def paced(self, texts: Iterable[str], each: int) -> AsyncIterator[str]:
        """Give the texts on, `each` of them a turn: as many as go into one request."""
        for place, text in enumerate(texts):
            if place % each == 0:
                await self.turn()
            yield text

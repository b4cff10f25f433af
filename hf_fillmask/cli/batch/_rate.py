"""The cap of `--max-rps`.

Rule: the times are planned, not measured: a pause that takes too long is made up for, but never more than a tenth of a
second of it, so a stalled run does not come back with a burst.
"""

from __future__ import annotations

import anyio

__all__ = ["Rate"]

_CATCH_UP = 0.1  # seconds


class Rate:
    """Lets `per_second` callers through a second; all of them with None."""

    def __init__(self, per_second: float | None) -> None:
        self._pause = None if per_second is None else 1 / per_second
        self._next = 0.0

    async def wait(self) -> None:
        """Wait for the next turn."""
        if self._pause is None:
            return
        now = anyio.current_time()
        turn = max(self._next, now - _CATCH_UP)
        self._next = turn + self._pause
        if turn > now:
            await anyio.sleep(turn - now)

"""One client a process and event loop: connections, locks and learnt masks belong to where they were made.

Rule: nothing global, and nothing opened before it is asked for; a forked child finds none of its parent's.
"""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass

from anyio.lowlevel import EventLoopToken, current_token

from ._client import AsyncFillMaskClient
from ._rate import Rate

__all__ = ["Clients", "Opened"]


@dataclass(frozen=True)
class Opened:
    """A client, and the cap on what it sends."""

    client: AsyncFillMaskClient
    rate: Rate | None


class Clients:
    """Copies of a client that is never used itself, one for each process and event loop that asks."""

    def __init__(self, client: AsyncFillMaskClient, requests_per_second: float | None) -> None:
        self._client = client
        self._requests_per_second = requests_per_second
        self._opened: dict[tuple[int, EventLoopToken], Opened] = {}

    def here(self) -> Opened:
        """Return the client of this process and event loop."""
        key = os.getpid(), current_token()
        if key not in self._opened:
            rate = None if self._requests_per_second is None else Rate(self._requests_per_second)
            self._opened[key] = Opened(copy.copy(self._client), rate)
        return self._opened[key]

    async def aclose(self) -> None:
        """Close the client of this process and event loop, if there is one."""
        opened = self._opened.pop((os.getpid(), current_token()), None)
        if opened is not None:
            await opened.client.aclose()

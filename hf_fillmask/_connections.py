"""The connections of a client: which of them takes a request, and when one is closed.

Rule: knows no HTTP library, only channels that are made elsewhere. To one host there are never more connections than
exchanges were made at a time; to several hosts together twice `max_connections`, so that who alternates between them
does not connect anew each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from ._credentials import Credentials
from ._exchange import Request, Response
from ._http import KEEPALIVE, Channel, ClientChannel, Surroundings, check_kind, make_channel
from ._settings import TransportKind

if TYPE_CHECKING:
    import httpx

__all__ = ["Connections"]


@dataclass(frozen=True, slots=True)
class _Free:
    """A channel that nobody uses, the origin that it leads to, and since when it has been free."""

    channel: Channel
    origin: str
    since: float


class Connections:
    """An exchange has a channel to itself, of those that lead to its host the one that was free last.

    It stands in for a pool of httpcore's, which walks through all its connections at each request (encode/httpx#3215).
    A user's own client, and aiohttp, whose pool does not mind its size, are one channel for all exchanges.
    """

    def __init__(self, max_connections: int, injected: httpx.AsyncClient | None, kind: TransportKind = "httpx") -> None:
        check_kind(kind)
        self._max_connections = max_connections
        self._kind: TransportKind = kind
        self._surroundings: Surroundings | None = None
        self._shared: Channel | None = None if injected is None else ClientChannel(injected, owned=False)
        self._free: list[_Free] = []  # in the order of `since`
        self._busy = 0

    @property
    def is_open(self) -> bool:
        """Whether an exchange can be made; an injected client is open from the start."""
        return self._shared is not None or self._surroundings is not None

    @property
    def owns_connections(self) -> bool:
        """Whether there is something that only `aclose` releases."""
        return self._surroundings is not None

    def open(self, around: Surroundings) -> None:
        """Take what `surroundings()` has read: that blocks, and is not undone if who waits for it is cancelled."""
        self._surroundings = around
        if self._kind == "aiohttp":
            self._shared = self._new()

    async def exchange(self, request: Request, credentials: Credentials) -> Response:
        """Send `request` once."""
        if self._shared is not None:
            return await self._shared.exchange(request, credentials)
        origin = request.origin
        channel, unwanted = self._chosen(origin)
        self._busy += 1
        answered = False
        try:
            if unwanted is not None:
                await unwanted.aclose()
            response = await channel.exchange(request, credentials)
            answered = True
            return response
        finally:
            if not answered:  # it may be in the middle of what was given up
                with anyio.CancelScope(shield=True):
                    await channel.aclose()
            self._busy -= 1
            if answered:
                self._free.append(_Free(channel, origin, anyio.current_time()))

    def _chosen(self, origin: str) -> tuple[Channel, Channel | None]:
        """Give a channel for an exchange with `origin`, and the one to close first, if there is one.

        That is the one that has been free for longest, if that is too long, or if a new one would be one too many.
        """
        for place in reversed(range(len(self._free))):
            if self._free[place].origin == origin:
                return self._free.pop(place).channel, self._unwanted(crowded=False)
        crowded = len(self._free) + self._busy >= 2 * self._max_connections
        return self._new(), self._unwanted(crowded=crowded)

    def _unwanted(self, *, crowded: bool) -> Channel | None:
        if self._free and (crowded or self._free[0].since < anyio.current_time() - KEEPALIVE):
            return self._free.pop(0).channel
        return None

    def _new(self) -> Channel:
        if self._surroundings is None:
            raise RuntimeError("the connections are not open")
        return make_channel(self._surroundings, self._kind, self._max_connections)

    async def aclose(self) -> None:
        """Close the connections that were opened here."""
        channels = [free.channel for free in self._free] if self._shared is None else [self._shared]
        self._free.clear()
        self._surroundings = None
        for channel in channels:
            await channel.aclose()

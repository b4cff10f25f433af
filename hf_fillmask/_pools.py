"""The connections of a client: which of them takes a request, and when one is closed.

Rule: knows no HTTP library, only pools that are made elsewhere. To one host there are never more connections than
exchanges were made at a time; to several hosts together twice `max_connections`, so that who alternates between them
does not connect anew each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from ._credentials import Credentials
from ._exchange import Request, Response
from ._http import KEEPALIVE, ClientPool, Pool, Surroundings, check_kind, make_pool
from ._settings import TransportKind

if TYPE_CHECKING:
    import httpx

__all__ = ["ConnectionPools"]


@dataclass(frozen=True, slots=True)
class _Free:
    """A pool that nobody uses, the origin that its connection leads to, and since when it has been free."""

    pool: Pool
    origin: str
    since: float


class ConnectionPools:
    """A pool is one connection: an exchange has it to itself, of those to its host the one that was free last.

    httpcore walks through all connections of a pool at each request (encode/httpx#3215). A user's own client, and
    aiohttp, whose pool does not mind its size, are one pool for all exchanges.
    """

    def __init__(self, max_connections: int, injected: httpx.AsyncClient | None, kind: TransportKind = "httpx") -> None:
        check_kind(kind)
        self._max_connections = max_connections
        self._kind: TransportKind = kind
        self._surroundings: Surroundings | None = None
        self._shared: Pool | None = None if injected is None else ClientPool(injected, owned=False)
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
        pool, unwanted = self._chosen(origin)
        self._busy += 1
        answered = False
        try:
            if unwanted is not None:
                await unwanted.aclose()
            response = await pool.exchange(request, credentials)
            answered = True
            return response
        finally:
            if not answered:  # httpcore may have lost track of the connection
                with anyio.CancelScope(shield=True):
                    await pool.aclose()
            self._busy -= 1
            if answered:
                self._free.append(_Free(pool, origin, anyio.current_time()))

    def _chosen(self, origin: str) -> tuple[Pool, Pool | None]:
        """Give a pool for an exchange with `origin`, and the one to close first, if there is one.

        That is the one that has been free for longest, if that is too long, or if a new one would be one too many.
        """
        for place in reversed(range(len(self._free))):
            if self._free[place].origin == origin:
                return self._free.pop(place).pool, self._unwanted(crowded=False)
        crowded = len(self._free) + self._busy >= 2 * self._max_connections
        return self._new(), self._unwanted(crowded=crowded)

    def _unwanted(self, *, crowded: bool) -> Pool | None:
        if self._free and (crowded or self._free[0].since < anyio.current_time() - KEEPALIVE):
            return self._free.pop(0).pool
        return None

    def _new(self) -> Pool:
        if self._surroundings is None:
            raise RuntimeError("the pools are not open")
        return make_pool(self._surroundings, self._kind, self._max_connections)

    async def aclose(self) -> None:
        """Close the connections that were opened here."""
        pools = [free.pool for free in self._free] if self._shared is None else [self._shared]
        self._free.clear()
        self._surroundings = None
        for pool in pools:
            await pool.aclose()

"""What a client does once, at its first call: read the token's file and the CA bundle.

Rule: what blocks runs in a worker thread, and however many first calls come together, it is done once.
"""

from __future__ import annotations

import logging
from pathlib import Path

import anyio
import sniffio

from ._connections import Connections
from ._credentials import Credentials, token_in
from ._filler import Filler
from ._http import Surroundings, surroundings
from ._settings import Settings
from ._transport import AsyncTransport

__all__ = ["Opening"]

_log = logging.getLogger("hf_fillmask")


class Opening:
    """Makes the `Filler` of a client when it is first asked for."""

    def __init__(self, settings: Settings, connections: Connections) -> None:
        self._settings = settings
        self._connections = connections
        # Locks and gates belong to an event loop, and the one that runs now may not be the one of the first call.
        self._lock: anyio.Lock | None = None
        self._filler: Filler | None = None

    async def filler(self) -> Filler:
        """Return the filler; RuntimeError where the transport does not know the event loop."""
        if self._filler is None:
            if self._settings.transport == "aiohttp" and sniffio.current_async_library() != "asyncio":
                raise RuntimeError("transport='aiohttp' runs on asyncio only; use the default transport on trio")
            self._lock = self._lock or anyio.Lock()
            async with self._lock:
                if self._filler is None:
                    around, credentials = await self._prepared()
                    if around is not None:
                        self._connections.open(around)
                    transport = AsyncTransport(self._connections, self._settings)
                    self._filler = Filler(self._settings, credentials, transport)
        return self._filler

    async def _prepared(self) -> tuple[Surroundings | None, Credentials]:
        """Read files in a worker thread, which changes nothing: it goes on when asyncio cancels who waits for it."""
        found = self._settings.found_token
        around = None if self._connections.is_open else await anyio.to_thread.run_sync(surroundings)
        if isinstance(found, Path):
            return around, await anyio.to_thread.run_sync(_read_token, found)
        return around, found or Credentials()


def _read_token(path: Path) -> Credentials:
    try:
        return token_in(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Credentials()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds no token"
        _log.warning("the token file %s cannot be read, no token is sent: %s", path, reason)
        return Credentials()

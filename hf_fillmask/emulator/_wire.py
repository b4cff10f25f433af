"""uvicorn's HTTP protocol, with connections that an application can break.

Rule: the only module that reaches into a connection of uvicorn.
"""

import asyncio
import socket
import struct
import sys

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ._breaking import EXTENSION

__all__ = ["BreakableProtocol"]

# On, and nothing lingers: the kernel drops what was not sent, and tells the other side with an RST.
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class BreakableProtocol(H11Protocol):
    """Gives the application each request with the connection that it came on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Put the connection into the scope of whatever comes on it."""
        super().connection_made(transport)
        self.app = _with_connection(self.app, _Connection(transport))


class _Connection:
    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def close(self) -> None:
        self._transport.close()

    def reset(self) -> None:
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()


def _with_connection(app: ASGIApp, connection: _Connection) -> ASGIApp:
    async def connected(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("extensions", {})[EXTENSION] = connection
        await app(scope, receive, send)

    return connected

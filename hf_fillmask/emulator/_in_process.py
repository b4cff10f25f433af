"""The way from an httpx client to the application without a socket, broken connections included.

Rule: whatever a real connection would do to httpx, this does: the same errors, of the same classes, at the same moment.
The only module of the emulator that touches httpx.
"""

from typing import Self

import anyio
import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from ._breaking import EXTENSION

__all__ = ["InProcessTransport", "client_of"]


def client_of(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    """Return a client that sends through `transport`, and looks for no proxies or certificates of the surroundings."""
    return httpx.AsyncClient(transport=transport, trust_env=False)


class InProcessTransport(httpx.AsyncBaseTransport):
    """Asks `app` in the event loop of the caller; any number of loops may use it, and there is nothing to close.

    A client's `timeout=` bounds the wait for an answer, as the time to read does on a socket.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer of the application, or raise what httpx raises when a connection breaks."""
        connection = _Connection()
        transport = httpx.ASGITransport(_with_connection(self._app, connection), raise_app_exceptions=False)
        with anyio.move_on_after(request.extensions.get("timeout", {}).get("read")):
            response = await transport.handle_async_request(request)
            if connection.was_reset:
                raise httpx.ReadError("Connection reset by peer", request=request)
            if not connection.was_closed:
                return response
            arrived = _Cut(await response.aread())
            return httpx.Response(response.status_code, headers=response.headers, stream=arrived)
        raise httpx.ReadTimeout("nothing came in time", request=request)


class _Connection:
    def __init__(self) -> None:
        self.was_reset = False
        self.was_closed = False

    def close(self) -> None:
        self.was_closed = True

    def reset(self) -> None:
        self.was_reset = True


class _Cut(httpx.AsyncByteStream):
    """What arrived of a body, and then the error. No generator: trio complains of one that is left half way."""

    def __init__(self, arrived: bytes) -> None:
        self._parts = [arrived]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._parts:
            return self._parts.pop()
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


def _with_connection(app: ASGIApp, connection: _Connection) -> ASGIApp:
    async def connected(scope: Scope, receive: Receive, send: Send) -> None:
        async def disconnected() -> dict[str, object]:
            # The end of the connection is seen by both sides of it.
            if connection.was_reset or connection.was_closed:
                return {"type": "http.disconnect"}
            return dict(await receive())

        scope.setdefault("extensions", {})[EXTENSION] = connection
        await app(scope, disconnected, send)
        if connection.was_reset:
            await send({"type": "http.response.start", "status": 502, "headers": []})
        if connection.was_reset or connection.was_closed:
            await send({"type": "http.response.body", "body": b""})

    return connected

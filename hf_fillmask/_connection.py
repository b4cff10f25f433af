"""One connection: httpcore's HTTP/1.1 over a stream of anyio.

Rule: the only module that imports httpcore, and nobody imports it before the first call: that takes up to 130 ms.
It stands in for httpcore's pool and httpcore's own streams. The pool looks for a connection at every request, and has
just one here; the streams put a time limit around each read and write, and send a request's head and its body in two
packets. A call took 1.6 times the CPU with both (64 requests in flight, benchmarks/compare.py).
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import anyio
import httpcore
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute, TLSStream

__all__ = ["Connection"]

_PACKET = 65_536  # bytes that wait for each other; what is longer goes out at once

_ATTRIBUTES: dict[str, Any] = {
    "client_addr": SocketAttribute.local_address,
    "server_addr": SocketAttribute.remote_address,
    "socket": SocketAttribute.raw_socket,
    "ssl_object": TLSAttribute.ssl_object,
}


class Connection:
    """A connection to the host of its first request; made anew when the server has closed it, or it idled too long."""

    def __init__(self, certificates: ssl.SSLContext, keepalive: float) -> None:
        self._certificates = certificates
        self._keepalive = keepalive
        self._connection: httpcore.AsyncHTTPConnection | None = None

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send one request; the one before has been read or closed."""
        connection = self._connection
        if connection is None or not _is_fit(connection):
            await self.aclose()
            connection = self._connection = httpcore.AsyncHTTPConnection(
                request.url.origin,
                ssl_context=self._certificates,
                keepalive_expiry=self._keepalive,
                network_backend=_Network(),
            )
        return await connection.handle_async_request(request)

    async def aclose(self) -> None:
        """Close it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose()


def _is_fit(connection: Any) -> bool:
    """Whether a connection can take a request: it is open, idle, and nothing came after the last answer.

    h11 keeps what came in a packet with that answer, and httpcore would take it for the answer to the next request.
    """
    if connection.has_expired() or not connection.is_available():
        return False
    unasked, _ = connection._connection._h11_state.trailing_data
    return not unasked


class _Network(httpcore.AsyncNetworkBackend):
    """Connects by anyio, on either event loop. No time limit is set here: the attempt has one as a whole."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            return _Stream(await anyio.connect_tcp(host, port))
        except (OSError, anyio.BrokenResourceError) as error:
            raise httpcore.ConnectError(_reason(error)) from error


class _Stream(httpcore.AsyncNetworkStream):
    """Bytes to and from a server; what is written goes out when its answer is asked for, all in one packet."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._unsent = b""
        self._has_news = _watch(stream.extra(SocketAttribute.raw_socket))
        self._tls: ssl.SSLObject | None = stream.extra(TLSAttribute.ssl_object, None)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._unsent += buffer
        if len(self._unsent) > _PACKET:
            await self._send()

    async def _send(self) -> None:
        unsent, self._unsent = self._unsent, b""
        try:
            await self._stream.send(unsent)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, ssl.SSLError) as error:
            raise httpcore.WriteError(_reason(error)) from error

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            with suppress(httpcore.WriteError):  # as httpcore does: the server may have answered before it hung up
                await self._send()
        try:
            return await self._stream.receive(max_bytes)
        except anyio.EndOfStream:
            return b""
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, ssl.SSLError) as error:
            raise httpcore.ReadError(_reason(error)) from error

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        try:
            secret = await TLSStream.wrap(
                self._stream,
                ssl_context=ssl_context,
                hostname=server_hostname,
                standard_compatible=False,
                server_side=False,
            )
        except (anyio.BrokenResourceError, anyio.EndOfStream, OSError) as error:  # ssl.SSLError is an OSError
            await self.aclose()
            raise httpcore.ConnectError(_reason(error)) from error
        except BaseException:  # httpcore forgets a connection whose handshake is cancelled
            with anyio.CancelScope(shield=True):
                await self.aclose()
            raise
        return _Stream(secret)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self._has_news() or (self._tls is not None and _holds_news(self._tls))
        return self._stream.extra(_ATTRIBUTES[info], None) if info in _ATTRIBUTES else None


def _watch(of: socket.socket) -> Callable[[], bool]:
    """Return a function that tells whether there is something to read: of an idle connection, that is the end."""
    if not hasattr(select, "poll"):  # Windows, where the event loop closes a socket that is reset while it is idle
        return lambda: of.fileno() < 0 or bool(select.select([of], [], [], 0)[0])
    poll = select.poll()
    poll.register(of, select.POLLIN)
    return lambda: bool(poll.poll(0))


def _holds_news(tls: ssl.SSLObject) -> bool:
    """Whether TLS has more to read of the packets that it took from the socket: a second answer, or the end."""
    try:
        tls.read(1)
    except ssl.SSLError as error:
        return not isinstance(error, ssl.SSLWantReadError)
    return True


def _reason(error: BaseException) -> str:
    """Say what the operating system said, which anyio keeps as the cause."""
    return str(error) or str(error.__cause__ or "") or "the server ended the connection"

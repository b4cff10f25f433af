"""HTTP: the only module that touches httpx. A `Request` goes in, a `Response` or a `TransportError` comes out.

Rule: only plain values pass to the library (so that an injected httpx2 client works as well), no type of it comes out,
and it knows nothing of cold starts, gates or resends.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import anyio
import httpx

from ._body import MAX_BODY, unpack
from ._credentials import Credentials
from ._errors import ProtocolError
from ._exchange import Request, Response
from ._http_errors import scrubbed, translated

if TYPE_CHECKING:
    import ssl

__all__ = ["ConnectionPools", "Injected", "Pool", "TransportKind"]

TransportKind = Literal["httpx", "aiohttp"]

_POOL_SIZE = 8  # connections a pool: httpcore scans its whole list at each request (encode/httpx#3215)
_KEEPALIVE = 30.0  # seconds an idle connection is kept
_QUICK = 16_384  # packed bytes that the event loop may unpack by itself; more go to a worker thread


class Pool:
    """One HTTP client and the number of exchanges that it has under way."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.busy = 0
        self._url: tuple[str, httpx.URL] | None = None

    def build(self, request: Request, headers: dict[str, str]) -> Any:
        """Build from bytes, with the last URL kept: a third of the time of ``client.build_request(json=...)``."""
        if self._url is None or self._url[0] != request.url:
            self._url = request.url, httpx.URL(request.url)
        timeout = dict.fromkeys(("connect", "read", "write", "pool"))
        return httpx.Request(
            request.method, self._url[1], headers=headers, content=request.body, extensions={"timeout": timeout}
        )

    async def exchange(self, request: Request, credentials: Credentials) -> Response:
        """Send `request` once and read the whole answer; bound neither in time nor in number."""
        self.busy += 1
        answer: Any = None
        try:
            sent = self.build(request, dict(request.headers) | credentials.header(request.url))
            answer = await self.client.send(sent, stream=True, follow_redirects=False)
            return await _read(answer, request, credentials)
        except Exception as error:
            failure = translated(error, request, reading=answer is not None)
            if failure is None:
                raise
            failure.__cause__ = scrubbed(error)
        finally:
            self.busy -= 1
            if answer is not None and not answer.is_closed:
                # Under cancellation, too: an unread body keeps its connection busy.
                with anyio.CancelScope(shield=True):
                    await answer.aclose()
        raise failure  # outside of the except block, or the library's error would be its context, unscrubbed

    async def aclose(self) -> None:
        """Close the connections."""
        await self.client.aclose()


class Injected(Pool):
    """The user's own client: it builds the request itself (its headers, its classes), and is never closed here."""

    def build(self, request: Request, headers: dict[str, str]) -> Any:
        """Let the client merge its own headers, and lift its own time limits: ours bound the attempt."""
        return self.client.build_request(
            request.method, request.url, headers=headers, content=request.body, timeout=None
        )

    async def aclose(self) -> None:
        """Leave it open."""


class ConnectionPools:
    """Several small pools side by side; an exchange takes the least busy one."""

    def __init__(self, max_connections: int, injected: httpx.AsyncClient | None, kind: TransportKind = "httpx") -> None:
        if kind == "aiohttp" and find_spec("httpx_aiohttp") is None:
            raise ImportError("transport='aiohttp' needs httpx-aiohttp: pip install 'hf-fillmask[aiohttp]'")
        self._max_connections = max_connections
        self._kind = kind
        self._context: ssl.SSLContext | None = None
        self._pools: list[Pool] = [] if injected is None else [Injected(injected)]
        self._most = 1 if injected or kind == "aiohttp" else math.ceil(max_connections / _POOL_SIZE)

    @property
    def is_open(self) -> bool:
        """Whether an exchange can be made; an injected client is open from the start."""
        return bool(self._pools)

    @property
    def owns_connections(self) -> bool:
        """Whether there is something that only `aclose` releases."""
        return any(type(pool) is Pool for pool in self._pools)

    def open(self) -> None:
        """Build the first client. This reads the CA bundle and blocks for some 25 ms: call it from a worker thread."""
        self._context = httpx.create_ssl_context()
        self._pools = [self._pool()]

    def _pool(self) -> Pool:
        if self._kind == "aiohttp":
            return Pool(_aiohttp_client(self._context, self._max_connections))
        return Pool(_client(self._context))

    async def exchange(self, request: Request, credentials: Credentials) -> Response:
        """Send `request` once through the least busy pool; a further one is opened when all are full."""
        pool = min(self._pools, key=_busy)
        if pool.busy >= _POOL_SIZE and len(self._pools) < self._most:
            pool = self._pool()
            self._pools.append(pool)
        return await pool.exchange(request, credentials)

    async def aclose(self) -> None:
        """Close the pools that were opened here."""
        pools, self._pools = self._pools, []
        for pool in pools:
            await pool.aclose()


def _busy(pool: Pool) -> int:
    return pool.busy


def _client(context: ssl.SSLContext | None) -> httpx.AsyncClient:
    # No limit of the library's own: its queue is quadratic and its pool timeout fails callers. The gate bounds us.
    limits = httpx.Limits(max_keepalive_connections=_POOL_SIZE, keepalive_expiry=_KEEPALIVE)
    return httpx.AsyncClient(verify=context or True, timeout=None, limits=limits)  # noqa: S113 - attempts are bounded


def _aiohttp_client(context: ssl.SSLContext | None, max_connections: int) -> httpx.AsyncClient:
    # aiohttp's pool does not mind its size: one is enough. Its own default would be 100 connections.
    from httpx_aiohttp import HttpxAiohttpClient

    limits = httpx.Limits(max_connections=max_connections, keepalive_expiry=_KEEPALIVE)
    return HttpxAiohttpClient(verify=context or True, timeout=None, limits=limits)


async def _read(answer: Any, request: Request, credentials: Credentials) -> Response:
    headers = _plain(answer.headers.raw)
    if answer.is_stream_consumed:
        body = answer.content  # a mock transport's answer, read and unpacked when it was made
    else:
        packed = await _collected(answer.aiter_raw(), headers.get("content-length", ""), request)
        encoding = headers.get("content-encoding")
        body = await _unpacked(packed, encoding, request) if encoding else packed
    body, headers = credentials.redact(answer.status_code, body, headers)
    return Response(status_code=answer.status_code, headers=headers, body=body)


def _plain(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Turn headers into a dict, names in lower case; what comes several times is joined by commas."""
    headers: dict[str, str] = {}
    for key, value in raw:
        name, text = key.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


async def _collected(chunks: AsyncIterator[bytes], length: str, request: Request) -> bytes:
    if length.isdecimal() and int(length) > MAX_BODY:
        raise ProtocolError(f"the answer has {length} bytes, more than the limit of {MAX_BODY}", model=request.model)
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > MAX_BODY:
            raise ProtocolError(f"the answer has more bytes than the limit of {MAX_BODY}", model=request.model)
        parts.append(chunk)
    return b"".join(parts)


async def _unpacked(packed: bytes, encoding: str, request: Request) -> bytes:
    try:
        if len(packed) < _QUICK:
            return unpack(packed, encoding)
        return await anyio.to_thread.run_sync(unpack, packed, encoding)
    except ValueError as error:
        raise ProtocolError(str(error), model=request.model) from error

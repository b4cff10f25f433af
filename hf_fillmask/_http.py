"""HTTP: the only module of the shell that touches httpx. A `Request` goes in, a `Response` or an error comes out.

Rule: only plain values pass to the library (so that an injected httpx2 client works as well), no type of it comes out,
and it knows nothing of cold starts, gates or resends.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.request import getproxies

import anyio
import httpx

from ._credentials import Credentials
from ._dropped import close_dropped
from ._exchange import Request, Response
from ._handshake import traced
from ._http_errors import translated
from ._reading import plain_headers, read_body, within_limit
from ._settings import TransportKind

if TYPE_CHECKING:
    import ssl

__all__ = [
    "KEEPALIVE",
    "Channel",
    "ClientChannel",
    "Surroundings",
    "check_kind",
    "make_channel",
    "surroundings",
]

KEEPALIVE = 30.0  # seconds an idle connection is kept


class _Bytes(httpx.AsyncByteStream):
    """A request's body. httpx's own is an async generator, of which trio complains when a send is cancelled."""

    def __init__(self, body: bytes) -> None:
        self._parts = iter((body,))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        for part in self._parts:
            return part
        raise StopAsyncIteration


class _OneConnection(httpx.AsyncHTTPTransport):
    """httpx's transport, which translates requests, answers and errors, on one connection in place of its pool."""

    def __init__(self, certificates: ssl.SSLContext) -> None:
        from ._connection import Connection

        super().__init__(verify=certificates)
        self._pool: Any = Connection(certificates, KEEPALIVE)


class Channel:
    """What exchanges are made over: a transport of httpx, on one connection or on those of aiohttp.

    A transport is what `httpx.AsyncClient` sends through; to go without the client saves a tenth of a call's time.
    """

    _url: tuple[str, httpx.URL] | None = None

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def exchange(self, request: Request, credentials: Credentials) -> Response:
        """Send `request` once and read the whole answer; bound neither in time nor in number."""
        self._checked_url(request)
        answer: Any = None
        try:
            answer = await self._answered(request, credentials)
            status = answer.status_code
            headers = credentials.redact_headers(status, plain_headers(answer.headers.raw))
            body = await self._body(answer, headers, request)
            return Response(status_code=status, headers=headers, body=credentials.redact(status, body))
        except Exception as error:
            failure = translated(error, request, reading=answer is not None)
            if failure is None:
                raise
        except BaseException as cancelled:
            await close_dropped(cancelled)
            raise
        finally:
            if answer is not None and not answer.is_closed:
                # Under cancellation, too: an unread body keeps its connection busy.
                with anyio.CancelScope(shield=True):
                    await answer.aclose()
        raise failure  # outside of the except block, or the library's error would be its context, unscrubbed

    def _checked_url(self, request: Request) -> httpx.URL:
        """Let httpx judge the address before there is a token at hand; the last one is kept."""
        if self._url is None or self._url[0] != request.url:
            self._url = request.url, _parsed(request.url)
        return self._url[1]

    async def _answered(self, request: Request, credentials: Credentials) -> Any:
        """Build the request from bytes and whole headers: a fifth of the time of ``client.build_request(json=...)``."""
        url = self._checked_url(request)
        sent = httpx.Request(
            request.method,
            url,
            headers=_framing(request, url) | _headers(request, credentials),
            stream=_Bytes(request.body),
        )
        answer = await self._transport.handle_async_request(sent)
        answer.request = sent
        return answer

    async def _body(self, answer: Any, headers: dict[str, str], request: Request) -> bytes:
        if answer.is_stream_consumed:  # a mock's answer, read and unpacked when it was made
            return within_limit(answer.content, request.model)
        body = await read_body(self._chunks(answer), headers, request.model)
        await answer.aclose()
        return body

    def _chunks(self, answer: Any) -> AsyncIterable[bytes]:
        chunks: AsyncIterable[bytes] = answer.stream
        return chunks

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


class ClientChannel(Channel):
    """A whole HTTP client: the user's own, or one that finds its way through the proxies of the environment."""

    def __init__(self, client: httpx.AsyncClient, *, owned: bool) -> None:
        self.owned = owned
        self._client = client

    async def _answered(self, request: Request, credentials: Credentials) -> Any:
        """Let the client merge its own headers, and lift its own time limits: ours bound the attempt."""
        headers = _headers(request, credentials)
        sent = self._client.build_request(
            request.method,
            request.url,
            headers=headers,
            content=request.body,
            timeout=None,
            extensions=traced(request.url),
        )
        del headers  # no frame of ours is to show the token in a traceback
        return await self._client.send(sent, stream=True, follow_redirects=False)

    def _chunks(self, answer: Any) -> AsyncIterable[bytes]:
        chunks: AsyncIterable[bytes] = answer.aiter_raw()
        return chunks

    async def aclose(self) -> None:
        """Close a client of ours; a user's own stays open."""
        if self.owned:
            await self._client.aclose()


def _parsed(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
        _ = url.host  # a name that cannot be encoded is noticed here
    except (httpx.InvalidURL, ValueError) as error:
        reason = str(error)
    else:
        return url
    raise ValueError(f"{address} is not a valid address: {reason}")


def _framing(request: Request, url: httpx.URL) -> dict[str, str]:
    """Give the headers that httpx adds to a request for which it makes the stream."""
    host = {"host": url.netloc.decode("ascii")}
    return host | {"content-length": str(len(request.body))} if request.body else host


def _headers(request: Request, credentials: Credentials) -> dict[str, str]:
    return dict(request.headers) | credentials.header(request.url)


@dataclass(frozen=True)
class Surroundings:
    """What the connections of a client are made with: the certificates, and whether there are proxies."""

    certificates: ssl.SSLContext
    by_proxy: bool = False


def surroundings() -> Surroundings:
    """Read the CA bundle and import httpcore, which block for 25 and up to 130 ms: call it from a worker thread."""
    certificates = _certificates()
    _OneConnection(certificates)  # the first one imports httpcore, and that trio if it is installed
    return Surroundings(certificates, _proxies())


def check_kind(kind: TransportKind) -> None:
    """Raise ImportError if the library behind a kind of transport is not installed."""
    if kind == "aiohttp":
        _aiohttp()


def make_channel(around: Surroundings, kind: TransportKind, most: int) -> Channel:
    """Make a channel: one connection, or a whole client where there are proxies; for aiohttp, one for all exchanges.

    httpx's own limits are lifted, because its queue is quadratic and its pool timeout fails callers: the gate bounds
    us. aiohttp would stop at 100 connections by itself, so its limit is `most`.
    """
    aiohttp = kind == "aiohttp"
    verify = around.certificates
    if not (aiohttp or around.by_proxy):
        return Channel(_OneConnection(verify))
    limits = httpx.Limits(
        max_connections=most if aiohttp else None, max_keepalive_connections=None, keepalive_expiry=KEEPALIVE
    )
    if not around.by_proxy:
        return Channel(_aiohttp().AiohttpTransport(verify=verify, limits=limits))
    make = _aiohttp().HttpxAiohttpClient if aiohttp else httpx.AsyncClient
    try:
        return ClientChannel(make(verify=verify, limits=limits, timeout=None), owned=True)
    except httpx.InvalidURL as error:
        reason = str(error)
    raise ValueError(f"the address of a proxy in the environment is not valid: {reason}")


def _certificates() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        reason = error.strerror or str(error)
    raise ValueError(f"the certificates that SSL_CERT_FILE or SSL_CERT_DIR name cannot be read: {reason}")


def _proxies() -> bool:
    """Whether the environment (or the system) names proxies; only a whole client knows which request goes where."""
    return any(name in ("http", "https", "all") for name in getproxies())


def _aiohttp() -> Any:
    try:
        import httpx_aiohttp
    except ImportError as error:
        raise ImportError("transport='aiohttp' needs httpx-aiohttp: pip install 'hf-fillmask[aiohttp]'") from error
    return httpx_aiohttp

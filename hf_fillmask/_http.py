"""HTTP: the only module that touches httpx. A `Request` goes in, a `Response` or a `TransportError` comes out.

Rule: only plain values pass to the library (so that an injected httpx2 client works as well), no type of it comes out,
and it knows nothing of cold starts, gates or resends.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias
from urllib.request import getproxies

import anyio
import httpx

from ._credentials import Credentials
from ._dropped import close_dropped
from ._exchange import Request, Response
from ._http_errors import translated
from ._reading import plain_headers, read_body, within_limit

if TYPE_CHECKING:
    import ssl

__all__ = ["ClientPool", "ConnectionPools", "Pool", "TransportKind"]

TransportKind = Literal["httpx", "aiohttp"]
Surroundings: TypeAlias = "tuple[ssl.SSLContext | None, bool]"  # None: the default; whether there are proxies
FirstPool: TypeAlias = "tuple[Surroundings, Pool]"

_POOL_SIZE = 8  # connections a pool: httpcore scans its whole list at each request (encode/httpx#3215)
_KEEPALIVE = 30.0  # seconds an idle connection is kept


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


class Pool:
    """A transport of httpx with some connections, and the number of exchanges that it has under way.

    A transport is what `httpx.AsyncClient` sends through; to go without the client saves a tenth of a call's time.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self.busy = 0
        self._transport = transport
        self._url: tuple[str, httpx.URL] | None = None

    async def exchange(self, request: Request, credentials: Credentials) -> Response:
        """Send `request` once and read the whole answer; bound neither in time nor in number."""
        self._checked_url(request)
        self.busy += 1
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
            self.busy -= 1
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
        """Build the request from bytes: a third of the time of ``client.build_request(json=...)``."""
        timeout = dict.fromkeys(("connect", "read", "write", "pool"))
        sent = httpx.Request(
            request.method,
            self._checked_url(request),
            headers=_headers(request, credentials),
            content=request.body,
            extensions={"timeout": timeout},
        )
        sent.stream = _Bytes(request.body)
        answer = await self._transport.handle_async_request(sent)
        answer.request = sent
        return answer

    async def _body(self, answer: Any, headers: dict[str, str], request: Request) -> bytes:
        if answer.is_stream_consumed:  # a mock's answer, read and unpacked when it was made
            return within_limit(answer.content, request.model)
        body = await read_body(answer.stream, headers, request.model)
        await answer.aclose()
        return body

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


class ClientPool(Pool):
    """A whole HTTP client: the user's own, or one that finds its way through the proxies of the environment."""

    def __init__(self, client: httpx.AsyncClient, *, owned: bool) -> None:
        self.busy = 0
        self.owned = owned
        self._client = client
        self._url: tuple[str, httpx.URL] | None = None

    async def _answered(self, request: Request, credentials: Credentials) -> Any:
        """Let the client merge its own headers, and lift its own time limits: ours bound the attempt."""
        headers = _headers(request, credentials)
        sent = self._client.build_request(
            request.method, request.url, headers=headers, content=request.body, timeout=None
        )
        del headers  # no frame of ours is to show the token in a traceback
        return await self._client.send(sent, stream=True, follow_redirects=False)

    async def _body(self, answer: Any, headers: dict[str, str], request: Request) -> bytes:
        if answer.is_stream_consumed:
            return within_limit(answer.content, request.model)
        return await read_body(answer.aiter_raw(), headers, request.model)

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


def _headers(request: Request, credentials: Credentials) -> dict[str, str]:
    return dict(request.headers) | credentials.header(request.url)


class ConnectionPools:
    """Several small pools side by side; an exchange takes the least busy one."""

    def __init__(self, max_connections: int, injected: httpx.AsyncClient | None, kind: TransportKind = "httpx") -> None:
        if kind == "aiohttp":
            _aiohttp()
        self._max_connections = max_connections
        self._kind = kind
        self._surroundings: Surroundings = None, False
        self._pools: list[Pool] = [] if injected is None else [ClientPool(injected, owned=False)]
        self._most = 1 if injected or kind == "aiohttp" else math.ceil(max_connections / _POOL_SIZE)

    @property
    def is_open(self) -> bool:
        """Whether an exchange can be made; an injected client is open from the start."""
        return bool(self._pools)

    @property
    def owns_connections(self) -> bool:
        """Whether there is something that only `aclose` releases."""
        return any(not isinstance(pool, ClientPool) or pool.owned for pool in self._pools)

    def first(self) -> FirstPool:
        """Build the first pool, which opens nothing and changes nothing yet.

        This reads the CA bundle and the proxies, loads half of httpx, and blocks for some 25 ms: call it from a worker
        thread. (A cancelled task leaves its thread behind, and nobody would close what that opens later.)
        """
        surroundings = httpx.create_ssl_context(), _proxies()
        return surroundings, self._pool(*surroundings)

    def open(self, first: FirstPool) -> None:
        """Begin with the pool that `first` built; further ones will be like it."""
        self._surroundings, pool = first
        self._pools = [pool]

    def _pool(self, context: ssl.SSLContext | None, by_proxy: bool) -> Pool:
        # No limit of httpx's own: its queue is quadratic and its pool timeout fails callers. The gate bounds us.
        # aiohttp's pool does not mind its size, but would stop at 100 connections by itself.
        aiohttp = self._kind == "aiohttp"
        most, kept = (self._max_connections, None) if aiohttp else (None, _POOL_SIZE)
        limits = httpx.Limits(max_connections=most, max_keepalive_connections=kept, keepalive_expiry=_KEEPALIVE)
        verify = context or True
        if by_proxy:
            make = _aiohttp().HttpxAiohttpClient if aiohttp else httpx.AsyncClient
            return ClientPool(make(verify=verify, limits=limits, timeout=None), owned=True)
        transport = _aiohttp().AiohttpTransport if aiohttp else httpx.AsyncHTTPTransport
        return Pool(transport(verify=verify, limits=limits))

    async def exchange(self, request: Request, credentials: Credentials) -> Response:
        """Send `request` once through the least busy pool; a further one is opened when all are full."""
        pool = min(self._pools, key=_busy)
        if pool.busy >= _POOL_SIZE and len(self._pools) < self._most:
            pool = self._pool(*self._surroundings)
            self._pools.append(pool)
        return await pool.exchange(request, credentials)

    async def aclose(self) -> None:
        """Close the pools that were opened here."""
        pools, self._pools = self._pools, []
        for pool in pools:
            await pool.aclose()


def _busy(pool: Pool) -> int:
    return pool.busy


def _proxies() -> bool:
    """Whether the environment (or the system) names proxies; only a whole client knows which request goes where."""
    return any(name in ("http", "https", "all") for name in getproxies())


def _aiohttp() -> Any:
    try:
        import httpx_aiohttp
    except ImportError as error:
        raise ImportError("transport='aiohttp' needs httpx-aiohttp: pip install 'hf-fillmask[aiohttp]'") from error
    return httpx_aiohttp

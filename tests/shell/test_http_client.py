"""The HTTP client: the client's own pools, and one of the user's, with limits on what an answer may weigh."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio.lowlevel
import httpx
import pytest
import trio
from trio.testing import MockClock

from hf_fillmask import AsyncFillMaskClient, ConnectError, ProtocolError, RequestTimeoutError
from hf_fillmask._credentials import Credentials
from hf_fillmask._exchange import Request
from hf_fillmask._http import Pool
from hf_fillmask.emulator import create_app

from .helpers import (
    MODEL,
    PATIENCE,
    TEXT,
    TOKEN,
    client_of,
    clocks_to_put_forward,
    everything_shown_by,
    in_thread,
    mocked,
    put_forward,
)
from .scripted_server import PREDICTION, Received, Wire, scripted

pytestmark = pytest.mark.anyio

LIMIT = 64 * 1024 * 1024


def warm_wire(request: Received, wire: Wire) -> None:
    """Answer as a warm model, on a socket."""
    wire.warm()


def warm(request: httpx.Request) -> httpx.Response:
    """Answer as a warm model."""
    return httpx.Response(200, json=[PREDICTION])


async def test_an_injected_client_merges_its_own_headers() -> None:
    """The user's client adds its headers; those of the call stand over them, and no other timeout than ours holds."""
    requests: list[httpx.Request] = []

    def keep(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return warm(request)

    headers = {"x-mine": "1", "user-agent": "mine", "authorization": "Bearer theirs"}
    async with httpx.AsyncClient(transport=httpx.MockTransport(keep), headers=headers, timeout=0.001) as injected:
        client = AsyncFillMaskClient(MODEL, token=TOKEN, http_client=injected)
        await client.fill_mask(TEXT)
        await client.aclose()
        assert not injected.is_closed
    (request,) = requests
    assert request.headers["x-mine"] == "1"
    assert request.headers["user-agent"].startswith("hf_fillmask/")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert set(request.extensions["timeout"].values()) == {None}


async def test_an_injected_client_that_is_closed() -> None:
    """A client of the user's that was closed is the user's mistake: a RuntimeError."""
    injected = mocked(warm)
    await injected.aclose()
    async with AsyncFillMaskClient(MODEL, http_client=injected, token=TOKEN) as client:
        with pytest.raises(RuntimeError, match="closed") as caught:
            await client.fill_mask(TEXT)
    assert TOKEN not in everything_shown_by(caught.value)


async def test_a_bug_in_a_transport_comes_out_as_itself() -> None:
    """What is no failure of the network is neither hidden, nor wrapped in a group, nor asked again."""
    calls: list[httpx.Request] = []

    def buggy(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        raise ZeroDivisionError("a bug")

    async with mocked(buggy) as injected, AsyncFillMaskClient(MODEL, http_client=injected, token=TOKEN) as client:
        with pytest.raises(ZeroDivisionError, match="a bug") as caught:
            await client.fill_mask(TEXT)
    assert len(calls) == 1
    assert TOKEN not in everything_shown_by(caught.value)


async def test_a_bare_oserror_is_a_lost_connection() -> None:
    """A transport that lets the system's own error through has no connection, either."""

    def broken(request: httpx.Request) -> httpx.Response:
        raise OSError("no buffer space")

    async with mocked(broken) as injected, AsyncFillMaskClient(MODEL, http_client=injected, max_retries=0) as client:
        with pytest.raises(ConnectError, match="no buffer space"):
            await client.fill_mask(TEXT)


async def test_a_mock_of_corrupt_gzip() -> None:
    """An answer that breaks while it is made is a broken answer."""

    def corrupt(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"nope", headers={"content-encoding": "gzip"})

    async with mocked(corrupt) as injected, AsyncFillMaskClient(MODEL, http_client=injected) as client:
        with pytest.raises(ProtocolError):
            await client.fill_mask(TEXT)


async def streamed(size: int) -> AsyncIterator[bytes]:
    """Give a JSON answer that is padded to `size` bytes, in pieces."""
    start = httpx.Response(200, json=[PREDICTION]).content
    yield start
    left = size - len(start)
    while left:
        piece = min(left, 1 << 22)
        yield b" " * piece
        left -= piece


@pytest.mark.parametrize(
    ("how", "size", "fits"),
    [
        pytest.param("streamed", LIMIT, True, id="at the limit"),
        pytest.param("streamed", LIMIT + 1, False, id="over it, streamed"),
        pytest.param("told", LIMIT + 1, False, id="over it, told in advance"),
        pytest.param("ready-made", LIMIT + 1, False, id="over it, ready-made"),
    ],
)
async def test_the_limit_of_a_body(how: str, size: int, fits: bool) -> None:
    """A body may have 64 MiB and not a byte more, whether it is streamed, told in advance or made by a mock."""

    def answer(request: httpx.Request) -> httpx.Response:
        if how == "ready-made":
            start = httpx.Response(200, json=[PREDICTION]).content
            return httpx.Response(200, content=start.ljust(size))
        told = {"content-length": str(size)} if how == "told" else {}
        return httpx.Response(200, content=streamed(size), headers=told)

    async with mocked(answer) as injected, AsyncFillMaskClient(MODEL, http_client=injected) as client:
        if fits:
            assert (await client.fill_mask(TEXT))[0].token == 7
        else:
            with pytest.raises(ProtocolError, match="limit"):
                await client.fill_mask(TEXT)


async def test_each_exchange_has_a_connection_of_its_own() -> None:
    """20 requests go out at the same time, over as many connections, and the next ones take these again."""
    together = 20

    def script(request: Received, wire: Wire) -> None:
        if request.inputs != "first":
            server.wait_for(lambda server: len(server.requests) > together)
        wire.warm()

    with scripted(script) as server:
        async with client_of(server, max_connections=together) as client:
            await client.fill_mask("first")
            for _ in range(2):
                async with anyio.create_task_group() as group:
                    for _ in range(together):
                        group.start_soon(client.fill_mask, TEXT)
        assert (server.most_open, server.accepted) == (together, together)


@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock()})], ids=["virtual time"])
async def test_connections_that_are_free_for_too_long_are_closed() -> None:
    """What a burst has opened does not stay open for ever: each later call closes one of those that nobody needs."""
    together = 3

    def script(request: Received, wire: Wire) -> None:
        if request.inputs == "together":
            server.wait_for(lambda server: len(server.requests) > together)
        wire.warm()

    with scripted(script) as server:
        async with client_of(server) as client:
            await client.fill_mask("first")
            async with anyio.create_task_group() as group:
                for _ in range(together):
                    group.start_soon(client.fill_mask, "together")
            clock = trio.lowlevel.current_clock()
            assert isinstance(clock, MockClock)
            clock.jump(31)
            for left in (2, 1):
                await client.fill_mask("later")
                await in_thread(server.wait_for, lambda server, left=left: server.open == left)
        assert server.accepted == together


async def test_hosts_in_alternation() -> None:
    """A connection is used again for its own host, whatever other hosts a client talks to in between."""
    with scripted(warm_wire) as one, scripted(warm_wire) as other, scripted(warm_wire) as third:
        async with client_of(one) as client:
            for _ in range(3):
                for server in (one, other, third):
                    await client.fill_mask(TEXT, model=f"{server.url}/predict")
        assert [server.accepted for server in (one, other, third)] == [1, 1, 1]


async def test_no_more_than_twice_max_connections_to_all_hosts() -> None:
    """A new connection to one host closes the one to another that was idle for longest, if they would be too many."""
    with scripted(warm_wire) as one, scripted(warm_wire) as other, scripted(warm_wire) as third:
        async with client_of(one, max_connections=1) as client:
            for server in (one, other, third):
                await client.fill_mask(TEXT, model=f"{server.url}/predict")
            await in_thread(one.wait_until_idle)
            assert (other.open, third.open) == (1, 1)
            await client.fill_mask(TEXT, model=f"{other.url}/predict")
        assert (one.accepted, other.accepted, third.accepted) == (1, 1, 1)


CLOCKS = clocks_to_put_forward()


async def is_timed_out(url: str, hello: threading.Event, **options: Any) -> None:
    """Hold that a call ends by its timeout, which comes when the handshake has begun."""
    options |= {"base_url": url, "token": False, "max_retries": 0, "timeout": PATIENCE}
    async with AsyncFillMaskClient(MODEL, **options) as client:

        async def call() -> None:
            with pytest.raises(RequestTimeoutError):
                await client.fill_mask(TEXT)

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            assert await in_thread(hello.wait, PATIENCE)
            put_forward(PATIENCE)


@pytest.mark.parametrize("anyio_backend", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("whose", ["ours", "the user's"])
async def test_a_handshake_that_is_given_up(whose: str) -> None:
    """A TLS handshake that takes too long is ended, and its connection closed at once."""
    hello = threading.Event()

    def silent_peer() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(PATIENCE)
            while peer.recv(65_536):
                hello.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient() as theirs, anyio.create_task_group() as group:
            group.start_soon(in_thread, silent_peer)
            await is_timed_out(url, hello, http_client=theirs if whose == "the user's" else None)


@pytest.mark.parametrize("anyio_backend", CLOCKS.values(), ids=CLOCKS)
async def test_a_handshake_through_a_proxy_that_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """So is one that goes through a proxy's tunnel."""
    hello = threading.Event()

    def tunnel(request: Received, wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
        wire.close()
        while wire.connection.recv(65_536):
            hello.set()

    with scripted(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        await is_timed_out("https://model.example", hello)
        await in_thread(proxy.wait_until_idle)


async def test_a_proxy_that_has_no_valid_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says of proxies may be wrong: a ValueError, and the client can be closed."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:port")
    async with AsyncFillMaskClient(MODEL, base_url="http://model.example", token=False) as client:
        with pytest.raises(ValueError, match="a proxy in the environment is not valid: Invalid port"):
            await client.fill_mask(TEXT)


@pytest.mark.parametrize("content", [None, b"no certificate"], ids=["missing", "garbage"])
async def test_certificates_that_cannot_be_read(
    content: bytes | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A wrong SSL_CERT_FILE is named, before anything is sent."""
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    async with AsyncFillMaskClient(MODEL) as client:
        with pytest.raises(ValueError, match="SSL_CERT_FILE or SSL_CERT_DIR name cannot be read: "):
            await client.fill_mask(TEXT)


async def test_no_more_than_max_connections() -> None:
    """However many callers there are, no more requests are in flight than allowed."""
    most = 3
    in_flight = [0, 0]

    async def answer(request: httpx.Request) -> httpx.Response:
        in_flight[0] += 1
        in_flight[1] = max(in_flight)
        await anyio.lowlevel.checkpoint()
        in_flight[0] -= 1
        return warm(request)

    async with (
        mocked(answer) as injected,
        AsyncFillMaskClient(MODEL, http_client=injected, max_connections=most) as client,
        anyio.create_task_group() as group,
    ):
        for _ in range(50):
            group.start_soon(client.fill_mask, TEXT)
    assert in_flight == [0, most]


async def test_the_emulator_in_process() -> None:
    """The whole way, cold start and translated mask included, runs in process through httpx's ASGI transport."""
    app = create_app(load_seconds=0.05)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as injected:
        client = AsyncFillMaskClient("FacebookAI/xlm-roberta-base", base_url="http://emulator", http_client=injected)
        async with client:
            first = await client.fill_mask("Paris is the capital of [MASK].", top_k=3)
            second = await client.fill_mask("Paris is the capital of [MASK].", top_k=3)
    assert (first[0].word, len(first), first.attempts) == ("France", 3, 3)
    assert first.waited > 0
    assert (second.attempts, second.cached, second.masks) == (1, True, first.masks)


def continuation() -> SimpleNamespace:
    """Stand in for httpx2: httpx's names on other types."""
    names = ("TimeoutException", "NetworkError", "ProxyError", "ProtocolError", "DecodingError")
    library = SimpleNamespace(**{name: type(name, (Exception,), {}) for name in names})
    library.ConnectTimeout = type("ConnectTimeout", (library.TimeoutException,), {})
    return library


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        pytest.param("TimeoutException", RequestTimeoutError, id="timeout"),
        pytest.param("NetworkError", ConnectError, id="network"),
        pytest.param("ProxyError", ConnectError, id="proxy"),
        pytest.param("ProtocolError", ProtocolError, id="protocol"),
        pytest.param("DecodingError", ProtocolError, id="decoding"),
    ],
)
async def test_the_librarys_continuation(
    monkeypatch: pytest.MonkeyPatch, raised: str, expected: type[Exception]
) -> None:
    """A client of httpx2 can be injected: its errors have the same names, not the same types."""
    library: Any = continuation()
    monkeypatch.setitem(sys.modules, "httpx2", library)

    def fail(request: httpx.Request) -> httpx.Response:
        raise getattr(library, raised)("boom")

    async with mocked(fail) as injected, AsyncFillMaskClient(MODEL, http_client=injected, max_retries=0) as client:
        with pytest.raises(expected, match="boom"):
            await client.fill_mask(TEXT)


async def test_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own pools go through the proxy that the environment names, and are closed like the others."""
    with scripted(lambda request, wire: wire.warm()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with AsyncFillMaskClient(MODEL, base_url="http://model.example", token=False) as client:
            assert (await client.fill_mask(TEXT))[0].token == 7
        proxy.wait_until_idle()
    assert [request.path for request in proxy.requests] == [f"http://model.example/models/{MODEL}"]


async def test_an_address_that_an_injected_client_refuses() -> None:
    """What the user's own client calls an invalid URL is a ValueError, as any wrong address."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.InvalidURL("no such thing")

    async with mocked(refuse) as injected, AsyncFillMaskClient(MODEL, http_client=injected, token=TOKEN) as client:
        with pytest.raises(ValueError, match="not a valid address") as caught:
            await client.fill_mask(TEXT)
    assert TOKEN not in everything_shown_by(caught.value)


async def test_a_mock_in_the_place_of_a_transport() -> None:
    """Whoever replaces the transport of httpx with a mock, as test libraries do, may give answers that are read."""
    pool = Pool(httpx.MockTransport(warm))
    response = await pool.exchange(Request("POST", "http://127.0.0.1/", (), b"{}", MODEL), Credentials())
    assert (response.status_code, json.loads(response.body)) == (200, [PREDICTION])
    await pool.aclose()

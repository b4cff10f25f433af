"""The HTTP client: one of the user's, what the environment says of proxies and certificates, and limits."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio.lowlevel
import httpx
import pytest

from hf_fillmask import AsyncFillMaskClient, ConnectError, ProtocolError, RequestTimeoutError
from hf_fillmask._credentials import Credentials
from hf_fillmask._exchange import Request
from hf_fillmask._http import Channel
from hf_fillmask.emulator import create_app

from .helpers import MODEL, TEXT, TOKEN, everything_shown_by, mocked
from .scripted_server import PREDICTION, scripted

pytestmark = pytest.mark.anyio

LIMIT = 64 * 1024 * 1024


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


async def test_a_proxy_that_has_no_valid_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says of proxies may be wrong: a ValueError, and the client can be closed."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:port")
    async with AsyncFillMaskClient(MODEL, base_url="http://model.example", token=False) as client:
        with pytest.raises(ValueError, match="a proxy in the environment is not valid: Invalid port"):
            await client.fill_mask(TEXT)


before_28 = pytest.mark.skipif(httpx.__version__ < "0.28", reason="httpx passes over a file that is not there")


@pytest.mark.parametrize(
    "content", [pytest.param(None, id="missing", marks=before_28), pytest.param(b"no certificate", id="garbage")]
)
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
    """The client's own connections go through the proxy that the environment names, and are closed like the others."""
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
    channel = Channel(httpx.MockTransport(warm))
    response = await channel.exchange(Request("POST", "http://127.0.0.1/", (), b"{}", MODEL), Credentials())
    assert (response.status_code, json.loads(response.body)) == (200, [PREDICTION])
    await channel.aclose()

"""transport="aiohttp": the same calls and errors through httpx-aiohttp, on asyncio alone."""

from __future__ import annotations

import sys
from typing import Any

import anyio
import httpx
import pytest

from hf_fillmask import AsyncFillMaskClient, ConnectError, ModelLoadingError, ProtocolError, RequestTimeoutError

from .helpers import MODEL, TEXT, TOKEN, everything_shown_by
from .scripted_server import Received, Script, Wire, cold, scripted, warm

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio: aiohttp knows no other event loop."""
    return "asyncio"


def aiohttp_client(url: str, **options: Any) -> AsyncFillMaskClient:
    """Return a client that sends through aiohttp."""
    return AsyncFillMaskClient(MODEL, base_url=url, token=TOKEN, transport="aiohttp", **options)


async def test_a_cold_call_is_two_requests() -> None:
    """The cold start is the same: once without the wait headers, once with them."""
    with scripted(cold) as server:
        async with aiohttp_client(server.url) as client:
            result = await client.fill_mask(TEXT)
    assert (result.attempts, [request.waits for request in server.requests]) == (2, [False, True])


def raw(data: bytes) -> Script:
    """Return a script that writes bytes and closes."""

    def script(request: Received, wire: Wire) -> None:
        wire.send(data)
        wire.close()

    return script


FAULTS: dict[str, tuple[Script, type[Exception]]] = {
    "closed": (raw(b""), ConnectError),
    "cut": (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[{"), ConnectError),
    "not HTTP": (raw(b"\x00\x01\x02\r\n\r\n"), ProtocolError),
    "stalled": (lambda request, wire: wire.wait_until_gone(), RequestTimeoutError),
    "loading for ever": (lambda request, wire: wire.loading(), ModelLoadingError),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_faults_end_in_the_same_classes(fault: str) -> None:
    """What aiohttp calls its errors, a user does not need to know; and none of them shows the token."""
    script, expected = FAULTS[fault]
    with scripted(script) as server:
        async with aiohttp_client(server.url, timeout=0.5, max_retries=0) as client:
            with pytest.raises(expected) as caught:
                await client.fill_mask(TEXT)
    assert TOKEN not in everything_shown_by(caught.value)


async def test_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that the environment names is used by this transport, too."""
    with scripted(warm) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        async with AsyncFillMaskClient("http://model.example/", transport="aiohttp", token=False) as client:
            await client.fill_mask(TEXT)
    assert proxy.requests[0].headers["host"] == "model.example"


def test_trio_is_told() -> None:
    """On trio the transport says that it cannot, instead of failing somewhere inside of aiohttp."""

    async def call() -> None:
        async with AsyncFillMaskClient(MODEL, transport="aiohttp") as client:
            with pytest.raises(RuntimeError, match="asyncio only"):
                await client.fill_mask(TEXT)

    anyio.run(call, backend="trio")


async def test_one_of_two_is_chosen() -> None:
    """A transport and an own client contradict each other."""
    async with httpx.AsyncClient() as own:
        with pytest.raises(ValueError, match="either"):
            AsyncFillMaskClient(MODEL, transport="aiohttp", http_client=own)


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without httpx-aiohttp the client says at construction what to install."""
    monkeypatch.setitem(sys.modules, "httpx_aiohttp", None)
    with pytest.raises(ImportError, match=r"hf-fillmask\[aiohttp\]"):
        AsyncFillMaskClient(MODEL, transport="aiohttp")

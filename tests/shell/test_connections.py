"""The client's own connections: which of them takes a request, how many there are, and that none is left open."""

from __future__ import annotations

import socket
import threading
from typing import Any

import anyio.lowlevel
import httpx
import pytest
import trio
from trio.testing import MockClock

from hf_fillmask import AsyncFillMaskClient, RequestTimeoutError

from .helpers import MODEL, PATIENCE, TEXT, client_of, clocks_to_put_forward, in_thread, put_forward
from .httpx2_client import own_connections
from .scripted_server import Received, Wire, scripted, warm

pytestmark = [pytest.mark.anyio, own_connections]


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
    with scripted(warm) as one, scripted(warm) as other, scripted(warm) as third:
        async with client_of(one) as client:
            for _ in range(3):
                for server in (one, other, third):
                    await client.fill_mask(TEXT, model=f"{server.url}/predict")
        assert [server.accepted for server in (one, other, third)] == [1, 1, 1]


async def test_no_more_than_twice_max_connections_to_all_hosts() -> None:
    """A new connection to one host closes the one to another that was idle for longest, if they would be too many."""
    with scripted(warm) as one, scripted(warm) as other, scripted(warm) as third:
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

"""The client's own connections, on real sockets and behind real TLS."""

from __future__ import annotations

import json
import select
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
import trustme

from hf_fillmask import AsyncFillMaskClient, ConnectError
from hf_fillmask._connections import Connections
from hf_fillmask._credentials import Credentials
from hf_fillmask._exchange import Request

from .helpers import MODEL, PATIENCE, TEXT, TOKEN, client_of, in_thread
from .httpx2_client import own_connections
from .scripted_server import PREDICTION, Received, Wire, scripted

pytestmark = [pytest.mark.anyio, own_connections]

LARGE = f"{'A long text. ' * 20_000}{TEXT}"  # more than goes out at once


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Make a certificate authority of our own."""
    return trustme.CA()


@pytest.fixture(scope="module")
def secured(authority: trustme.CA) -> ssl.SSLContext:
    """Make what a server on loopback needs to speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients trust the authority."""
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))


def echo(request: Received, wire: Wire) -> None:
    """Answer with the text that is asked for."""
    wire.reply(200, [{**PREDICTION, "sequence": request.inputs}])


@pytest.mark.usefixtures("trusted")
async def test_calls_over_tls(secured: ssl.SSLContext) -> None:
    """Texts of any size go through TLS and come back whole, on one connection, with the token."""
    with scripted(echo, secured) as server:
        async with client_of(server, token=TOKEN) as client:
            for text in (TEXT, LARGE, TEXT):
                assert (await client.fill_mask(text))[0].sequence == text
        await in_thread(server.wait_until_idle)
        assert server.accepted == 1
        assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {TOKEN}"}


def answers_twice(request: Received, wire: Wire) -> None:
    """Give two answers to one request."""
    with wire.one_packet():
        echo(request, wire)
        wire.reply(200, [{**PREDICTION, "sequence": "unasked"}])


def ends_a_line_more(request: Received, wire: Wire) -> None:
    """End an answer as some old servers do."""
    with wire.one_packet():
        echo(request, wire)
        wire.send(b"\r\n")


@pytest.mark.skipif(not hasattr(socket, "TCP_CORK"), reason="the server cannot put two answers into one packet")
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("secret", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("script", [answers_twice, ends_a_line_more])
async def test_what_comes_unasked_answers_no_other_request(
    secured: ssl.SSLContext, script: Callable[[Received, Wire], None], secret: bool
) -> None:
    """What follows an answer in its packet is not taken for the answer to the next request: the result of another."""
    with scripted(script, secured if secret else None) as server:
        async with client_of(server, max_retries=0) as client:
            for text in ("one [MASK]", "two [MASK]", "three [MASK]"):
                assert (await client.fill_mask(text))[0].sequence == text
        assert server.accepted == 3


async def test_a_certificate_that_nobody_vouches_for(secured: ssl.SSLContext) -> None:
    """The error says so, nothing was sent, and no connection stays open."""
    with scripted(echo, secured) as server:
        async with client_of(server, token=TOKEN, max_retries=0) as client:
            with pytest.raises(ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await client.fill_mask(TEXT)
            await in_thread(server.wait_until_idle)
        assert server.requests == []


@asynccontextmanager
async def client_of_peer(
    script: Callable[[socket.socket], None], scheme: str = "https"
) -> AsyncIterator[AsyncFillMaskClient]:
    """Yield a client of a server that hands the first connection to `script`, and takes no other."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            script(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        async with anyio.create_task_group() as group:
            group.start_soon(in_thread, serve)
            async with AsyncFillMaskClient(MODEL, base_url=url, token=False, max_retries=0) as client:
                yield client


async def test_a_server_that_hangs_up_in_the_handshake() -> None:
    """A TLS handshake that gets no answer but the end is a lost connection."""
    ended = r"no answer from https://127\.0\.0\.1:\d+: (the server ended the connection|.*reset by peer)\."
    async with client_of_peer(lambda connection: connection.close()) as client:
        with pytest.raises(ConnectError, match=ended):
            await client.fill_mask(TEXT)


@pytest.mark.usefixtures("trusted")
async def test_a_request_goes_out_in_one_piece(secured: ssl.SSLContext) -> None:
    """Head and body are one write, which TLS makes one record: half the packets, and half the wake-ups of a server."""
    records: list[bytes] = []

    def first_record(connection: socket.socket) -> None:
        with secured.wrap_socket(connection, server_side=True) as peer:
            records.append(peer.recv(65_536))
            Wire(peer, threading.Event()).warm()

    async with client_of_peer(first_record) as client:
        await client.fill_mask(TEXT)
    head, _, body = records[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /models/org/model HTTP/1.1\r\n")
    assert json.loads(body)["inputs"] == TEXT


async def test_a_server_that_hangs_up_while_it_is_told() -> None:
    """A connection that is reset while a long request goes out is a lost one."""

    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with client_of_peer(reset, scheme="http") as client:
        with pytest.raises(ConnectError):
            await client.fill_mask(f"{'More than a socket takes. ' * 500_000}{TEXT}")


async def test_a_connection_that_was_closed_while_idle_without_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no poll (Windows), an idle connection that the server has closed takes no request either."""
    monkeypatch.delattr(select, "poll")

    def once(request: Received, wire: Wire) -> None:
        echo(request, wire)
        wire.close()

    with scripted(once) as server:
        async with client_of(server, max_retries=0) as client:
            for _ in range(3):
                await client.fill_mask(TEXT)
                await in_thread(server.wait_until_idle)
        assert server.accepted == 3


async def test_connections_that_are_not_open() -> None:
    """Who asks for a connection before there are any gets none."""
    connections = Connections(1, None)
    with pytest.raises(RuntimeError, match="not open"):
        await connections.exchange(Request("GET", "http://127.0.0.1:9/", (), b"", MODEL), Credentials())

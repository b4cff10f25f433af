"""An injected `httpx2.AsyncClient`, the maintained continuation of httpx: the essentials, on real sockets.

The whole of tests/shell runs on it with ``HF_FILLMASK_HTTP=httpx2`` (``nox -s httpx2``).
"""

from __future__ import annotations

from typing import Any

import anyio
import pytest

import hf_fillmask
from hf_fillmask import FillMaskError, Prediction

from .helpers import MODEL, PATIENCE, TEXT, TOKEN, chain, everything_shown_by, in_thread
from .httpx2_client import Httpx2Client, needs_httpx2
from .scripted_server import PREDICTION, Received, ScriptedServer, Wire, cold, scripted

pytestmark = [pytest.mark.anyio, needs_httpx2]


def client_of(server: ScriptedServer, **options: Any) -> Httpx2Client:
    """Return a client of a scripted server that sends through httpx2."""
    return Httpx2Client(MODEL, **{"base_url": server.url, "token": TOKEN, "max_retries": 0, **options})


async def test_a_cold_start() -> None:
    """A cold model costs two requests, the second with the wait headers; the result holds plain values."""
    with scripted(cold) as server:
        async with client_of(server) as client:
            result = await client.fill_mask(TEXT)
            assert not client.given.is_closed
    assert [request.headers.get("x-wait-for-model") for request in server.requests] == [None, "true"]
    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {TOKEN}"] * 2
    assert (result.attempts, result.masks) == (2, ((Prediction(**PREDICTION),),))


def resets(request: Received, wire: Wire) -> None:
    """Reset the connection."""
    wire.reset()


def hangs_up(request: Received, wire: Wire) -> None:
    """Close the connection without an answer."""
    wire.close()


def cuts(request: Received, wire: Wire) -> None:
    """Close the connection in the middle of a body."""
    wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[")
    wire.close()


def talks_nonsense(request: Received, wire: Wire) -> None:
    """Say something that is no HTTP."""
    wire.send(b"Good morning.\r\n\r\n")
    wire.close()


def packs_badly(request: Received, wire: Wire) -> None:
    """Call something gzip that is none."""
    wire.reply(200, b"nope", content_encoding="gzip")


def stalls(request: Received, wire: Wire) -> None:
    """Never answer."""
    wire.wait_until_gone()


def echoes(request: Received, wire: Wire) -> None:
    """Refuse, and say the token aloud."""
    wire.reply(401, {"error": request.headers["authorization"]}, x_echo=request.headers["authorization"])


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (resets, hf_fillmask.ConnectError),
        (hangs_up, hf_fillmask.ConnectError),
        (cuts, hf_fillmask.CutAnswerError),
        (talks_nonsense, hf_fillmask.ProtocolError),
        (packs_badly, hf_fillmask.ProtocolError),
        (stalls, hf_fillmask.RequestTimeoutError),
        (echoes, hf_fillmask.AuthenticationError),
    ],
)
async def test_a_fault_ends_in_its_class(script: Any, kind: type[FillMaskError]) -> None:
    """Each fault ends in the class it has with httpx, and no error shows the token, whatever it is linked to."""
    with scripted(script) as server:
        async with client_of(server, timeout=0.3) as client:
            with pytest.raises(kind) as caught:
                await client.fill_mask(TEXT)
    assert type(caught.value) is kind
    assert TOKEN not in everything_shown_by(caught.value)
    assert all(TOKEN not in str(vars(link)) for link in chain(caught.value))


async def test_nobody_listens() -> None:
    """No connection is a ConnectError, which is sent again as often as allowed."""
    with scripted(hangs_up) as server:
        pass
    async with client_of(server, max_retries=1) as client:
        with pytest.raises(hf_fillmask.ConnectError) as caught:
            await client.fill_mask(TEXT)
    assert caught.value.attempts == 2


async def test_an_invalid_address() -> None:
    """An address that httpx2 refuses is wrong use."""
    async with Httpx2Client(MODEL, base_url="https://xn--a.example", token=TOKEN) as client:
        with pytest.raises(ValueError, match="not a valid address"):
            await client.fill_mask(TEXT)


async def test_cancellation_leaves_nothing_behind() -> None:
    """Calls that are cancelled in flight give their connections back, and the next call works."""
    many = 40

    def script(request: Received, wire: Wire) -> None:
        if request.inputs == "next":
            wire.warm()
        else:
            wire.wait_until_gone()

    with scripted(script) as server:
        async with client_of(server, max_connections=8) as client:
            with anyio.fail_after(PATIENCE):
                assert (await client.fill_mask("next"))[0].token == 7
                async with anyio.create_task_group() as group:
                    for _ in range(many):
                        group.start_soon(client.fill_mask, TEXT)
                    await in_thread(server.wait_for, lambda server: len(server.requests) > 8)
                    group.cancel_scope.cancel()
                assert (await client.fill_mask("next"))[0].token == 7
        await in_thread(server.wait_until_idle)

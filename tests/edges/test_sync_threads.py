"""The sync client among event loops and threads, and in callbacks."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import trio

from hf_fillmask import ColdStart, FillMaskClient

from ..shell.helpers import MODEL, PATIENCE, TEXT, mocked
from ..shell.scripted_server import PREDICTION, ScriptedServer, cold, scripted
from .sync_client import Portals, client_of, word

pytestmark = pytest.mark.slow


def test_inside_a_running_asyncio_loop(server: ScriptedServer) -> None:
    """A notebook's cell runs in a running loop; so does this call."""

    async def cell() -> str:
        with client_of(server) as client:
            return word(client)

    assert asyncio.run(cell()) == "word"


def test_inside_a_running_trio_loop(server: ScriptedServer) -> None:
    """A sync call within trio works as well."""

    async def cell() -> str:
        with client_of(server) as client:
            return word(client)

    assert trio.run(cell) == "word"


def test_one_client_in_many_loops(server: ScriptedServer) -> None:
    """A sync client belongs to no loop of its callers."""

    async def cell(client: FillMaskClient) -> str:
        return word(client)

    with client_of(server) as client:
        assert [asyncio.run(cell(client)) for _ in range(2)] == ["word", "word"]


def test_sixteen_threads(server: ScriptedServer, portals: Portals) -> None:
    """Threads share one client, one portal, and its connections, from the first call on."""
    start = threading.Barrier(16)

    def work(client: FillMaskClient) -> list[str]:
        start.wait(PATIENCE)
        return [word(client) for _ in range(20)]

    with client_of(server) as client, ThreadPoolExecutor(16) as threads:
        found = list(threads.map(work, [client] * 16))
        assert len(portals()) == 1
    assert found == [["word"] * 20] * 16
    assert (len(server.requests), server.most_open <= 8) == (320, True)


def test_one_wake_up_for_all_threads() -> None:
    """Threads that find a model cold wait for one wake-up."""
    start = threading.Barrier(16)

    def work(client: FillMaskClient) -> str:
        start.wait(PATIENCE)
        return word(client)

    with scripted(cold) as server, client_of(server) as client, ThreadPoolExecutor(16) as threads:
        # The one who waits is answered at once, so the model may be woken more than once here, but not by everybody.
        assert list(threads.map(work, [client] * 16)) == ["word"] * 16


def test_closing_while_other_threads_call() -> None:
    """Calls that run in other threads end with a clear error, and close() waits for them."""
    with scripted(lambda request, wire: wire.wait_until_gone()) as server, ThreadPoolExecutor(4) as threads:
        client = client_of(server)
        calls = [threads.submit(word, client) for _ in range(4)]
        server.wait_for(lambda server: len(server.requests) >= 1)
        client.close()
        for call in calls:
            with pytest.raises(RuntimeError, match="closed"):
                call.result(PATIENCE)
        server.wait_until_idle()


def test_a_call_from_a_callback_of_its_own() -> None:
    """A call, and a close, from the client's own event loop would wait for itself: an error names the async client."""
    errors: list[str] = []

    def callback(news: ColdStart) -> None:
        for way in (lambda: client.fill_mask(TEXT), client.__enter__, client.close):
            with pytest.raises(RuntimeError) as caught:
                way()
            errors.append(str(caught.value))

    with scripted(cold) as server, client_of(server, on_cold_start=callback) as client:
        assert word(client) == "word"
    assert ["AsyncFillMaskClient" in error for error in errors] == [True, True, False] * 2
    assert "cannot be closed from a callback" in errors[2]


def test_a_call_from_a_callback_of_another() -> None:
    """Another client's callback is a place like any other."""
    words: list[str] = []

    def callback(news: ColdStart) -> None:
        words.append(word(other))

    with (
        scripted(cold) as server,
        client_of(server) as other,
        client_of(server, on_cold_start=callback) as client,
    ):
        assert word(client) == "word"
    assert words == ["word", "word"]


VISITOR: contextvars.ContextVar[str] = contextvars.ContextVar("VISITOR", default="nobody")


def test_context_variables_reach_the_call() -> None:
    """What is set around a call is seen in its callbacks and in the hooks of a client of the user's."""
    seen: list[str] = []

    async def hook(request: httpx.Request) -> None:
        seen.append(f"hook {VISITOR.get()}")

    def reply(request: httpx.Request) -> httpx.Response:
        if "x-wait-for-model" in request.headers:
            return httpx.Response(200, json=[PREDICTION])
        return httpx.Response(503)

    injected = mocked(reply)
    injected.event_hooks = {"request": [hook]}

    def told(news: ColdStart) -> None:
        seen.append(f"{news.phase} {VISITOR.get()}")

    with FillMaskClient(MODEL, http_client=injected, on_cold_start=told) as client:
        VISITOR.set("me")
        word(client)
        contextvars.copy_context().run(VISITOR.set, "somebody else")
        word(client)
    assert seen == ["hook me", "waiting me", "hook me", "warm me", "hook me", "waiting me", "hook me", "warm me"]

"""Cancellation, on a real socket: it is honoured at once, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
import trio

from hf_fillmask import AsyncFillMaskClient, DeadlineExceededError, FillMaskResult

from .helpers import PATIENCE, TEXT, client_of, clocks_to_put_forward, in_thread, put_forward
from .scripted_server import PREDICTION, Received, ScriptedServer, Wire, scripted, warm

pytestmark = pytest.mark.anyio

STORM = 2000
AT_ONCE = 250
CONNECTIONS = 10
DESCRIPTORS = Path("/proc/self/fd")


def slow(request: Received, wire: Wire) -> None:
    """Answer after some milliseconds, so that a cancellation meets a call anywhere on its way."""
    wire.pause(0.005)
    wire.warm()


def descriptors() -> int:
    """Count the open files of this process, where the system tells."""
    return len(os.listdir(DESCRIPTORS)) if DESCRIPTORS.exists() else 0


@contextmanager
def nothing_left(server: ScriptedServer) -> Iterator[None]:
    """Hold that a block leaves no connection and no file descriptor open."""
    before = descriptors()
    yield
    server.wait_until_idle()
    assert descriptors() <= before


async def hundred_go_through(client: AsyncFillMaskClient) -> None:
    """Make 100 calls at a time; a client that has lost places would never end."""
    results: list[FillMaskResult] = []

    async def one() -> None:
        results.append(await client.fill_mask(TEXT))

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(one)
    assert [result[0].token_str for result in results] == ["word"] * 100


def tasks_alive() -> int:
    """Count the tasks of the running loop."""
    if trio.lowlevel.in_trio_run():
        return trio.lowlevel.current_statistics().tasks_living
    return len(asyncio.all_tasks())


@asynccontextmanager
async def in_a_storm() -> AsyncIterator[tuple[ScriptedServer, AsyncFillMaskClient]]:
    """Open a client that has made a call; it works after the storm, which leaves no task and no connection behind."""
    with scripted(slow) as server, nothing_left(server):
        async with client_of(server, max_connections=CONNECTIONS) as client:
            await client.fill_mask(TEXT)
            alive = tasks_alive()
            yield server, client
            await hundred_go_through(client)
            assert tasks_alive() == alive


class TestAsyncio:
    """What only asyncio has."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Run on asyncio."""
        return "asyncio"

    @pytest.mark.slow
    async def test_a_storm_of_task_cancel(self) -> None:
        """Thousands of cancelled tasks end cancelled or answered, and take no place with them."""
        chance = random.Random(1)
        outcomes: Counter[str] = Counter()
        async with in_a_storm() as (server, client):
            for _ in range(STORM // AT_ONCE):
                tasks = [asyncio.create_task(client.fill_mask(TEXT)) for _ in range(AT_ONCE)]
                for task in chance.sample(tasks, AT_ONCE):
                    if chance.random() < 0.1:
                        await anyio.sleep(0.002)
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
                outcomes.update(type(outcome).__name__ for outcome in ended)
        assert set(outcomes) <= {"CancelledError", "FillMaskResult"}
        assert outcomes.total() == STORM
        assert server.most_open <= CONNECTIONS

    @pytest.mark.slow
    async def test_a_storm_of_wait_for(self) -> None:
        """Thousands of wait_for that end anywhere in a call end in a TimeoutError or an answer."""
        chance = random.Random(2)
        outcomes: Counter[str] = Counter()
        async with in_a_storm() as (_, client):
            for _ in range(STORM // AT_ONCE):
                calls = [asyncio.wait_for(client.fill_mask(TEXT), chance.random() * 0.1) for _ in range(AT_ONCE)]
                ended = await asyncio.gather(*calls, return_exceptions=True)
                outcomes.update(type(outcome).__name__ for outcome in ended)
        assert set(outcomes) <= {"TimeoutError", "FillMaskResult"}
        assert outcomes.total() == STORM

    async def test_cancelled_at_each_step(self) -> None:
        """A task may be cancelled at any step of its way, also in the very moment in which it has got a connection."""

        def once(request: Received, wire: Wire) -> None:
            wire.reply(200, [PREDICTION], connection="close")
            wire.close()

        with scripted(once) as server, nothing_left(server):
            async with client_of(server) as client:
                await client.fill_mask(TEXT)
                for steps in range(60):
                    call = asyncio.create_task(client.fill_mask(TEXT))
                    for _ in range(steps):
                        await anyio.lowlevel.checkpoint()
                    call.cancel()
                    await asyncio.wait([call])
                await in_thread(server.wait_until_idle)

    @pytest.mark.parametrize("turns", range(1, 4))
    async def test_closing_that_is_cancelled(self, turns: int) -> None:
        """Whoever is cancelled while it closes a client has closed it all the same."""
        together = 3

        def script(request: Received, wire: Wire) -> None:
            if request.inputs == TEXT:
                server.wait_for(lambda server: len(server.requests) > together)
            wire.warm()

        with scripted(script) as server:
            client = client_of(server)
            await client.fill_mask("first")
            await asyncio.gather(*(client.fill_mask(TEXT) for _ in range(together)))
            closing = asyncio.create_task(client.aclose())
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            await in_thread(server.wait_until_idle)

    async def test_asyncios_timeout_and_our_deadline(self) -> None:
        """A deadline inside asyncio.timeout is a deadline, and a timeout around a longer deadline is a timeout."""
        with scripted(lambda request, wire: wire.wait_until_gone()) as server:
            async with client_of(server) as client:
                with pytest.raises(DeadlineExceededError):
                    async with asyncio.timeout(PATIENCE):
                        await client.fill_mask(TEXT, deadline=0.1)
                with pytest.raises(TimeoutError) as caught:
                    async with asyncio.timeout(0.1):
                        await client.fill_mask(TEXT, deadline=PATIENCE)
        assert type(caught.value) is TimeoutError


@pytest.mark.slow
async def test_a_storm_of_cancel_scopes() -> None:
    """Thousands of cancelled scopes leave the client whole, and no task."""
    chance = random.Random(3)
    outcomes: Counter[str] = Counter()

    async def one(client: AsyncFillMaskClient, seconds: float) -> None:
        with anyio.move_on_after(seconds) as scope:
            await client.fill_mask(TEXT)
        outcomes["cancelled" if scope.cancelled_caught else "answered"] += 1

    async with in_a_storm() as (_, client):
        for _ in range(STORM // AT_ONCE):
            async with anyio.create_task_group() as group:
                for _ in range(AT_ONCE):
                    group.start_soon(one, client, chance.random() * 0.1)
    assert outcomes.total() == STORM


CLOCKS = clocks_to_put_forward()


@pytest.mark.parametrize("anyio_backend", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("by", ["scope", "deadline", "group"])
@pytest.mark.parametrize("when", ["plain", "waiting", "in the body"])
async def test_a_held_call_ends_at_once(by: str, when: str) -> None:
    """Cancellation and deadline end a held call, and close its connection."""
    gone = threading.Event()

    def script(request: Received, wire: Wire) -> None:
        if request.inputs != TEXT:
            wire.warm()
        elif when == "waiting" and not request.waits:
            wire.loading()
        else:
            if when == "in the body":
                wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[")
            wire.wait_until_gone()
            gone.set()

    async def call(client: AsyncFillMaskClient) -> None:
        with pytest.raises(DeadlineExceededError) if by == "deadline" else nullcontext():
            await client.fill_mask(TEXT, deadline=PATIENCE)

    requests = 2 if when == "waiting" else 1
    with scripted(script) as server, anyio.fail_after(2 * PATIENCE):
        async with client_of(server) as client:
            async with anyio.create_task_group() as group:
                group.start_soon(call, client)
                await in_thread(server.wait_for, lambda server: len(server.requests) == requests)
                if by == "deadline":
                    put_forward(PATIENCE)
                else:
                    group.cancel_scope.cancel()
            assert await in_thread(gone.wait, PATIENCE)
            assert len(server.requests) == requests
            assert (await client.fill_mask("next"))[0].token == 7
    assert server.open == 0


async def test_parked_and_queued_calls_are_cancelled() -> None:
    """Who waits for a model or for a place ends at once, too, and nothing is sent for it."""
    release = threading.Event()

    def script(request: Received, wire: Wire) -> None:
        release.wait(PATIENCE)
        wire.warm()

    with scripted(script) as server, anyio.fail_after(PATIENCE):
        async with client_of(server, max_connections=1) as client, anyio.create_task_group() as outer:
            outer.start_soon(client.fill_mask, TEXT)
            await in_thread(server.wait_for, lambda server: len(server.requests) == 1)
            async with anyio.create_task_group() as group:
                for model in ("org/model", "org/other"):
                    group.start_soon(lambda model=model: client.fill_mask(TEXT, model=model))
                await anyio.wait_all_tasks_blocked()
                group.cancel_scope.cancel()
            release.set()
        assert len(server.requests) == 1


async def test_a_cancelled_first_use() -> None:
    """A client whose first call was cancelled while it opened works afterwards."""
    with scripted(warm) as server:
        async with client_of(server) as client:
            with anyio.CancelScope() as scope:
                scope.cancel()
                await client.fill_mask(TEXT)
            assert scope.cancelled_caught
            assert server.requests == []
            assert (await client.fill_mask(TEXT))[0].token == 7

"""The fan-out: every text an item, in bounded memory, and no trace of what was cancelled."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import anyio
import pytest

from hf_fillmask import (
    BatchItem,
    ConnectError,
    DeadlineExceededError,
    FillMaskResult,
    MaskNotFoundError,
    RateLimitError,
    ServerError,
)

from .helpers import PATIENCE, client_of, in_thread
from .pipeline_server import MASK, pipeline
from .scripted_server import Received, ScriptedServer, Wire, scripted

pytestmark = pytest.mark.anyio


def texts(count: int) -> list[str]:
    """Return as many texts, each with its number."""
    return [f"{number} {MASK}" for number in range(count)]


async def coming(count: int) -> AsyncIterator[str]:
    """Return the same as an async iterator."""
    for text in texts(count):
        yield text


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Run a server that answers as the real pipelines do."""
    with scripted(pipeline()) as running:
        yield running


@pytest.mark.parametrize("concurrency", [1, 3, 100, "adaptive"])
@pytest.mark.parametrize("kind", ["list", "iterator", "async iterator"])
async def test_results_are_in_order(server: ScriptedServer, kind: str, concurrency: Any) -> None:
    """A batch returns one result a text, in the order of the texts, whatever the iterable and the concurrency."""
    inputs: Any = {"list": texts(50), "iterator": iter(texts(50)), "async iterator": coming(50)}[kind]
    async with client_of(server) as client:
        results = await client.fill_mask_batch(inputs, max_concurrency=concurrency)
    assert [result[0].word for result in results] == [f"{text}/0" for text in texts(50)]
    assert len(server.requests) == 50


async def test_no_texts_are_no_results(server: ScriptedServer) -> None:
    """An empty batch is an empty list, and no request."""
    async with client_of(server) as client:
        assert await client.fill_mask_batch([]) == []
        assert await client.fill_mask_batch(coming(0)) == []
    assert server.requests == []


async def test_an_ordered_stream_is_in_order(server: ScriptedServer) -> None:
    """With ordered=True the items come in the order of the texts."""
    async with (
        client_of(server) as client,
        client.fill_mask_stream(coming(300), ordered=True, inputs_per_request=3) as items,
    ):
        assert [item.index async for item in items] == list(range(300))


class Taken:
    """Texts without end, and how many of them were taken."""

    def __init__(self) -> None:
        self.count = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.count += 1
        return f"{self.count - 1} {MASK}"


async def test_an_ordered_stream_runs_ahead_by_a_bounded_window() -> None:
    """While the first text is stuck, an ordered stream takes a bounded number of further texts."""

    def script(request: Received, wire: Wire) -> None:
        if request.inputs.startswith("0 "):
            running.wait_for(lambda server: len(server.requests) >= 17)
        wire.warm()

    taken = Taken()
    with scripted(script) as running:
        async with client_of(running, max_connections=2) as client:
            await client.fill_mask("the model is warm")
            async with client.fill_mask_stream(taken, ordered=True, max_concurrency=2) as items:
                assert (await anext(items)).index == 0
                assert taken.count <= 16 + 4


async def test_a_stream_takes_no_more_than_it_needs(server: ScriptedServer) -> None:
    """A reader who is slow holds up the workers: memory does not grow with the number of texts."""
    taken = Taken()
    async with client_of(server, max_connections=4) as client:
        async with client.fill_mask_stream(taken) as items:
            for _ in range(20):
                await anext(items)
        assert taken.count <= 20 + 4 * 3


async def test_an_item_is_a_result_or_an_error(server: ScriptedServer) -> None:
    """One bad sentence does not stop the others."""
    async with client_of(server) as client, client.fill_mask_stream([f"a {MASK}", "no mask"]) as items:
        found = sorted([item async for item in items], key=lambda item: item.index)
    assert [type(item) for item in found] == [BatchItem, BatchItem]
    assert isinstance(found[0].result, FillMaskResult)
    assert found[0].error is None
    assert isinstance(found[1].error, MaskNotFoundError)
    assert (found[1].result, found[1].inputs) == (None, "no mask")


async def test_the_first_error_cancels_the_rest(server: ScriptedServer) -> None:
    """Without return_errors the first error comes out as itself, and nothing more is sent."""

    async with client_of(server) as client:
        with pytest.raises(MaskNotFoundError):
            await client.fill_mask_batch(itertools.repeat("no mask"))
        sent = len(server.requests)
        assert (await client.fill_mask(f"a {MASK}"))[0].word == f"a {MASK}/0"
        assert len(server.requests) == sent + 1


async def test_break_cancels_what_runs() -> None:
    """Leaving the block of a stream closes the connections that were still waiting."""

    def script(request: Received, wire: Wire) -> None:
        if request.inputs.startswith("0 "):
            wire.warm()
        else:
            wire.wait_until_gone()

    with scripted(script) as running:
        async with client_of(running, max_connections=4) as client:
            async with client.fill_mask_stream(texts(10), max_concurrency=4) as items:
                assert (await anext(items)).index == 0
                await in_thread(running.wait_for, lambda server: len(server.requests) >= 3)
            await in_thread(running.wait_for, lambda server: server.open <= 1)


async def test_the_blocks_own_error_comes_out_as_itself(server: ScriptedServer) -> None:
    """An exception in the block of a stream is not wrapped in a group."""
    async with client_of(server) as client:

        async def broken() -> None:
            async with client.fill_mask_stream(texts(100)) as items:
                await anext(items)
                raise KeyError

        with pytest.raises(KeyError):
            await broken()


@pytest.mark.parametrize("asynchronous", [False, True], ids=["iterator", "async iterator"])
async def test_the_iterables_own_error_comes_out_as_itself(server: ScriptedServer, asynchronous: bool) -> None:
    """What the user's iterable raises ends the batch, and is not wrapped in a group."""

    def broken() -> Iterator[str]:
        yield f"a {MASK}"
        raise ZeroDivisionError

    async def broken_too() -> AsyncIterator[str]:
        yield f"a {MASK}"
        raise ZeroDivisionError

    async with client_of(server) as client:
        with pytest.raises(ZeroDivisionError):
            await client.fill_mask_batch(broken_too() if asynchronous else broken())


async def test_a_deadline_of_the_iterable_is_not_the_batchs(server: ScriptedServer) -> None:
    """A DeadlineExceededError that the iterable raises is its own exception: errors that are returned are of texts."""
    own = DeadlineExceededError("of another batch")

    def broken() -> Iterator[str]:
        yield f"a {MASK}"
        raise own

    async with client_of(server) as client:
        with pytest.raises(DeadlineExceededError) as raised:
            await client.fill_mask_batch(broken(), return_errors=True, deadline=PATIENCE)
    assert raised.value is own


@pytest.mark.parametrize("inputs", ["one text", b"bytes", 5, ["a", 5]], ids=repr)
async def test_what_is_no_iterable_of_texts_is_refused(server: ScriptedServer, inputs: Any) -> None:
    """One text, or something that is no text, is a TypeError."""
    async with client_of(server) as client:
        with pytest.raises(TypeError, match="inputs"):
            await client.fill_mask_batch(inputs)


@pytest.mark.parametrize(
    "options",
    [{"max_concurrency": 0}, {"max_concurrency": "many"}, {"inputs_per_request": 0}, {"top_k": 0}, {"deadline": -1}],
    ids=str,
)
async def test_wrong_options_are_refused_before_anything_is_sent(
    server: ScriptedServer, options: dict[str, Any]
) -> None:
    """A wrong knob is a ValueError or TypeError."""
    async with client_of(server) as client:
        with pytest.raises((ValueError, TypeError)):
            await client.fill_mask_batch(texts(3), **options)
    assert server.requests == []


async def test_progress_is_told(server: ScriptedServer) -> None:
    """on_progress hears how many texts are done, of how many, and how many with an error."""
    told: list[tuple[int, int | None, int]] = []
    async with client_of(server) as client:
        inputs = [f"a {MASK}", "none", f"b {MASK}"]
        await client.fill_mask_batch(
            inputs, max_concurrency=1, return_errors=True, on_progress=lambda *news: told.append(news)
        )
        await client.fill_mask_batch(iter([f"a {MASK}"]), on_progress=lambda *news: told.append(news))
    assert told == [(1, 3, 0), (2, 3, 1), (3, 3, 1), (1, None, 0)]


async def test_progress_that_raises_is_logged(server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    """A bug in on_progress does not end the batch."""

    def broken(done: int, total: int | None, errors: int) -> None:
        raise ZeroDivisionError

    async with client_of(server) as client:
        with caplog.at_level(logging.ERROR, logger="hf_fillmask"):
            assert len(await client.fill_mask_batch(texts(2), on_progress=broken)) == 2
    assert "on_progress raised" in caplog.text


async def test_a_batch_wakes_a_cold_model_once() -> None:
    """Many texts for a cold model are one 503 and one request that waits."""
    warm = False

    def script(request: Received, wire: Wire) -> None:
        nonlocal warm
        warm = warm or request.waits
        if warm:
            wire.warm()
        else:
            wire.loading()

    with scripted(script) as running:
        async with client_of(running) as client:
            assert len(await client.fill_mask_batch(texts(40))) == 40
    assert len(running.requests) == 41
    assert sum(request.waits for request in running.requests) == 1


async def test_the_deadline_bounds_the_whole_batch() -> None:
    """Texts that are not done by the deadline have that error, each its own; none is waited for."""

    def script(request: Received, wire: Wire) -> None:
        wire.wait_until_gone()

    with scripted(script) as running:
        async with client_of(running) as client:
            results = await client.fill_mask_batch(texts(30), deadline=0.2, return_errors=True)
    assert [type(result) for result in results] == [DeadlineExceededError] * 30
    assert len({id(result) for result in results}) == 30
    assert len(running.requests) <= 8


async def test_a_closed_client_ends_its_batch() -> None:
    """Closing the client ends a batch with the error that any call would have had."""

    def script(request: Received, wire: Wire) -> None:
        wire.wait_until_gone()

    with scripted(script) as running:
        client = client_of(running)
        stream = client.fill_mask_stream(texts(30))
        async with stream as items, anyio.create_task_group() as group:
            await in_thread(running.wait_for, lambda server: len(server.requests) >= 1)
            group.start_soon(client.aclose)
            with pytest.raises(RuntimeError, match="closed"):
                await anext(items)
        with pytest.raises(RuntimeError, match="closed"):
            await client.fill_mask_batch(texts(3))


async def test_refusals_slow_a_batch_down() -> None:
    """A 429 in the middle makes the pace step back; every text is filled in the end."""

    def script(request: Received, wire: Wire) -> None:
        if len(running.requests) in (20, 21):
            wire.reply(429, {"error": "Rate limit reached."}, retry_after="0.05")
        else:
            wire.warm()

    with scripted(script) as running:
        async with client_of(running) as client:
            results = await client.fill_mask_batch(texts(60))
    assert all(isinstance(result, FillMaskResult) for result in results)
    assert len(running.requests) == 62


async def test_errors_of_the_server_are_each_texts_own() -> None:
    """Refusals and failures of a server end up with the texts that they hit."""

    def script(request: Received, wire: Wire) -> None:
        wire.reply(500 if request.inputs.startswith("1 ") else 429, {"error": "no"}, retry_after="600")

    with scripted(script) as running:
        async with client_of(running) as client:
            results = await client.fill_mask_batch(texts(3), return_errors=True)
    assert [type(result) for result in results] == [RateLimitError, ServerError, RateLimitError]


async def test_timeouts_slow_a_batch_down_too() -> None:
    """An attempt that runs out of time is an error of its text, and the others go on."""

    def script(request: Received, wire: Wire) -> None:
        if request.inputs.startswith("9 "):
            wire.wait_until_gone()
        else:
            wire.warm()

    with scripted(script) as running:
        async with client_of(running, timeout=0.3) as client:
            results = await client.fill_mask_batch(texts(12), return_errors=True)
    assert [isinstance(result, TimeoutError) for result in results] == [False] * 9 + [True] + [False] * 2


async def test_lost_connections_are_no_sign_of_haste() -> None:
    """A connection that is lost in the middle of a batch is an error of its text, or sent again."""

    def script(request: Received, wire: Wire) -> None:
        if request.inputs.startswith("5 "):
            wire.reset()
        else:
            wire.warm()

    with scripted(script) as running:
        async with client_of(running, max_retries=1) as client:
            results = await client.fill_mask_batch(coming(8), return_errors=True, inputs_per_request=1)
    assert [isinstance(result, ConnectError) for result in results] == [False] * 5 + [True] + [False] * 2


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("ordered", [False, True], ids=["as they come", "ordered"])
async def test_a_cancelled_reader_loses_no_item(server: ScriptedServer, ordered: bool) -> None:
    """A reader that is cancelled at the very moment when an item comes leaves it to the next one."""
    readers: list[asyncio.Task[BatchItem]] = []
    read: list[int] = []

    def cancel(done: int, total: int | None, errors: int) -> None:
        asyncio.get_running_loop().call_soon(readers[-1].cancel)  # before the reader runs, and after it has been called

    async with client_of(server) as client:
        stream = client.fill_mask_stream(texts(20), ordered=ordered, max_concurrency=1, on_progress=cancel)
        async with stream as items:
            with anyio.fail_after(PATIENCE), suppress(StopAsyncIteration):
                while True:
                    readers.append(asyncio.create_task(items.__anext__()))
                    with suppress(asyncio.CancelledError):
                        read.append((await readers[-1]).index)
    assert len(readers) > 30
    assert read == list(range(20))

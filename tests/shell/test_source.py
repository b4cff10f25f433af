"""The texts of a batch as they come in: what has arrived is sent, and nothing is read after the deadline."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from hf_fillmask import DeadlineExceededError, FillMaskResult
from hf_fillmask._deadline import Deadline
from hf_fillmask._source import Source

from .helpers import PATIENCE, client_of
from .pipeline_server import MASK, pipeline
from .scripted_server import Received, Wire, scripted

pytestmark = pytest.mark.anyio


class Feed(AsyncIterator[str]):
    """A live source: gives what was put into it, and keeps its reader waiting for more until it is closed."""

    def __init__(self, *texts: str) -> None:
        self._texts = deque(texts)
        self._closed = False
        self._news = anyio.Event()
        self.asked = 0

    def put(self, *texts: str) -> None:
        """Let texts arrive."""
        self._texts.extend(texts)
        self._news.set()

    def close(self) -> None:
        """Let it end."""
        self._closed = True
        self._news.set()

    async def __anext__(self) -> str:
        self.asked += 1
        while not self._texts and not self._closed:
            self._news = anyio.Event()
            await self._news.wait()
        if not self._texts:
            raise StopAsyncIteration
        return self._texts.popleft()


class Workers:
    """Workers who ask a source for lists of three, and what each of them got."""

    def __init__(self, source: Source, group: Any) -> None:
        self._source = source
        self._group = group
        self.got: list[list[str]] = []

    async def ask(self, count: int = 1) -> list[list[str]]:
        """Let as many more workers ask; return what was handed out so far once nobody can go on."""
        for _ in range(count):
            self._group.start_soon(self._one)
        await anyio.wait_all_tasks_blocked()
        return self.got

    async def land(self) -> list[list[str]]:
        """Let a worker be done who asks for more."""
        self._source.landed()
        return await self.ask()

    async def _one(self) -> None:
        self.got.append((await self._source.take(3))[1])


async def test_what_has_arrived_is_sent_when_nothing_else_is_under_way() -> None:
    """With a worker to spare, the first text of a list does not wait for the others; under way, it waits for a list."""
    feed = Feed()
    async with anyio.create_task_group() as group:
        workers = Workers(Source(feed), group)
        assert await workers.ask(2) == []
        feed.put("a")
        await anyio.wait_all_tasks_blocked()
        assert workers.got == [["a"]]
        feed.put("b", "c")
        assert await workers.ask(2) == [["a"]]
        feed.put("d")
        await anyio.wait_all_tasks_blocked()
        assert workers.got == [["a"], ["b", "c", "d"]]
        feed.put("e")
        assert await workers.land() == [["a"], ["b", "c", "d"]]
        assert await workers.land() == [["a"], ["b", "c", "d"], ["e"]]
        feed.close()
        await anyio.wait_all_tasks_blocked()
        assert workers.got[3:] == [[]] * 3


async def test_what_has_arrived_is_sent_when_a_worker_leaves() -> None:
    """A worker who is done and asks for nothing more is noticed as well by those who watch."""
    feed = Feed("a", "b", "c", "d")
    source = Source(feed)
    async with anyio.create_task_group() as group:
        workers = Workers(source, group)
        assert await workers.ask(3) == [["a", "b", "c"]]
        source.landed()
        await anyio.wait_all_tasks_blocked()
        assert workers.got == [["a", "b", "c"], ["d"]]
        feed.close()


async def test_what_is_there_at_once_makes_full_lists() -> None:
    """An async iterator that never keeps its reader waiting is read in full lists, and its rest at the end."""

    async def quick() -> AsyncIterator[str]:
        for number in range(7):
            yield str(number)

    async with anyio.create_task_group() as group:
        got = await Workers(Source(quick()), group).ask(4)
    assert sorted(got, reverse=True) == [["6"], ["3", "4", "5"], ["0", "1", "2"], []]


async def awaited(count: int) -> AsyncIterator[str]:
    """Return texts that are awaited one by one, as the lines of a file are."""
    for number in range(count):
        await anyio.lowlevel.checkpoint()
        yield f"{number} {MASK}"


async def test_a_file_that_is_awaited_makes_full_lists() -> None:
    """An async iterator that awaits each text still fills the lists while other requests are under way."""

    sizes: list[int] = []
    answer = pipeline()

    def script(request: Received, wire: Wire) -> None:
        sizes.append(request.body.count(MASK.encode()))
        wire.pause(0.05)
        answer(request, wire)

    with scripted(script) as server:
        async with client_of(server) as client:
            results = await client.fill_mask_batch(awaited(61), inputs_per_request=10, max_concurrency=4)
    assert [result[0].word for result in results] == [f"{number} {MASK}/0" for number in range(61)]
    assert sum(sizes) == 61
    assert sorted(sizes)[-5:] == [10] * 5


@pytest.mark.parametrize("concurrency", ["adaptive", 1])
@pytest.mark.parametrize("ordered", [False, True], ids=["as done", "ordered"])
async def test_a_live_stream_does_not_wait_for_its_list(ordered: bool, concurrency: Any) -> None:
    """An item comes out before the next text has come in, although the list has room for more."""
    feed = Feed()
    with scripted(pipeline()) as server, anyio.fail_after(PATIENCE):
        async with (
            client_of(server) as client,
            client.fill_mask_stream(feed, inputs_per_request=16, ordered=ordered, max_concurrency=concurrency) as items,
        ):
            for number in range(5):
                feed.put(f"{number} {MASK}")
                assert (await anext(items)).index == number
            feed.close()
            with pytest.raises(StopAsyncIteration):
                await anext(items)


async def test_one_at_a_time_stays_one_at_a_time() -> None:
    """A live source is read while the one request is under way, so the lists get full; no second request is sent."""

    sizes: list[int] = []
    in_flight: list[int] = [0]
    answer = pipeline()

    def script(request: Received, wire: Wire) -> None:
        sizes.append(request.body.count(MASK.encode()))
        in_flight.append(in_flight[-1] + 1)
        wire.pause(0.05)
        in_flight.append(in_flight[-1] - 1)
        answer(request, wire)

    with scripted(script) as server:
        async with client_of(server) as client:
            results = await client.fill_mask_batch(awaited(21), inputs_per_request=5, max_concurrency=1)
    assert [result[0].word for result in results] == [f"{number} {MASK}/0" for number in range(21)]
    assert max(in_flight) == 1
    assert sum(sizes) == 21
    assert sizes.count(5) >= 3


def endless() -> Any:
    """Return texts without end."""
    return map("{} <mask>".format, itertools.count())


async def endless_too() -> AsyncIterator[str]:
    """Return the same as an async iterator that never keeps its reader waiting."""
    texts = endless()
    while True:
        yield next(texts)


def held(request: Received, wire: Wire) -> None:
    """Answer nobody."""
    wire.wait_until_gone()


def live() -> Feed:
    """Return a live source in which three texts have arrived, and no more will."""
    return Feed(f"a {MASK}", f"b {MASK}", f"c {MASK}")


@pytest.mark.parametrize("inputs", [endless, endless_too, live])
async def test_nothing_is_read_after_the_deadline(inputs: Callable[[], Any]) -> None:
    """What has no length is not read on: those that were taken have an error, and the list ends with another."""
    with scripted(held) as server, anyio.fail_after(PATIENCE):
        async with client_of(server) as client:
            results = await client.fill_mask_batch(inputs(), deadline=0.2, return_errors=True, inputs_per_request=2)
    assert {type(result) for result in results} == {DeadlineExceededError}
    assert len({id(result) for result in results}) == len(results) <= 8 * 2 + 1
    assert "not all texts were read" in str(results[-1])
    assert "not all texts were read" not in str(results[-2])


async def test_a_stream_ends_with_the_deadline() -> None:
    """A stream of texts without a length gives all that it took, and raises; a batch keeps what was done before."""
    text = f"a {MASK}"
    with scripted(pipeline()) as server, anyio.fail_after(PATIENCE):
        async with client_of(server) as client:
            async with client.fill_mask_stream(Feed(text), deadline=0.2) as items:
                assert (await anext(items)).result is not None
                with pytest.raises(DeadlineExceededError, match="not all texts were read"):
                    await anext(items)
            with pytest.raises(DeadlineExceededError, match="not all texts were read"):
                await client.fill_mask_batch(Feed(text), deadline=0.2)
            results = await client.fill_mask_batch(Feed(text), deadline=0.2, return_errors=True)
    assert [type(result) for result in results] == [FillMaskResult, DeadlineExceededError]


async def test_a_deadline_begins_with_the_first_request() -> None:
    """Who waits for the first text has all the time; one that begins meanwhile counts for those who wait already."""
    deadline = Deadline(0.05)
    feed = Feed()
    source = Source(feed, None, deadline)
    async with anyio.create_task_group() as group:
        workers = Workers(source, group)
        assert await workers.ask() == []
        assert not deadline.over
        deadline.begin()
        deadline.begin()
    assert (workers.got, source.cut, deadline.over) == ([[]], True, True)
    assert (await source.take(3))[1] == []
    assert feed.asked == 1

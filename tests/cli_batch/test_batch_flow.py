"""The way of the rows through a run: fed, joined, put in order, written, counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import anyio
import pytest
import trio
from trio.testing import MockClock

from hf_fillmask import BadRequestError, BatchItem, ColdStart
from hf_fillmask._rate import Rate
from hf_fillmask._source import Source
from hf_fillmask.cli.batch._answers import Answers
from hf_fillmask.cli.batch._counts import Counts
from hf_fillmask.cli.batch._desk import Desk
from hf_fillmask.cli.batch._feed import Feed
from hf_fillmask.cli.batch._rows import Chunk, Row, broken_row
from hf_fillmask.cli.batch._sink import Sink, Writers, writing
from hf_fillmask.cli.batch._speed import Speed, progress_parts, summary, time_left

from ..shell.helpers import virtual_time
from .helpers import item

pytestmark = pytest.mark.anyio


class Kept:
    """A writers that keeps what it is given."""

    def __init__(self) -> None:
        self.data = b""
        self.failed: list[Any] = []
        self.synced = 0

    def write(self, data: bytes) -> None:
        self.data += data

    def sync(self) -> None:
        self.synced += 1

    def writers(self) -> Writers:
        return Writers(self.write, self.sync, self.failed.extend)

    @property
    def indices(self) -> list[int]:
        return [json.loads(line)["index"] for line in self.data.splitlines()]


def row(index: int, text: str | None = None) -> Row:
    text = f"text {index}" if text is None else text
    return broken_row(index, b"raw", "bad") if text == "broken" else Row(index, b"%d" % index, text, raw=text)


class Table:
    """A feed over some texts, and all that it writes to."""

    def __init__(
        self, texts: Iterable[str], *, ordered: bool = False, once: bool = True, rate: Rate | None = None
    ) -> None:
        rows = [row(index, text) for index, text in enumerate(texts)]
        self.kept = Kept()
        self.sink = Sink(self.kept.writers())
        self.counts = Counts()
        self.desk = Desk(self.sink, self.counts, ordered=ordered)
        chunks = iter([Chunk([], 1, 0), Chunk(rows, len(rows), 0)])
        answers = Answers() if once else None
        self.feed = Feed(chunks, self.desk, self.counts, rate, answers, texts_a_turn=4)

    async def written(self) -> list[int]:
        await self.sink.flush()
        return self.kept.indices


@pytest.mark.parametrize("anyio_backend", [virtual_time()], ids=["trio"])
@pytest.mark.parametrize("seconds", [0.0, 0.3, 5.0])
async def test_the_rate_is_one_of_requests(seconds: float) -> None:
    """However quick the answers: never more than one request a turn, and full lists where there is more to ask."""
    table = Table(map(str, range(30)), rate=Rate(2))
    source = Source(table.feed)
    sent: list[tuple[float, int]] = []

    async def work() -> None:
        while texts := (await source.take(4))[1]:
            sent.append((anyio.current_time(), len(texts)))
            await anyio.sleep(seconds)
            source.landed()

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(work)
    assert [size for _, size in sent] == [4] * 7 + [2]
    assert all(after[0] - before[0] >= 0.5 for before, after in pairwise(sent))


async def test_equal_texts_are_asked_once() -> None:
    """A text that is under way, or was answered, is not asked again; all of its rows get the one answer."""
    table = Table(["a", "b", "a", "a", "b", "c"])
    asked = [await anext(table.feed), await anext(table.feed), await anext(table.feed)]
    for index, text in enumerate(asked):
        table.feed.answer(item(index, text))
    assert asked == ["a", "b", "c"]
    assert sorted(await table.written()) == [0, 1, 2, 3, 4, 5]
    assert table.kept.data.count(b'"attempts":1') == 3
    assert (table.counts.filled, table.counts.asked, table.counts.in_flight) == (6, 3, 0)


async def test_a_known_answer_is_written_at_once() -> None:
    """A row whose text was answered before needs nothing of the client."""
    table = Table(["a", "a"])
    table.feed.answer(item(0, await anext(table.feed)))
    with pytest.raises(StopAsyncIteration):
        await anext(table.feed)
    assert await table.written() == [0, 1]


async def test_without_the_cache_every_row_is_asked() -> None:
    """With --no-cache equal texts are asked each for itself."""
    table = Table(["a", "a"], once=False)
    assert [await anext(table.feed), await anext(table.feed)] == ["a", "a"]
    for index in (1, 0):
        table.feed.answer(item(index, "a"))
    assert await table.written() == [1, 0]


async def test_too_many_rows_for_one_answer() -> None:
    """When a crowd of rows waits for one text, it is asked again: memory stays bounded, and nothing waits for ever."""
    table = Table(["a"] * 10_001)
    assert [await anext(table.feed) for _ in range(3)] == ["a"] * 3
    for index in (1, 0, 2):
        table.feed.answer(item(index, "a"))
    assert len(await table.written()) == 10_001


async def test_bad_rows_are_settled_on_the_way() -> None:
    """A row that could not be read is written as failed, and its raw line goes to the failed rows."""
    table = Table(["broken", "a"])
    assert await anext(table.feed) == "a"
    assert await table.written() == [0]
    assert (table.kept.failed, table.counts.failed) == ([b"raw"], 1)


async def test_a_full_sink_is_emptied_by_the_feed() -> None:
    """A flood of rows that need no answer does not grow in memory."""
    table = Table(["broken", "a"])
    table.sink.put(b"x" * (1 << 22))
    assert await anext(table.feed) == "a"
    assert not table.sink.is_full


async def test_order() -> None:
    """Ordered, a row waits for those before it; a run that ends early writes the waiting ones all the same."""
    table = Table(["a", "broken", "b", "c", "d"], ordered=True)
    for _ in range(4):
        await anext(table.feed)
    table.feed.answer(item(1, "b"))
    table.feed.answer(BatchItem(3, "d", error=BadRequestError("bad", status_code=400)))
    assert await table.written() == []
    table.feed.answer(item(0, "a"))
    assert await table.written() == [0, 1, 2]
    table.desk.let_go()
    assert await table.written() == [0, 1, 2, 4]
    assert table.kept.failed == [b"raw", "d"]


async def test_what_was_put_is_written_when_the_run_is_cancelled() -> None:
    """A cancelled run loses no line, and leaves all on the disk."""
    kept = Kept()
    with anyio.CancelScope() as scope:
        async with writing(kept.writers()) as sink:
            for index in range(1000):
                sink.put(b"%d\n" % index)
            scope.cancel()
            await anyio.sleep_forever()
    assert kept.data == b"".join(b"%d\n" % index for index in range(1000))
    assert kept.synced == 1


async def test_what_the_system_refuses_ends_the_run() -> None:
    """A full disk ends the run at once, and is not tried again at its end."""
    refusals: list[bytes] = []

    def refuse(data: bytes) -> None:
        refusals.append(data)
        raise OSError(28, "No space left on device")

    async def write() -> None:
        async with writing(Writers(refuse, lambda: None)) as sink:
            sink.put(b"line\n")
            await anyio.sleep_forever()

    with pytest.raises(ExceptionGroup) as group:
        await write()
    assert group.group_contains(OSError)
    assert refusals == [b"line\n"]


async def test_many_lines_are_written_at_once() -> None:
    """The sink does not wait for its tick when a lot has come; failed rows that nobody wants are dropped."""
    written = anyio.Event()
    done = threading.Event()

    def write(data: bytes) -> None:
        anyio.from_thread.run_sync(written.set)
        assert done.wait(10)

    async with writing(Writers(write, lambda: None)) as sink:
        sink.put(b"x" * (1 << 18))
        sink.put(b"x")
        await written.wait()
        done.set()
    assert not sink.keeps_failed


def test_bytes_are_brought_to_the_disk_each_second() -> None:
    """While lines come in, they are brought to the disk each second, not each by itself."""
    kept = Kept()

    async def write_for_five_seconds() -> int:
        async with writing(kept.writers()) as sink:
            for _ in range(50):
                sink.put(b"line\n")
                await anyio.sleep(0.1)
            return kept.synced

    assert 1 <= trio.run(write_for_five_seconds, clock=MockClock(autojump_threshold=0.001)) <= 5


def test_the_speed_is_that_of_the_last_ten_seconds() -> None:
    """The rate forgets what is long past; at the first moment there is none."""
    speed = Speed()
    rates = [speed.at(float(now), done) for now, done in enumerate([0, 100, 200, *range(201, 220)])]
    assert rates[:2] == [None, 100.0]
    assert rates[-1] == 1.0


COLD = ColdStart("m", "waiting", 20.0, 0.0)
GUESSLESS = ColdStart("m", "waiting", None, 0.0)


@pytest.mark.parametrize(
    ("counts", "rate", "cold", "expected"),
    [
        (Counts(), None, None, ["0 rows", "0 in flight"]),
        (Counts(asked=3, answered=1), None, GUESSLESS, ["0 rows", "the model is loading: 1.5 s", "2 in flight"]),
        (Counts(read=1500, filled=1500, lines=1500), 30.0, None, ["1,500 rows", "30/s", "0 in flight"]),
        (
            Counts(read=500, skipped=400, filled=500, failed=100, lines=950, all_lines=2050),
            10.0,
            None,
            ["1,000 of 2,000", "50 %", "10/s", "1:40 left", "100 failed", "0 in flight"],
        ),
        (
            Counts(all_lines=10),
            None,
            COLD,
            ["0 of 10", "0 %", "the model is loading: 1.5 s (server's estimate 20 s)", "0 in flight"],
        ),
    ],
)
def test_progress(counts: Counts, rate: float | None, cold: ColdStart | None, expected: Sequence[str]) -> None:
    """Progress tells what is done, how fast, how long it will take, what failed and what is under way."""
    assert list(progress_parts(counts, rate, cold, 1.5)) == expected


@pytest.mark.parametrize(("seconds", "clock"), [(0.4, "0:00"), (67, "1:07"), (7384, "2:03:04")])
def test_a_clock(seconds: float, clock: str) -> None:
    """Durations are written as clocks do."""
    assert time_left(seconds) == clock


def test_summaries() -> None:
    """The summary counts filled, failed, skipped and asked, and tells the time and the rate."""
    counts = Counts(filled=1900, failed=100, written=2000, skipped=5, asked=1950)
    assert summary(counts, 100.0) == "1,900 filled, 100 failed, 5 done before; 1,950 asked in 1:40 (20 rows/s)"
    counts.written = 1500
    assert summary(counts, 100.0).startswith("1,900 filled, 100 failed, up to 500 of them not written, 5 done before; ")
    assert summary(Counts(), 0.0) == "0 filled, 0 failed; 0 asked in 0.0 s (0 rows/s)"

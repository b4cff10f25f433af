"""The door of a model, by itself: who wakes, who waits, and what ends the waiting. No HTTP, and virtual time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import pytest

from hf_fillmask._exchange import Response
from hf_fillmask._wakeup import Door, Visit

from .helpers import virtual_time

pytestmark = pytest.mark.anyio

COLD = Response(503, body=b"cold")
LATER = Response(503, body=b"still cold")
LONG = 300.0


class Caller:
    """One caller at the door, in a task of its own."""

    def __init__(self, door: Door, patience: float = LONG) -> None:
        self.door = door
        self.patience = patience
        self.visit = Visit()
        self.answer: Response | None = None
        self.passed_at: float | None = None
        self.scope = anyio.CancelScope()

    async def come(self) -> None:
        """Enter, as a call does: whoever goes, in whatever way, leaves."""
        with self.scope:
            try:
                self.answer = await self.door.enter(self.visit, self.patience)
                await anyio.lowlevel.checkpoint()  # the next that a call does: here a cancellation shows
                self.passed_at = anyio.current_time()
            except BaseException:
                self.door.leave(self.visit)
                raise

    @property
    def state(self) -> str:
        """Say in a word how far this caller has come."""
        if self.passed_at is None:
            return "gone" if self.scope.cancelled_caught else "parked"
        if self.answer is not None:
            return "answered"
        return "waker" if self.visit.waker else "passed"


class Hall:
    """A door, the news that it told, and callers that come one after the other."""

    def __init__(self, group: anyio.abc.TaskGroup) -> None:
        self.group = group
        self.news: list[tuple[str, Response, float]] = []
        self.door = Door(lambda *news: self.news.append(news))
        self.callers: list[Caller] = []

    async def comes(self, count: int = 1, patience: float = LONG) -> None:
        """Let some callers come, each after the one before."""
        for _ in range(count):
            self.callers.append(Caller(self.door, patience))
            self.group.start_soon(self.callers[-1].come)
            await anyio.wait_all_tasks_blocked()

    async def states(self) -> list[str]:
        """Let everybody go as far as they can, and say where they are."""
        await anyio.wait_all_tasks_blocked()
        return [caller.state for caller in self.callers]

    @property
    def phases(self) -> list[str]:
        """List the phases that were told."""
        return [phase for phase, _, _ in self.news]


async def test_one_wakes_and_the_others_park() -> None:
    """The first caller of an unknown model passes, the others wait until it has an answer."""
    async with anyio.create_task_group() as group:
        hall = Hall(group)
        await hall.comes(4)
        assert await hall.states() == ["waker", "parked", "parked", "parked"]
        hall.door.answered(hall.callers[0].visit, warm=True)
        assert await hall.states() == ["passed"] * 4
        await hall.comes()
        assert (await hall.states())[-1] == "passed"
    assert hall.news == []
    assert {caller.visit.waited for caller in hall.callers} == {0.0}


async def test_the_news_are_told_once() -> None:
    """A wake-up is told once, with the first 503, however many wait for it."""
    async with anyio.create_task_group() as group:
        hall = Hall(group)
        await hall.comes(3)
        waker = hall.callers[0].visit
        hall.door.found_cold(waker, COLD)
        hall.door.found_cold(waker, LATER)
        hall.door.answered(waker, warm=True)
        assert await hall.states() == ["passed"] * 3
    assert [(phase, first) for phase, first, _ in hall.news] == [("waiting", COLD), ("warm", COLD)]


async def test_an_error_of_the_waker_opens_the_door() -> None:
    """An error, a lost connection too, ends the wake-up: everybody goes and sees for himself."""
    async with anyio.create_task_group() as group:
        hall = Hall(group)
        await hall.comes(3)
        hall.door.found_cold(hall.callers[0].visit, COLD)
        hall.door.answered(hall.callers[0].visit, warm=False)
        assert await hall.states() == ["passed"] * 3
    assert hall.phases == ["waiting", "failed"]


async def test_a_waker_that_goes_hands_over() -> None:
    """The next in the order of coming takes over; the news are not told anew."""
    async with anyio.create_task_group() as group:
        hall = Hall(group)
        await hall.comes(3)
        first, second, _ = hall.callers
        hall.door.found_cold(first.visit, COLD)
        hall.door.leave(first.visit)
        hall.door.leave(first.visit)
        assert await hall.states() == ["passed", "waker", "parked"]
        hall.door.found_cold(second.visit, LATER)
        hall.door.answered(second.visit, warm=True)
        assert await hall.states() == ["passed"] * 3
    assert [(phase, cold) for phase, cold, _ in hall.news] == [("waiting", COLD), ("warm", COLD)]


async def test_an_heir_that_is_cancelled_at_once_hands_on() -> None:
    """A caller that is cancelled in the moment in which it takes over does not take the wake-up with it."""
    async with anyio.create_task_group() as group:
        hall = Hall(group)
        await hall.comes(3)
        hall.door.leave(hall.callers[0].visit)
        hall.callers[1].scope.cancel()
        assert await hall.states() == ["passed", "gone", "waker"]


async def test_a_waker_that_goes_alone() -> None:
    """If nobody waits, the model is as unknown as before, and the next caller wakes it."""
    async with anyio.create_task_group() as group:
        hall = Hall(group)
        await hall.comes()
        hall.door.found_cold(hall.callers[0].visit, COLD)
        hall.door.leave(hall.callers[0].visit)
        await hall.comes(2)
        assert await hall.states() == ["passed", "waker", "parked"]
        hall.door.leave(hall.callers[1].visit)
        hall.door.leave(hall.callers[2].visit)
    assert hall.phases == ["waiting", "failed"]


async def test_parked_callers_that_are_cancelled() -> None:
    """Who is cancelled while parked is forgotten, and takes nobody along."""
    async with anyio.create_task_group() as group:
        hall = Hall(group)
        await hall.comes(3)
        hall.callers[1].scope.cancel()
        assert await hall.states() == ["waker", "gone", "parked"]
        hall.door.leave(hall.callers[0].visit)
        assert await hall.states() == ["passed", "gone", "waker"]


async def test_a_failed_wake_up_is_everybodys() -> None:
    """Each who waits gets the server's answer, without a turn of its own; the next call starts afresh."""
    async with anyio.create_task_group() as group:
        hall = Hall(group)
        await hall.comes(3)
        hall.door.found_cold(hall.callers[0].visit, COLD)
        hall.door.failed(hall.callers[0].visit, LATER)
        assert await hall.states() == ["passed", "answered", "answered"]
        assert [caller.answer for caller in hall.callers[1:]] == [replace(LATER, cold=COLD)] * 2
        await hall.comes()
        assert (await hall.states())[-1] == "waker"
    assert hall.phases == ["waiting", "failed"]


async def test_the_503_of_a_client_that_does_not_wait_is_shared() -> None:
    """Without a waiting attempt the one 503 is the answer for all, and nobody is told of a wake-up."""
    async with anyio.create_task_group() as group:
        hall = Hall(group)
        await hall.comes(2)
        hall.door.failed(hall.callers[0].visit, COLD)
        assert (await hall.states(), hall.callers[1].answer) == (["passed", "answered"], COLD)
    assert hall.news == []


def went_cold(hall: Hall) -> tuple[Visit, Visit]:
    """Warm the model up, and return two visits that both saw a 503 after it."""
    hall.door.answered(hall.callers[0].visit, warm=True)
    first, second = hall.callers[1].visit, hall.callers[2].visit
    assert (hall.door.admits(first), hall.door.admits(second)) == (True, True)
    hall.door.found_cold(first, COLD)
    hall.door.found_cold(second, LATER)
    return first, second


async def test_a_warm_model_that_goes_cold() -> None:
    """Of all that are in flight the first with a 503 wakes the model, and the others do not."""
    async with anyio.create_task_group() as group:
        hall = Hall(group)
        await hall.comes(3)
        first, second = went_cold(hall)
        assert (first.waker, second.waker) == (True, False)
        assert (hall.door.admits(first), hall.door.admits(second)) == (True, False)
    assert [news[:2] for news in hall.news] == [("waiting", COLD)]


async def test_a_503_from_before_the_wake_up() -> None:
    """An old 503 that comes when the model has been woken in the meantime wakes nobody again."""
    async with anyio.create_task_group() as group:
        hall = Hall(group)
        await hall.comes(4)
        first, _ = went_cold(hall)
        slow = hall.callers[3].visit
        slow.generation = first.generation
        hall.door.answered(first, warm=True)
        hall.door.found_cold(slow, LATER)
        assert not slow.waker
        assert hall.door.admits(slow)
        hall.door.found_cold(slow, LATER)
        assert slow.waker


async def test_what_stragglers_may_say() -> None:
    """While one wakes the model, the answers of others change nothing; when it is unknown, any answer opens."""
    async with anyio.create_task_group() as group:
        hall = Hall(group)
        await hall.comes(2)
        waker, straggler = hall.callers[0].visit, Visit()
        hall.door.answered(straggler, warm=True)
        hall.door.failed(straggler, LATER)
        assert await hall.states() == ["waker", "parked"]
        hall.door.failed(waker, LATER)
        assert await hall.states() == ["passed", "answered"]
        hall.door.answered(straggler, warm=True)
        hall.door.answered(straggler, warm=True)
        assert hall.door.admits(straggler)
        hall.door.failed(Visit(), LATER)
        assert hall.door.admits(straggler)
        hall.door.failed(straggler, LATER)
        assert not hall.door.admits(straggler)


# --- time


class TestTime:
    """What depends on time."""

    @pytest.fixture
    def anyio_backend(self) -> tuple[str, dict[str, Any]]:
        """Run these on a clock that jumps."""
        return virtual_time()

    async def test_waiting_counts(self) -> None:
        """The seconds before a model that is known to be cold count as waited."""
        async with anyio.create_task_group() as group:
            hall = Hall(group)
            await hall.comes(2)
            hall.door.found_cold(hall.callers[0].visit, COLD)
            await anyio.sleep(12)
            hall.door.answered(hall.callers[0].visit, warm=True)
        assert [round(caller.visit.waited) for caller in hall.callers] == [0, 12]
        assert [(phase, round(waited)) for phase, _, waited in hall.news] == [("waiting", 0), ("warm", 12)]

    async def test_patience_ends(self) -> None:
        """After its own patience a caller gets the first 503 once more; the wake-up goes on for the others."""
        async with anyio.create_task_group() as group:
            hall = Hall(group)
            await hall.comes()
            await hall.comes(patience=5)
            await hall.comes()
            hall.door.found_cold(hall.callers[0].visit, COLD)
            began = anyio.current_time()
            await anyio.sleep(20)
            assert await hall.states() == ["waker", "answered", "parked"]
            hall.door.answered(hall.callers[0].visit, warm=True)
        impatient = hall.callers[1]
        assert impatient.answer == replace(COLD, cold=COLD, wait_expired=True)
        assert impatient.passed_at == pytest.approx(began + 5, abs=0.1)
        assert impatient.visit.waited == pytest.approx(5, abs=0.1)

    async def test_a_slow_model_is_no_cold_one(self) -> None:
        """Patience does not end while nobody knows whether the model is cold."""
        async with anyio.create_task_group() as group:
            hall = Hall(group)
            await hall.comes()
            await hall.comes(patience=5)
            await anyio.sleep(20)
            assert await hall.states() == ["waker", "parked"]
            hall.door.answered(hall.callers[0].visit, warm=True)
        assert [caller.visit.waited for caller in hall.callers] == [0.0, 0.0]

    @pytest.mark.parametrize("patience", [5, 15, -1], ids=["one round", "a part of one", "none left"])
    async def test_patience_runs_from_the_parking(self, patience: float) -> None:
        """It runs from when a caller parks: the 503 that comes after its end is the end."""
        async with anyio.create_task_group() as group:
            hall = Hall(group)
            await hall.comes()
            await hall.comes(patience=patience)
            parked = anyio.current_time()
            await anyio.sleep(8)
            hall.door.found_cold(hall.callers[0].visit, COLD)
            ends = max(parked + patience, anyio.current_time())
            await anyio.sleep(100)
            assert await hall.states() == ["waker", "answered"]
            hall.door.leave(hall.callers[0].visit)
        assert hall.callers[1].passed_at == pytest.approx(ends, abs=0.1)

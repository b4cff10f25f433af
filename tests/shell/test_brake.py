"""The brake of a host, by itself: a pause for everybody, and a slow start after it. No HTTP, and virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import pytest

from hf_fillmask._brake import Brake

from .helpers import virtual_time

pytestmark = pytest.mark.anyio

TRIP = 1.0  # seconds that a request takes


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run on a clock that jumps."""
    return virtual_time()


class Traffic:
    """Requests that pass a brake, and when each of them started."""

    def __init__(self, limit: int, group: anyio.abc.TaskGroup) -> None:
        self.brake = Brake(limit)
        self.group = group
        self.began = anyio.current_time()
        self.started: list[float] = []

    async def passes(self, *, answered: bool = True, refused_for: float | None = None) -> None:
        """Make one request; `refused_for` is what a 429 to it asks for."""
        await self.brake.enter()
        taken = False
        try:
            self.started.append(round(anyio.current_time() - self.began, 3))
            await anyio.sleep(TRIP if refused_for is None else TRIP / 2)
            taken = answered and refused_for is None
            if refused_for is not None:
                self.brake.hold(refused_for)
        finally:
            self.brake.leave(answered=taken)

    async def spawn(self, count: int, **how: Any) -> list[anyio.CancelScope]:
        """Start some requests, each after the one before; each can be cancelled."""
        scopes = [anyio.CancelScope() for _ in range(count)]

        async def one(scope: anyio.CancelScope) -> None:
            with scope:
                await self.passes(**how)

        for scope in scopes:
            self.group.start_soon(one, scope)
            await anyio.wait_all_tasks_blocked()
        return scopes


async def test_without_a_429_there_is_no_brake() -> None:
    """Nobody waits as long as no server complains."""
    async with anyio.create_task_group() as group:
        traffic = Traffic(4, group)
        await traffic.spawn(100)
    assert traffic.started == [0] * 100


async def test_the_pause_is_everybodys() -> None:
    """Nobody starts before the pause is over, and the longest advice counts."""
    async with anyio.create_task_group() as group:
        traffic = Traffic(4, group)
        traffic.brake.hold(10)
        traffic.brake.hold(5)
        await traffic.spawn(3)
        with anyio.fail_after(11):
            await traffic.brake.pass_pause()
    assert min(traffic.started) == 10


async def test_the_start_after_a_pause_is_slow() -> None:
    """One goes first; each round trip lets twice as many go, until the limit; then the brake is off."""
    async with anyio.create_task_group() as group:
        traffic = Traffic(8, group)
        traffic.brake.hold(10)
        await traffic.spawn(40)
    rounds = {second: traffic.started.count(second) for second in traffic.started}
    assert dict(list(rounds.items())[:3]) == {10: 1, 11: 2, 12: 4}
    assert sum(rounds.values()) == 40
    assert len(rounds) == 4


async def test_one_connection_has_no_slow_start() -> None:
    """With a limit of one there is nothing to slow down."""
    async with anyio.create_task_group() as group:
        traffic = Traffic(1, group)
        traffic.brake.hold(10)
        await traffic.spawn(3)
    assert traffic.started == [10, 11, 11]


async def test_only_answers_widen() -> None:
    """A lost connection is no sign that the server has recovered."""
    async with anyio.create_task_group() as group:
        traffic = Traffic(8, group)
        traffic.brake.hold(10)
        await traffic.spawn(4, answered=False)
    assert traffic.started == [10, 11, 12, 13]


async def test_a_second_429_starts_over() -> None:
    """A refusal during the slow start pauses everybody again."""
    async with anyio.create_task_group() as group:
        traffic = Traffic(8, group)
        traffic.brake.hold(10)
        await traffic.spawn(1)
        await anyio.sleep(10.5)
        await traffic.spawn(1, refused_for=20)
        await traffic.spawn(3)
    assert traffic.started[:3] == [10, 11, 11]
    assert traffic.started[3:] == [31.5, 32.5]


async def test_a_cancelled_waiter_leaves_the_queue() -> None:
    """Who is cancelled in the queue takes no place."""
    async with anyio.create_task_group() as group:
        traffic = Traffic(8, group)
        traffic.brake.hold(10)
        await traffic.spawn(1)
        await anyio.sleep(10.5)
        second, _ = await traffic.spawn(2)
        second.cancel()
    assert traffic.started == [10, 11]


async def test_a_place_is_not_lost_in_a_second_pause() -> None:
    """Who got a place, met a second pause and is cancelled in it gives the place to the next in the queue."""
    async with anyio.create_task_group() as group:
        traffic = Traffic(8, group)
        traffic.brake.hold(10)
        await traffic.spawn(1, refused_for=20)
        await anyio.sleep(10.2)
        second, _ = await traffic.spawn(2)
        await anyio.sleep(5)
        second.cancel()
        await anyio.sleep(100)
        group.cancel_scope.cancel()
    assert traffic.started == [10, 30.5]


async def test_who_entered_is_asked_again() -> None:
    """A request that stood in another queue when the 429 came may not go any more."""
    brake = Brake(8)
    await brake.enter()
    await brake.enter()
    assert brake.admits()
    brake.hold(10)
    assert not brake.admits()
    await anyio.sleep(11)
    assert not brake.admits()
    brake.leave(answered=False)
    assert brake.admits()


class TestTaskCancel:
    """What only a bare ``task.cancel()`` can do: cancel a task whose waiting is already over."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Run on asyncio."""
        return "asyncio"

    async def test_a_place_is_not_lost_with_its_taker(self) -> None:
        """Who is cancelled in the moment in which it gets the place gives it to the next in the queue."""
        brake = Brake(8)
        brake.hold(0.001)
        await brake.enter()
        second, third = asyncio.create_task(brake.enter()), asyncio.create_task(brake.enter())
        await anyio.wait_all_tasks_blocked()
        brake.leave(answered=False)
        second.cancel()
        async with asyncio.timeout(1):
            await third
        assert second.cancelled()

"""The cap on requests a second, in virtual time."""

from __future__ import annotations

import math
from typing import Any

import pytest
import trio

from hf_fillmask._rate import Paced, Rate, checked_rate

from ..shell.helpers import virtual_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Let no test sleep."""
    return virtual_time()


async def test_turns_come_evenly() -> None:
    """Ten turns a second are a tenth of a second apart."""
    rate = Rate(10)
    times = []
    for _ in range(5):
        await rate.turn()
        times.append(trio.current_time())
    assert [round(time - times[0], 6) for time in times] == [0, 0.1, 0.2, 0.3, 0.4]


async def test_the_first_turn_comes_at_once() -> None:
    """Nobody waits for nothing, however slow the rate and however long the pause before."""
    rate = Rate(0.2)
    began = trio.current_time()
    await rate.turn()
    await trio.sleep(60)
    await rate.turn()
    assert trio.current_time() - began == 60
    await rate.turn()
    assert trio.current_time() - began == 65


async def test_a_delay_is_caught_up_in_part() -> None:
    """After a long pause no more than a tenth of a second's turns come at once."""
    rate = Rate(100)
    await rate.turn()
    await trio.sleep(60)
    began = trio.current_time()
    for _ in range(110):
        await rate.turn()
    assert trio.current_time() - began == pytest.approx(1.0)


async def test_callers_share_the_turns() -> None:
    """Several callers together get no more turns than one."""
    rate = Rate(10)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(21):
            nursery.start_soon(rate.turn)
    assert trio.current_time() - began == pytest.approx(2.0)


@pytest.mark.parametrize(("each", "expected"), [(1, 0.9), (4, 0.2), (100, 0)])
async def test_a_turn_is_one_request(each: int, expected: float) -> None:
    """As many texts as go into one request share a turn, and the end of the texts needs none."""
    began = trio.current_time()
    paced = Paced(map(str, range(10)), Rate(10), each)
    assert [text async for text in paced] == [str(number) for number in range(10)]
    assert trio.current_time() - began == pytest.approx(expected)


@pytest.mark.parametrize("per_second", [0.01, 1, 1000.0])
def test_a_rate(per_second: float) -> None:
    """A number of requests a second may be less than one."""
    assert per_second == checked_rate(per_second)


@pytest.mark.parametrize("per_second", [0, -1, math.inf, math.nan])
def test_no_rate(per_second: float) -> None:
    """A rate is positive and finite."""
    with pytest.raises(ValueError, match="requests_per_second must be a positive"):
        checked_rate(per_second)

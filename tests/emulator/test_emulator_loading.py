"""Cold starts in virtual time: minutes of loading, held requests and cancelled ones, without waiting."""

import math
from collections.abc import Callable

import anyio
import anyio.lowlevel
import httpx
import pytest
import trio
from trio.testing import MockClock

from hf_fillmask.emulator._knowledge import Knowledge
from hf_fillmask.emulator._models import BuiltInModels

pytestmark = pytest.mark.anyio

Connect = Callable[..., httpx.AsyncClient]

MODEL = "/models/google-bert/bert-base-uncased"
ASK = {"inputs": "Paris is the capital of [MASK]."}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on trio, whose clock jumps when nothing else is to do."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


async def test_a_held_request_waits_for_the_whole_load(connect: Connect) -> None:
    """The answer comes when the load is over, not before and hardly later, and no later request waits."""
    async with connect(load_seconds=300) as client:
        started = anyio.current_time()
        with anyio.fail_after(1000):
            held = await client.post(MODEL, json=ASK, headers={"x-wait-for-model": "true"})
        waited = anyio.current_time() - started
        later = await client.post(MODEL, json=ASK)
    assert (held.status_code, later.status_code) == (200, 200)
    assert waited == pytest.approx(300)


async def test_scale_up_timeout_bounds_the_hold(connect: Connect) -> None:
    """A request is held for as many seconds as it asks, even if it would wait for ever, and then gets a 503 again."""
    async with connect(load_seconds=300) as client:
        started = anyio.current_time()
        headers = {"X-Scale-Up-Timeout": "20", "x-wait-for-model": "true"}
        short = await client.post(MODEL, json=ASK, headers=headers)
        waited = anyio.current_time() - started
        long = await client.post(MODEL, json=ASK, headers={"X-Scale-Up-Timeout": "280"})
    assert short.status_code == 503
    assert short.json()["estimated_time"] == 300.0
    assert waited == pytest.approx(20)
    assert long.status_code == 200


async def test_one_load_serves_all_that_wait(connect: Connect) -> None:
    """Many held requests, on models of both spellings, are all answered by the time one load takes."""
    statuses: list[int] = []
    async with connect(load_seconds=300) as client:
        started = anyio.current_time()

        async def hold(model: str) -> None:
            body = {"inputs": f"Rome is {'<mask>' if 'roberta' in model else '[MASK]'} Italy."}
            response = await client.post(f"/models/{model}", json=body, headers={"x-wait-for-model": "true"})
            statuses.append(response.status_code)

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(hold, f"org/bert-uncased-{number % 2}")
                group.start_soon(hold, f"org/roberta-{number % 2}")
    assert statuses == [200] * 40
    assert anyio.current_time() - started == pytest.approx(300)


async def test_a_cancelled_request_does_not_stop_the_load(connect: Connect) -> None:
    """The one that woke the model goes away, and the load takes as long for the others as if it had stayed."""
    async with connect(load_seconds=300) as client:
        started = anyio.current_time()
        with anyio.move_on_after(100) as scope:
            await client.post(MODEL, json=ASK, headers={"x-wait-for-model": "true"})
        held = await client.post(MODEL, json=ASK, headers={"x-wait-for-model": "true"})
    assert scope.cancelled_caught
    assert held.status_code == 200
    assert anyio.current_time() - started == pytest.approx(300)


async def test_a_count_that_was_cancelled_is_taken_up() -> None:
    """Cancelled in the middle of the counting, a request leaves it to the next, which ends it."""
    knowledge = Knowledge([f"word{number}" for number in range(1000)])
    models = BuiltInModels(knowledge, load_seconds=300, warm=["bert"])
    async with anyio.create_task_group() as group:
        group.start_soon(models.vocabulary, "bert", 0)
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    vocabulary = await models.vocabulary("bert", 0)
    assert vocabulary is not None
    assert len(vocabulary) > 1000


def test_a_wait_never_exceeds_a_load() -> None:
    """Under an event loop whose clock runs far behind the one the load began on, a load takes no longer."""
    models = BuiltInModels(Knowledge(["One."]), load_seconds=300, warm=())
    late, early = MockClock(), MockClock(autojump_threshold=0)
    late.jump(1_000_000)

    async def hold() -> float:
        assert await models.vocabulary("bert", math.inf) is not None
        return anyio.current_time()

    assert trio.run(models.vocabulary, "bert", 0.0, clock=late) is None
    assert trio.run(hold, clock=early) == pytest.approx(300)

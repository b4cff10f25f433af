"""One call on its way, by itself: attempts, pauses, resends and limits. No HTTP, and virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import anyio
import httpx
import pytest

from hf_fillmask import (
    AsyncFillMaskClient,
    ConnectError,
    DeadlineExceededError,
    ModelLoadingError,
    ProtocolError,
    RateLimitError,
    RequestTimeoutError,
    TransportError,
)
from hf_fillmask._brake import Brake
from hf_fillmask._call import Call
from hf_fillmask._exchange import Request, Response
from hf_fillmask._plan import Attempt, Outcome, cold_start_plan, single_attempt
from hf_fillmask._wakeup import Door

from .helpers import MODEL, TEXT, mocked, virtual_time
from .scripted_server import LOADING, PREDICTION

pytestmark = pytest.mark.anyio

ASKED = Request("POST", "https://api.example/", (("accept", "application/json"),), b"{}", MODEL)
WARM, COLD = Response(200), Response(503, body=b"cold")
TIMEOUT, WAIT = 30.0, 300.0

Step = Outcome | tuple[Outcome, float]
Exchange = Callable[[Attempt, float], Awaitable[Outcome]]


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run on a clock that jumps."""
    return virtual_time()


class Server:
    """Answers in turn, each answer at once or after some seconds, and keeps the attempts with their time limits."""

    def __init__(self, *steps: Step) -> None:
        self.steps = [step if isinstance(step, tuple) else (step, 0.0) for step in steps]
        self.attempts: list[tuple[bool, float]] = []
        self.times: list[float] = []

    async def exchange(self, attempt: Attempt, timeout: float) -> Outcome:
        """Answer the next attempt; no answer within its time is a timeout."""
        self.attempts.append((attempt.waits, round(timeout, 3)))
        self.times.append(anyio.current_time())
        outcome, seconds = self.steps.pop(0)
        await anyio.sleep(max(0.0, min(seconds, timeout)))
        return outcome if seconds <= timeout else RequestTimeoutError("slow", model=MODEL)


def tell_nobody(*news: object) -> None:
    """Take news and keep them."""


def call_of(
    exchange: Exchange,
    *,
    max_retries: int = 2,
    door: Door | None = None,
    brake: Brake | None = None,
    gate: anyio.Semaphore | None = None,
    waits: bool = True,
    wait: float = WAIT,
) -> Call:
    """Put a call together from parts of its own, or from shared ones."""
    plan = cold_start_plan(ASKED, TIMEOUT, wait) if waits else single_attempt(ASKED, TIMEOUT)
    return Call(plan, max_retries, door or Door(tell_nobody), brake or Brake(8), gate or anyio.Semaphore(8), exchange)


def lost() -> TransportError:
    """Lose the connection."""
    return ConnectError("lost", model=MODEL)


# --- resends


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lost, id="lost"),
        pytest.param(lambda: Response(429), id="429"),
        pytest.param(lambda: Response(502), id="502"),
        pytest.param(lambda: Response(504), id="504"),
    ],
)
async def test_a_passing_fault_is_resent(fault: Callable[[], Outcome]) -> None:
    """Two resends are made, after pauses with full jitter, and they stay plain requests."""
    server, began = Server(fault(), fault(), WARM), anyio.current_time()
    response = await call_of(server.exchange).run()
    assert (response.status_code, response.attempts, response.waited) == (200, 3, 0.0)
    assert server.attempts == [(False, TIMEOUT)] * 3
    assert anyio.current_time() - began <= 0.5 + 1.0


@pytest.mark.parametrize("max_retries", [0, 1, 4])
async def test_resends_are_counted(max_retries: int) -> None:
    """After the last resend the error comes out, and says how many attempts were made."""
    server = Server(*[lost() for _ in range(max_retries + 1)])
    with pytest.raises(ConnectError) as caught:
        await call_of(server.exchange, max_retries=max_retries).run()
    assert (caught.value.attempts, server.steps) == (max_retries + 1, [])


async def test_resends_are_counted_for_answers() -> None:
    """The last answer is the call's, whatever its status."""
    server = Server(Response(502), lost(), Response(504))
    response = await call_of(server.exchange).run()
    assert (response.status_code, response.attempts) == (504, 3)


async def test_pauses_vary_and_grow() -> None:
    """Full jitter: no two calls pause alike, and no pause is longer than its bound."""
    pauses: list[list[float]] = []
    for _ in range(20):
        server = Server(*[lost() for _ in range(8)])
        with pytest.raises(ConnectError):
            await call_of(server.exchange, max_retries=7).run()
        pauses.append([later - earlier for earlier, later in zip(server.times, server.times[1:], strict=False)])
    bounds = [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert all(0 <= pause <= bound for found in pauses for pause, bound in zip(found, bounds, strict=True))
    assert len({found[0] for found in pauses}) == 20
    assert max(found[-1] for found in pauses) > 4.0


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(RequestTimeoutError("slow"), id="timeout"),
        pytest.param(ProtocolError("broken"), id="protocol"),
        *(pytest.param(Response(status), id=str(status)) for status in (200, 204, 307, 400, 401, 404, 408, 500, 501)),
    ],
)
async def test_what_is_not_resent(outcome: Outcome) -> None:
    """Timeouts, broken bodies and other statuses end the call."""
    server = Server(outcome)
    if isinstance(outcome, Response):
        assert (await call_of(server.exchange).run()).status_code == outcome.status_code
    else:
        with pytest.raises(type(outcome)):
            await call_of(server.exchange).run()
    assert len(server.attempts) == 1


async def test_a_bug_comes_out_as_itself() -> None:
    """What is no outcome, but an exception, comes out unchanged, after a resend too: never as a RetryError."""
    server = Server(Response(502))

    async def exchange(attempt: Attempt, timeout: float) -> Outcome:
        if server.steps:
            return await server.exchange(attempt, timeout)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await call_of(exchange).run()


# --- Retry-After, through a real call


@pytest.mark.parametrize("status", [429, 502, 504])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"retry-after": "7"}, 7, id="seconds"),
        pytest.param({"retry-after": "1.5"}, 1.5, id="fractions"),
        pytest.param({"retry-after-ms": "2500", "retry-after": "9"}, 2.5, id="milliseconds"),
        pytest.param({"ratelimit": '"api";r=0;t=55'}, 55, id="RateLimit"),
        pytest.param({"retry-after": "60"}, 60, id="as long as may be"),
    ],
)
async def test_retry_after_is_kept(status: int, headers: dict[str, str], seconds: float) -> None:
    """The resend comes when the server said, in whatever form it said so."""
    times: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        times.append(anyio.current_time())
        return httpx.Response(status, headers=headers) if len(times) == 1 else httpx.Response(200, json=[PREDICTION])

    async with mocked(answer) as injected, AsyncFillMaskClient(MODEL, http_client=injected) as client:
        result = await client.fill_mask(TEXT)
    assert (result.attempts, times[1] - times[0]) == (2, pytest.approx(seconds, abs=0.01))


async def test_retry_after_as_a_date() -> None:
    """A date is the seconds until then."""
    times: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        times.append(anyio.current_time())
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
        headers = {"retry-after": date}
        return httpx.Response(429, headers=headers) if len(times) == 1 else httpx.Response(200, json=[PREDICTION])

    async with mocked(answer) as injected, AsyncFillMaskClient(MODEL, http_client=injected) as client:
        await client.fill_mask(TEXT)
    assert times[1] - times[0] == pytest.approx(29.5, abs=1.5)


async def test_too_long_a_pause_is_the_callers() -> None:
    """More than 60 s are not slept: the error says how long, and other calls are not held up."""
    answers = [httpx.Response(429, headers={"retry-after": "61"}), httpx.Response(200, json=[PREDICTION])]
    async with mocked(lambda _: answers.pop(0)) as injected, AsyncFillMaskClient(MODEL, http_client=injected) as client:
        began = anyio.current_time()
        with pytest.raises(RateLimitError, match="Try again in 61 s") as caught:
            await client.fill_mask(TEXT)
        await client.fill_mask(TEXT)
    assert (caught.value.retry_after, caught.value.attempts) == (61.0, 1)
    assert anyio.current_time() - began < 1


async def test_a_429_pauses_the_host() -> None:
    """Nobody asks a host before its Retry-After is over; another host is asked meanwhile; the start is slow."""
    times: list[tuple[str, float]] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.example":
            return httpx.Response(200, json=[PREDICTION])
        times.append((request.url.host, anyio.current_time()))
        if len(times) == 1:
            return httpx.Response(429, headers={"retry-after": "10"})
        await anyio.sleep(1)
        return httpx.Response(200, json=[PREDICTION])

    endpoints = ("https://one.example/", "https://two.example/")
    async with (
        mocked(answer) as injected,
        AsyncFillMaskClient(http_client=injected, max_connections=8) as client,
        anyio.create_task_group() as group,
    ):
        await client.fill_mask(TEXT, model="https://api.example/")  # opens the client: a jumping clock sees no threads
        group.start_soon(lambda: client.fill_mask(TEXT, model=endpoints[0]))
        await anyio.sleep(0.5)
        for _ in range(6):
            group.start_soon(lambda: client.fill_mask(TEXT, model=endpoints[0]))
        group.start_soon(lambda: client.fill_mask(TEXT, model=endpoints[1]))
    first = times[0][1]
    one = [round(time - first, 2) for host, time in times if host == "one.example"]
    assert [round(time - first, 2) for host, time in times if host == "two.example"] == [0.5]
    assert one == [0, 10, 11, 11, 12, 12, 12, 12]


# --- the cold start


async def test_a_cold_start() -> None:
    """The waiting attempt comes at once, has the longer limit, and its seconds count as waited."""
    server = Server((COLD, 2.0), (WARM, 12.0))
    response = await call_of(server.exchange).run()
    assert server.attempts == [(False, TIMEOUT), (True, WAIT)]
    assert (response.status_code, response.attempts, response.waited, response.cold) == (200, 2, 12.0, COLD)


@pytest.mark.parametrize("status", [503, 504])
async def test_what_ends_a_wait(status: int) -> None:
    """A 503 or a 504 to the waiting attempt ends the call: it is no passing fault."""
    server = Server(COLD, (Response(status), 5.0))
    response = await call_of(server.exchange).run()
    assert (response.status_code, response.cold, response.wait_expired, response.waited) == (status, COLD, False, 5.0)


async def test_the_end_of_the_time_to_wait() -> None:
    """When the time is over, the answer is the first 503 once more."""
    server, began = Server(COLD, (WARM, 1000.0)), anyio.current_time()
    response = await call_of(server.exchange).run()
    assert (response.body, response.cold, response.wait_expired, response.waited) == (b"cold", COLD, True, WAIT)
    assert anyio.current_time() - began == WAIT


@pytest.mark.parametrize("fault", [lost, lambda: Response(502)], ids=["lost", "502"])
async def test_a_resend_of_the_waiting_attempt(fault: Callable[[], Outcome]) -> None:
    """It keeps the wait headers, and has what is left of the time."""
    server = Server(COLD, (fault(), 100.0), (WARM, 50.0))
    response = await call_of(server.exchange).run()
    assert [waits for waits, _ in server.attempts] == [False, True, True]
    assert WAIT - 100.0 - 0.5 <= server.attempts[2][1] <= WAIT - 100.0
    assert (response.attempts, response.waited) == (3, pytest.approx(150.0, abs=0.5))


async def test_the_pauses_of_a_waiting_attempt_are_bounded() -> None:
    """No pause before a resend outlasts the time to wait: its end is the end of the call."""
    server, began = Server(COLD, Response(429, {"retry-after": "50"}), WARM), anyio.current_time()
    response = await call_of(server.exchange, wait=20.0).run()
    assert response.wait_expired
    assert anyio.current_time() - began == pytest.approx(20.0, abs=0.1)


async def test_without_a_waiting_attempt_a_503_is_the_end() -> None:
    """A plan of one attempt has nothing to move on to."""
    server = Server(COLD)
    assert (await call_of(server.exchange, waits=False).run()).status_code == 503


async def test_a_waiting_attempt_keeps_the_pause() -> None:
    """A 429 from another model's call holds up the wake-up, too, but it takes no place of the slow start."""
    brake, server = Brake(8), Server(COLD, WARM)
    began = anyio.current_time()

    async def exchange(attempt: Attempt, timeout: float) -> Outcome:
        outcome = await server.exchange(attempt, timeout)
        if not attempt.waits:
            brake.hold(10)
        return outcome

    await call_of(exchange, brake=brake).run()
    assert [time - began for time in server.times] == [0, 10]
    await brake.enter()
    with anyio.move_on_after(1) as scope:
        await brake.enter()
    assert scope.cancelled_caught


# --- the queue


async def test_who_queues_for_a_model_that_goes_cold() -> None:
    """Who stood in the queue when the model went cold waits for the wake-up instead of sending."""
    door, gate = Door(tell_nobody), anyio.Semaphore(1)
    await call_of(Server(WARM).exchange, door=door, gate=gate).run()
    goes_cold, queued = Server((COLD, 5.0), (WARM, 20.0)), Server(WARM)
    began = anyio.current_time()
    async with anyio.create_task_group() as group:
        for server in (goes_cold, queued):
            group.start_soon(call_of(server.exchange, door=door, gate=gate).run)
            await anyio.wait_all_tasks_blocked()
    assert [time - began for time in goes_cold.times] == [0, 5]
    assert [time - began for time in queued.times] == [25]
    assert queued.attempts == [(False, TIMEOUT)]


async def test_who_queues_when_a_429_comes() -> None:
    """Who stood in the queue when a 429 came waits for the end of the pause instead of sending."""
    brake, gate = Brake(8), anyio.Semaphore(1)
    refused, queued = Server((Response(429, {"retry-after": "50"}), 1.0), (WARM, 1.0)), Server((WARM, 1.0))
    began = anyio.current_time()
    async with anyio.create_task_group() as group:
        for server in (refused, queued):
            group.start_soon(call_of(server.exchange, brake=brake, gate=gate).run)
            await anyio.wait_all_tasks_blocked()
    assert sorted(time - began for time in refused.times + queued.times) == [0, 51, 52]


async def test_an_attempt_is_bounded_not_its_queueing() -> None:
    """The limit of an attempt runs from when it may send."""
    gate = anyio.Semaphore(1)
    servers = [Server((WARM, 20.0)) for _ in range(5)]
    async with anyio.create_task_group() as group:
        for server in servers:
            group.start_soon(call_of(server.exchange, gate=gate).run)
    assert [server.attempts for server in servers] == [[(False, TIMEOUT)]] * 5


async def test_no_call_is_lost() -> None:
    """500 calls at a time, each with a fault and a cold start: each ends with its own answer."""
    answers: list[Response] = []

    async def one(number: int) -> None:
        server = Server((lost(), 0.1), (COLD, 0.2), (Response(502), 1.0), (Response(200, attempts=number), 3.0))
        answers.append(await call_of(server.exchange).run())

    async with anyio.create_task_group() as group:
        for number in range(500):
            group.start_soon(one, number)
    assert [response.status_code for response in answers] == [200] * 500
    assert {response.attempts for response in answers} == {4}


# --- deadlines, through the client


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(lambda request: httpx.Response(429, headers={"retry-after": "40"}), id="in a pause"),
        pytest.param(lambda request: httpx.Response(503, json=LOADING), id="in a wait"),
    ],
)
async def test_a_deadline_bounds_the_whole_call(handler: Callable[[httpx.Request], httpx.Response]) -> None:
    """Queueing, pauses and waits end with the deadline; it is a TimeoutError too."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.example":
            return httpx.Response(200, json=[PREDICTION])
        if "x-wait-for-model" in request.headers:
            await anyio.sleep(1000)
        return handler(request)

    async with mocked(answer) as injected, AsyncFillMaskClient(MODEL, http_client=injected) as client:
        await client.fill_mask(TEXT, model="https://api.example/")  # opens the client: a jumping clock sees no threads
        began = anyio.current_time()
        with pytest.raises(DeadlineExceededError, match="deadline of 5 s") as caught:
            await client.fill_mask(TEXT, deadline=5)
    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.model, anyio.current_time() - began) == (MODEL, pytest.approx(5, abs=0.01))


async def test_the_time_to_wait_ends_in_model_loading() -> None:
    """The end of cold_start_timeout is a ModelLoadingError with what was waited and the first estimate."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if "x-wait-for-model" in request.headers:
            await anyio.sleep(1000)
        return httpx.Response(503, json=LOADING)

    async with mocked(answer) as injected, AsyncFillMaskClient(MODEL, http_client=injected) as client:
        with pytest.raises(ModelLoadingError, match=r"Waited 12\.0 s \(the server's estimate: 20 s\)") as caught:
            await client.fill_mask(TEXT, cold_start_timeout=12)
    assert (caught.value.waited, caught.value.estimated_time) == (pytest.approx(12), 20.0)


async def test_a_slow_look_up_is_bounded() -> None:
    """Asking the Hub for a mask only saves a request: a Hub that is busy holds a call up for seconds, not minutes."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(429, headers={"retry-after": "50"})
        return httpx.Response(200, json=[PREDICTION])

    async with mocked(answer) as injected, AsyncFillMaskClient(MODEL, http_client=injected) as client:
        began = anyio.current_time()
        await client.fill_mask("{mask}")
    assert anyio.current_time() - began <= 10.1

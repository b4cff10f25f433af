"""Many callers and a cold model, on a real socket: one wake-up for everyone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import anyio
import anyio.abc
import pytest

from hf_fillmask import (
    AsyncFillMaskClient,
    ColdStart,
    DeadlineExceededError,
    FillMaskError,
    FillMaskResult,
    ModelLoadingError,
    ServerError,
)

from .helpers import MODEL, PATIENCE, TEXT, client_of, everything_shown_by, in_thread
from .scripted_server import LOADING, LONGEST_WAIT, Received, ScriptedServer, Wire, cold, scripted

pytestmark = pytest.mark.anyio

MANY = 200


class ColdModel:
    """A script: a model that is cold until `wake`, and holds who waits for it until then."""

    def __init__(self) -> None:
        self.warm = threading.Event()

    def __call__(self, request: Received, wire: Wire) -> None:
        if self.warm.is_set() or (request.waits and self.warm.wait(LONGEST_WAIT)):
            wire.warm()
        else:
            wire.loading()

    def wake(self) -> None:
        """Let everybody have their answers."""
        self.warm.set()


def waiting(server: ScriptedServer) -> int:
    """Count the requests with the wait headers."""
    return sum(request.waits for request in server.requests)


async def held(server: ScriptedServer, count: int = 1) -> None:
    """Wait until so many requests are held, and everybody else waits for them."""
    await in_thread(server.wait_for, lambda server: waiting(server) >= count)
    await anyio.wait_all_tasks_blocked()


class Callers:
    """Calls that run side by side, and what each of them ended in."""

    def __init__(self, client: AsyncFillMaskClient, group: anyio.abc.TaskGroup) -> None:
        self.client = client
        self.group = group
        self.results: list[FillMaskResult] = []
        self.errors: list[FillMaskError] = []

    def start(self, count: int = 1, **options: Any) -> list[anyio.CancelScope]:
        """Start some calls; each can be cancelled."""
        scopes = [anyio.CancelScope() for _ in range(count)]
        for scope in scopes:
            self.group.start_soon(self._one, scope, options)
        return scopes

    async def _one(self, scope: anyio.CancelScope, options: dict[str, Any]) -> None:
        with scope:
            try:
                self.results.append(await self.client.fill_mask(TEXT, **options))
            except FillMaskError as error:
                self.errors.append(error)


async def test_a_herd_of_callers() -> None:
    """200 callers make 201 requests with one 503 and one held connection, and hear of one wake-up."""
    model, news = ColdModel(), list[ColdStart]()
    with scripted(model) as server, anyio.fail_after(PATIENCE):
        async with (
            client_of(server, on_cold_start=news.append, max_connections=32) as client,
            anyio.create_task_group() as group,
        ):
            callers = Callers(client, group)
            callers.start(MANY)
            await held(server)
            assert (server.open, len(server.requests)) == (1, 2)
            model.wake()
        assert (len(server.requests), waiting(server)) == (MANY + 1, 1)
    assert (len(callers.results), callers.errors) == (MANY, [])
    assert sorted(result.attempts for result in callers.results) == [1] * (MANY - 1) + [2]
    assert all(result.waited > 0 for result in callers.results)
    assert [(told.phase, told.model, told.estimated_time) for told in news] == [
        ("waiting", MODEL, 20.0),
        ("warm", MODEL, 20.0),
    ]
    assert news[1].waited > 0


async def test_a_failed_wake_up_is_shared() -> None:
    """When the server refuses the one who waits, everybody gets that answer as an error of their own, at once."""
    gone, news = threading.Event(), list[ColdStart]()

    def script(request: Received, wire: Wire) -> None:
        if request.waits:
            gone.wait(LONGEST_WAIT)
            wire.reply(503, {"error": "no room for this model"})
        else:
            wire.loading()

    with scripted(script) as server, anyio.fail_after(PATIENCE):
        async with client_of(server, on_cold_start=news.append) as client:
            async with anyio.create_task_group() as group:
                callers = Callers(client, group)
                callers.start(MANY)
                await held(server)
                gone.set()
            assert len(server.requests) == 2
            with pytest.raises(ModelLoadingError):
                await client.fill_mask(TEXT)
            assert len(server.requests) == 4
    errors = callers.errors
    assert (len({id(error) for error in errors}), {type(error) for error in errors}) == (MANY, {ModelLoadingError})
    assert all("no room for this model" in str(error) for error in errors)
    loading = [error for error in errors if isinstance(error, ModelLoadingError)]
    assert [(error.estimated_time, error.waited > 0) for error in loading] == [(20.0, True)] * MANY
    assert sorted(error.attempts for error in errors) == [0] * (MANY - 1) + [2]
    assert [told.phase for told in news] == ["waiting", "failed"] * 2


async def test_errors_of_a_shared_failure_show_their_own_way() -> None:
    """A traceback of one caller's error does not grow with the number of callers."""
    with scripted(lambda request, wire: wire.loading()) as server:
        async with client_of(server) as client, anyio.create_task_group() as group:
            callers = Callers(client, group)
            callers.start(20)
    assert len({id(error.__traceback__) for error in callers.errors}) == 20
    assert max(everything_shown_by(error).count("_one") for error in callers.errors) <= 2


async def test_raise_shares_the_one_503() -> None:
    """With cold_start="raise" one request tells everybody who came meanwhile that the model is cold."""
    asked = threading.Event()

    def script(request: Received, wire: Wire) -> None:
        asked.wait(LONGEST_WAIT)
        wire.loading()

    with scripted(script) as server, anyio.fail_after(PATIENCE):
        async with client_of(server, cold_start="raise") as client, anyio.create_task_group() as group:
            callers = Callers(client, group)
            callers.start(50)
            await in_thread(server.wait_for, lambda server: bool(server.requests))
            await anyio.wait_all_tasks_blocked()
            asked.set()
        assert len(server.requests) == 1
    assert [type(error) for error in callers.errors] == [ModelLoadingError] * 50
    assert len({id(error) for error in callers.errors}) == 50


async def test_cancelling_the_waker_hands_over() -> None:
    """The next caller wakes the model in its place, the held connection is closed, and the news are told once."""
    model, news = ColdModel(), list[ColdStart]()
    left = threading.Event()

    def script(request: Received, wire: Wire) -> None:
        if request.waits and not left.is_set():
            wire.wait_until_gone()
            left.set()
        else:
            model(request, wire)

    with scripted(script) as server, anyio.fail_after(PATIENCE):
        async with client_of(server, on_cold_start=news.append) as client, anyio.create_task_group() as group:
            callers = Callers(client, group)
            (waker,) = callers.start()
            await held(server)
            callers.start(20)
            await anyio.wait_all_tasks_blocked()
            waker.cancel()
            await in_thread(left.wait, PATIENCE)
            await held(server, 2)
            assert (server.open, len(server.requests)) == (1, 4)
            model.wake()
        assert len(server.requests) == 4 + 19
    assert (len(callers.results), callers.errors) == (20, [])
    assert [told.phase for told in news] == ["waiting", "warm"]


@pytest.mark.parametrize(
    ("option", "expected"),
    [("deadline", DeadlineExceededError), ("cold_start_timeout", ModelLoadingError)],
)
async def test_the_wakers_own_limit_hands_over(option: str, expected: type[FillMaskError]) -> None:
    """The waker's own short limit is nobody else's: another wakes the model."""
    model = ColdModel()
    with scripted(model) as server, anyio.fail_after(PATIENCE):
        async with client_of(server) as client, anyio.create_task_group() as group:
            callers = Callers(client, group)
            callers.start(1, **{option: 0.3})
            await held(server)
            callers.start(20)
            await held(server, 2)
            model.wake()
    assert [type(error) for error in callers.errors] == [expected]
    assert [len(callers.results), waiting(server)] == [20, 2]


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"deadline": 0.2}, DeadlineExceededError), ({"cold_start_timeout": 0.2}, ModelLoadingError)],
    ids=["deadline", "cold_start_timeout"],
)
async def test_a_parked_callers_own_limit(options: dict[str, Any], expected: type[FillMaskError]) -> None:
    """Who waits for another's wake-up has limits of its own, and sends nothing when they end."""
    model = ColdModel()
    with scripted(model) as server, anyio.fail_after(PATIENCE):
        async with client_of(server) as client, anyio.create_task_group() as group:
            callers = Callers(client, group)
            callers.start()
            await held(server)
            with pytest.raises(expected) as caught:
                await client.fill_mask(TEXT, **options)
            assert len(server.requests) == 2
            model.wake()
    assert caught.value.attempts == 0
    if isinstance(caught.value, ModelLoadingError):
        assert caught.value.waited == pytest.approx(0.2, abs=0.15)
        assert caught.value.estimated_time == 20.0


async def test_the_first_answer_opens_the_door_whatever_it_is() -> None:
    """An error of the waker is not held against the others, and they do not wait for its resends."""
    release = threading.Event()

    def script(request: Received, wire: Wire) -> None:
        if request.waits:
            release.wait(LONGEST_WAIT)
            wire.reply(502, retry_after="30")
        elif len(server.requests) == 1:
            wire.loading()
        else:
            wire.warm()

    with scripted(script) as server, anyio.fail_after(PATIENCE):
        async with client_of(server) as client, anyio.create_task_group() as outer:
            Callers(client, outer).start()
            await held(server)
            async with anyio.create_task_group() as inner:
                callers = Callers(client, inner)
                callers.start(9)
                await anyio.wait_all_tasks_blocked()
                release.set()
            assert (len(callers.results), len(server.requests)) == (9, 11)
            outer.cancel_scope.cancel()


async def test_an_error_of_the_waker_is_its_own() -> None:
    """A 500 to the one who waits is no answer for the others: each sees for itself."""

    def script(request: Received, wire: Wire) -> None:
        if request.waits:
            wire.reply(500, {"error": "Model too busy"})
        elif len(server.requests) == 1:
            wire.loading()
        else:
            wire.warm()

    with scripted(script) as server, anyio.fail_after(PATIENCE):
        async with client_of(server) as client, anyio.create_task_group() as group:
            callers = Callers(client, group)
            callers.start(10)
    assert [type(error) for error in callers.errors] == [ServerError]
    assert (len(callers.results), len(server.requests)) == (9, 11)


async def test_a_warm_model_that_goes_cold() -> None:
    """At most the requests then in flight see a 503, and one of them wakes the model."""
    connections, model, news = 8, ColdModel(), list[ColdStart]()
    model.wake()
    with scripted(model) as server, anyio.fail_after(PATIENCE):
        async with client_of(server, max_connections=connections, on_cold_start=news.append) as client:
            await client.fill_mask(TEXT)
            model.warm.clear()
            async with anyio.create_task_group() as group:
                callers = Callers(client, group)
                callers.start(MANY)
                await held(server)
                assert (len(server.requests) - 1, waiting(server)) <= (connections + 1, 1)
                model.wake()
        assert len(server.requests) <= 1 + MANY + connections
    assert (len(callers.results), callers.errors) == (MANY, [])
    assert {result.attempts for result in callers.results} == {1, 2}
    assert [told.phase for told in news] == ["waiting", "warm"]


@pytest.mark.parametrize("apart", ["models", "hosts"])
async def test_models_and_hosts_do_not_wait_for_each_other(apart: str) -> None:
    """A cold model holds up nobody who asks for another model, or for the same one elsewhere."""
    model = ColdModel()

    def script(request: Received, wire: Wire) -> None:
        if "warm" in request.path:
            wire.warm()
        else:
            model(request, wire)

    with scripted(script) as server, anyio.fail_after(PATIENCE):
        other = "org/warm" if apart == "models" else f"{server.url}/warm/models/{MODEL}"
        async with client_of(server) as client, anyio.create_task_group() as group:
            callers = Callers(client, group)
            callers.start()
            await held(server)
            assert (await client.fill_mask(TEXT, model=other)).waited == 0
            model.wake()
    assert len(callers.results) == 1


async def test_a_callback_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    """An exception in on_cold_start is logged, and nobody's call fails for it."""

    def raises(news: ColdStart) -> None:
        raise ZeroDivisionError(news.phase)

    with scripted(cold) as server:
        async with client_of(server, on_cold_start=raises) as client:
            assert (await client.fill_mask(TEXT)).attempts == 2
    told = [record for record in caplog.records if record.name == "hf_fillmask"]
    assert [record.exc_info is not None for record in told] == [True, True]
    assert "on_cold_start raised; the call goes on" in caplog.text


@pytest.mark.parametrize("estimate", [True, False])
async def test_the_log_tells_a_wake_up_once(caplog: pytest.LogCaptureFixture, estimate: bool) -> None:
    """One INFO line a wake-up, however many wait, and its end as DEBUG; the estimate is shown if there is one."""
    caplog.set_level("DEBUG", "hf_fillmask")
    body = LOADING if estimate else {"error": "503 Service Unavailable"}

    def script(request: Received, wire: Wire) -> None:
        if request.waits or len(server.requests) > 1:
            wire.warm()
        else:
            wire.reply(503, body)

    with scripted(script) as server:
        async with client_of(server) as client, anyio.create_task_group() as group:
            Callers(client, group).start(10)
    logged = [(record.levelname, record.getMessage()) for record in caplog.records]
    told = [(level, line) for level, line in logged if "cold start," in line]
    assert [(level, line.split(" after")[0]) for level, line in told] == [
        ("INFO", f"{MODEL}: cold start, waiting"),
        ("DEBUG", f"{MODEL}: cold start, warm"),
    ]
    assert all(("the server's estimate: 20 s" in line) is estimate for _, line in told)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda wire: wire.reply(503, b"<html>busy</html>", content_type="text/html"), id="HTML"),
        pytest.param(lambda wire: wire.reply(503), id="nothing"),
        pytest.param(lambda wire: wire.reply(503, [1]), id="a list"),
        pytest.param(lambda wire: wire.reply(503, {"estimated_time": "soon"}), id="no number"),
    ],
)
async def test_any_503_counts(answer: Callable[[Wire], None]) -> None:
    """A 503 that says nothing of loading is retried once, too, on the same connection: it was read to its end."""
    with scripted(lambda request, wire: wire.warm() if request.waits else answer(wire)) as server:
        async with client_of(server) as client:
            result = await client.fill_mask(TEXT)
        assert (result.attempts, len(server.requests), server.most_open) == (2, 2, 1)
        assert [json.loads(request.body) for request in server.requests] == [{"inputs": TEXT}] * 2

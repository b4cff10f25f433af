"""The cold-start plan: two attempts and no third, and which outcomes call for another."""

from __future__ import annotations

from typing import Any

import pytest

from hf_fillmask._address import resolve
from hf_fillmask._errors import ConnectError, CutAnswerError, ProtocolError, RequestTimeoutError
from hf_fillmask._exchange import Response
from hf_fillmask._plan import (
    CAN_GO_ON,
    LONGEST_PAUSE,
    Attempt,
    Outcome,
    Progress,
    cold_start_plan,
    single_attempt,
)
from hf_fillmask._request import build_request

REQUEST = build_request(resolve("bert", "https://a.example"), "a [MASK]")
PLAN = cold_start_plan(REQUEST, 30.0, 300.0)
COLD = Response(503, {}, b'{"error":"Model bert is currently loading","estimated_time":20.0}')


def _answer(status: int, **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()})


def test_the_plan_has_two_attempts() -> None:
    """The first attempt is the plain request, the second the same one with both wait headers and more time."""
    first, second = PLAN
    assert Attempt(REQUEST, 30.0) == first
    assert (second.timeout, second.waits) == (300.0, True)
    extra = set(second.request.headers) - set(REQUEST.headers)
    assert {("x-wait-for-model", "true"), ("x-scale-up-timeout", "300")} == extra
    assert (REQUEST.method, REQUEST.url, REQUEST.body) == (
        second.request.method,
        second.request.url,
        second.request.body,
    )


@pytest.mark.parametrize(
    ("seconds", "header"), [(0.2, "1"), (1.0, "1"), (1.9, "1"), (300.0, "300"), (300.7, "300")], ids=str
)
def test_the_scale_up_timeout_is_whole(seconds: float, header: str) -> None:
    """``X-Scale-Up-Timeout`` is a whole number of seconds, at least 1."""
    assert header == dict(cold_start_plan(REQUEST, 30.0, seconds)[1].request.headers)["x-scale-up-timeout"]


def test_a_single_attempt() -> None:
    """A call that no cold start concerns has one attempt, and nothing to go on to."""
    plan = single_attempt(REQUEST, 30.0)
    assert (Attempt(REQUEST, 30.0),) == plan
    assert Progress(plan, 2).has_next is False


def test_one_503_moves_on_and_a_second_one_ends() -> None:
    """A 503 leads to the waiting attempt at once, and is kept; a 503 to that one is the end."""
    progress = Progress(PLAN, 2)
    assert progress.has_next
    assert progress.wants_another(COLD) is True
    assert (PLAN[1], COLD, 0.0, False) == (progress.attempt, progress.cold, progress.pause, progress.has_next)
    assert progress.wants_another(COLD) is False


def test_any_503_counts() -> None:
    """A 503 without a loading body moves on as well."""
    assert Progress(PLAN, 0).wants_another(Response(503, {}, b"<html>")) is True


def test_the_retry_is_apart_from_resends() -> None:
    """Resends before a 503 do not use up the retry, and the retry uses up no resend."""
    progress = Progress(PLAN, 1)
    assert [progress.wants_another(each) for each in (_answer(502), COLD, _answer(502))] == [True, True, False]
    progress = Progress(PLAN, 1)
    assert [progress.wants_another(each) for each in (COLD, _answer(502), _answer(502))] == [True, True, False]


@pytest.mark.parametrize("status", [503, 504])
def test_what_ends_a_wait(status: int) -> None:
    """A 503 or 504 to the waiting attempt is no passing fault."""
    progress = Progress(PLAN, 2)
    progress.wants_another(COLD)
    assert progress.wants_another(Response(status, cold=COLD)) is False


def test_a_single_attempt_ends_with_its_503() -> None:
    """Without a waiting attempt in the plan a 503 is the end, and not resent."""
    progress = Progress(single_attempt(REQUEST, 30.0), 2)
    assert progress.wants_another(COLD) is False
    assert progress.cold is None


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        pytest.param(_answer(429), True, id="429"),
        pytest.param(_answer(502), True, id="502"),
        pytest.param(_answer(504), True, id="504"),
        pytest.param(ConnectError("refused"), True, id="connect"),
        pytest.param(CutAnswerError("cut"), True, id="cut"),
        pytest.param(_answer(200), False, id="200"),
        pytest.param(_answer(302), False, id="302"),
        pytest.param(_answer(400), False, id="400"),
        pytest.param(_answer(404, retry_after="1"), False, id="404-with-advice"),
        pytest.param(_answer(500), False, id="500"),
        pytest.param(RequestTimeoutError("slow"), False, id="timeout"),
        pytest.param(ProtocolError("corrupt"), False, id="protocol"),
    ],
)
def test_what_is_worth_a_resend(outcome: Outcome, again: bool) -> None:
    """Lost connections, 429, 502 and 504 are sent again; everything else is an end."""
    assert again is Progress(PLAN, 1).wants_another(outcome)
    assert Progress(PLAN, 0).wants_another(outcome) is False


def test_what_can_go_on() -> None:
    """`CAN_GO_ON` names just the statuses after which there may be another attempt."""
    going_on = {status for status in range(100, 1000) if Progress(PLAN, 1).wants_another(_answer(status))}
    assert going_on == CAN_GO_ON


@pytest.mark.parametrize(
    ("headers", "pause"),
    [({"retry_after": "7"}, 7.0), ({"retry_after": "0"}, 0.0), ({"ratelimit": '"api";r=0;t=55'}, 55.0)],
    ids=["seconds", "at-once", "window"],
)
def test_the_advice_of_a_server_is_taken(headers: dict[str, str], pause: float) -> None:
    """The pause before a resend is what the server asks for."""
    progress = Progress(PLAN, 1)
    assert progress.wants_another(_answer(429, **headers)) is True
    assert pause == progress.pause


def test_advice_that_is_too_long_ends_the_call() -> None:
    """A server that asks for more than a minute gets no resend; the caller gets its advice."""
    assert Progress(PLAN, 9).wants_another(_answer(429, retry_after=str(LONGEST_PAUSE + 1))) is False


def _pauses(outcomes: list[Any]) -> list[float]:
    progress = Progress(PLAN, len(outcomes))
    pauses = []
    for outcome in outcomes:
        assert progress.wants_another(outcome)
        pauses.append(progress.pause)
    return pauses


def test_the_pause_is_jittered_and_bounded() -> None:
    """Without advice the pause lies between nothing and a bound that doubles from half a second to eight."""
    bounds = [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    for _ in range(50):
        assert all(0 <= pause <= bound for pause, bound in zip(_pauses([_answer(502)] * 6), bounds, strict=True))


def test_patience_has_no_end() -> None:
    """Thousands of resends, if somebody wants them, have a pause each."""
    assert max(_pauses([ConnectError("refused")] * 3000)) <= 8.0

"""The transport: walks a call along its plan and returns the answer that the call ends with.

Rule: everything that is sent is sent here. What an answer means is the decoder's to say.

An exchange is a child of a task group *and* behind a gate of our own: cancelled calls of a user's own httpx client
otherwise lose their places in its pool for ever (encode/httpcore#1093); either cure alone still leaks.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Awaitable, Callable

import anyio

from ._brake import Brake
from ._call import Call
from ._connections import Connections
from ._credentials import Credentials
from ._errors import RequestTimeoutError, TransportError
from ._exchange import Response
from ._failure import estimated_time_of
from ._plan import Attempt, Outcome
from ._settings import Settings
from ._values import ColdStart
from ._wakeup import Door, Phase

__all__ = ["AsyncTransport", "Observe"]

_log = logging.getLogger("hf_fillmask")

Observe = Callable[[Outcome, float, float], None]
"""Told what an attempt at a model ended in, and when it began and ended; nothing of those that wait for a cold one."""

_Exchange = Callable[[Connections, Attempt, Credentials, float, float], Awaitable[Outcome]]


class AsyncTransport:
    """Sends the attempts of many calls; at most `max_connections` of them are in flight at a time."""

    def __init__(self, connections: Connections, settings: Settings) -> None:
        self._connections = connections
        self._gate = anyio.Semaphore(settings.max_connections, fast_acquire=True)
        self._max_connections = settings.max_connections
        self._max_retries = settings.max_retries
        self._on_cold_start = settings.on_cold_start
        self._doors: dict[tuple[str, str], Door] = {}
        self._brakes: dict[str, Brake] = {}
        self._observe: Observe | None = None
        self._exchange: _Exchange = _in_a_child

    def for_workers(self, observe: Observe) -> AsyncTransport:
        """Return this transport for tasks that are children of a task group already, and need none an exchange.

        Gate, doors, brakes and connections are the same ones.
        """
        theirs = copy.copy(self)
        theirs._observe, theirs._exchange = observe, _in_place
        return theirs

    async def send(
        self,
        plan: tuple[Attempt, ...],
        credentials: Credentials,
        door_key: tuple[str, str] | None = None,
    ) -> Response:
        """Walk `plan` to its end: the answer that is neither cold nor worth a resend, whatever its status.

        `door_key` names the model whose wake-up the call shares; None for a request that wakes nothing.
        Raises `TransportError` if the last attempt had no answer.
        """

        async def exchange(attempt: Attempt, timeout: float) -> Outcome:
            began = anyio.current_time()
            outcome = await self._exchange(self._connections, attempt, credentials, began, timeout)
            ended = anyio.current_time()
            if self._observe is not None and door_key is not None and not attempt.waits:
                self._observe(outcome, began, ended)
            if _log.isEnabledFor(logging.DEBUG):
                _log_attempt(attempt, outcome, ended - began)
            return outcome

        first = plan[0].request
        door, brake = self._door(door_key, first.model), self._brake(first.origin)
        return await Call(plan, self._max_retries, door, brake, self._gate, exchange).run()

    def _door(self, key: tuple[str, str] | None, model: str) -> Door:
        if key is None:
            return Door(_tell_nobody)
        door = self._doors.get(key)
        if door is None:
            door = self._doors[key] = Door(lambda phase, first, waited: self._tell(model, phase, first, waited))
        return door

    def _brake(self, origin: str) -> Brake:
        brake = self._brakes.get(origin)
        if brake is None:
            brake = self._brakes[origin] = Brake(self._max_connections)
        return brake

    def _tell(self, model: str, phase: Phase, first: Response, waited: float) -> None:
        news = ColdStart(model, phase, estimated_time_of(first), waited)
        guess = "" if news.estimated_time is None else f" (the server's estimate: {news.estimated_time:g} s)"
        level = logging.INFO if phase == "waiting" else logging.DEBUG  # one line a wake-up for those who read INFO
        _log.log(level, "%s: cold start, %s after %.1f s%s", model, phase, waited, guess)
        if self._on_cold_start is None:
            return
        try:
            self._on_cold_start(news)
        except Exception:
            _log.exception("%s: on_cold_start raised; the call goes on", model)


def _tell_nobody(phase: str, first: Response, waited: float) -> None:
    """Stand in for the news of a wake-up where there can be none."""


def _log_attempt(attempt: Attempt, outcome: Outcome, seconds: float) -> None:
    what = f"{attempt.request.method}{', waiting' if attempt.waits else ''}"
    ended = f"HTTP {outcome.status_code}" if isinstance(outcome, Response) else type(outcome).__name__
    _log.debug("%s: %s: %s after %.3f s", attempt.request.model, what, ended, seconds)


async def _in_a_child(
    connections: Connections, attempt: Attempt, credentials: Credentials, began: float, timeout: float
) -> Outcome:
    """Make one exchange in a task of its own, within `timeout` seconds; hold what it ends in as a value."""
    outcomes: list[Outcome] = []
    bugs: list[Exception] = []

    async def child() -> None:
        try:
            outcomes.append(await connections.exchange(attempt.request, credentials))
        except TransportError as error:
            outcomes.append(error)
        except Exception as error:  # not a failure of the transport: it comes out as itself, not in a group
            bugs.append(error)

    async with anyio.create_task_group() as group:
        group.cancel_scope.deadline = began + timeout
        group.start_soon(child)
    if bugs:
        raise bugs[0]
    return outcomes[0] if outcomes else _out_of_time(attempt, timeout)


async def _in_place(
    connections: Connections, attempt: Attempt, credentials: Credentials, began: float, timeout: float
) -> Outcome:
    """Make one exchange within `timeout` seconds in this task, which is somebody's child; 50 us less."""
    with anyio.CancelScope(deadline=began + timeout):
        try:
            return await connections.exchange(attempt.request, credentials)
        except TransportError as error:
            return error
    return _out_of_time(attempt, timeout)


def _out_of_time(attempt: Attempt, timeout: float) -> RequestTimeoutError:
    return RequestTimeoutError(f"no whole answer within {timeout:g} s", model=attempt.request.model)

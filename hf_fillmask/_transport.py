"""The transport: walks a call along its plan and returns the answer that the call ends with.

Rule: the only module that decides to send. It judges a status by two questions alone, "is this a cold 503?" and "is
this worth a resend?"; what an answer means is the decoder's to say.

What it hides (each measured, see docs/explanation/libraries.md): an exchange is a child of a task group *and* behind a
gate of our own, because a cancelled httpx call otherwise loses its place in the pool for ever (httpcore #1093); a
tenacity object is built afresh for a call, because a shared one loses calls.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from ._credentials import Credentials
from ._errors import RequestTimeoutError, TransportError
from ._exchange import Response
from ._failure import estimated_time_of
from ._http import ConnectionPools
from ._plan import CAN_GO_ON, Attempt, Outcome, Progress
from ._values import ColdStart
from ._wakeup import Door, Visit

__all__ = ["AsyncTransport"]

_log = logging.getLogger("hf_fillmask")

OnColdStart = Callable[[ColdStart], None]


class AsyncTransport:
    """Sends the attempts of many calls, at most `max_connections` at a time, each at most `max_retries` times more."""

    def __init__(
        self, pools: ConnectionPools, *, max_connections: int, max_retries: int, on_cold_start: OnColdStart | None
    ) -> None:
        self._pools = pools
        self._gate = anyio.Semaphore(max_connections, fast_acquire=True)
        self._max_retries = max_retries
        self._on_cold_start = on_cold_start
        self._doors: dict[tuple[str, str], Door] = {}

    async def send(
        self, plan: tuple[Attempt, ...], credentials: Credentials, door_key: tuple[str, str] | None = None
    ) -> Response:
        """Walk `plan` to its end: the answer that is neither cold nor worth a resend, whatever its status.

        `door_key` names the model whose wake-up the call shares; None for a request that wakes nothing.
        Raises `TransportError` if the last attempt had no answer.
        """

        async def exchange(attempt: Attempt, timeout: float) -> Outcome:
            return await _bounded(self._pools, attempt, credentials, timeout)

        door = self._door(door_key, plan[0].request.model)
        return await _Call(plan, door, self._gate, exchange, self._max_retries).run()

    def _door(self, key: tuple[str, str] | None, model: str) -> Door:
        if key is None:
            return Door(_tell_nobody)
        door = self._doors.get(key)
        if door is None:
            door = self._doors[key] = Door(lambda phase, first, waited: self._tell(model, phase, first, waited))
        return door

    def _tell(self, model: str, phase: str, first: Response, waited: float) -> None:
        news = ColdStart(model, phase, estimated_time_of(first), waited)  # type: ignore[arg-type]
        guess = "" if news.estimated_time is None else f" (the server's estimate: {news.estimated_time:g} s)"
        _log.info("%s: cold start, %s after %.1f s%s", model, phase, waited, guess)
        if self._on_cold_start is None:
            return
        try:
            self._on_cold_start(news)
        except Exception:
            _log.exception("%s: on_cold_start raised; the call goes on", model)


def _tell_nobody(phase: str, first: Response, waited: float) -> None:
    """Stand in for the news of a wake-up where there can be none."""


class _Call:
    """One call on its way: its progress along the plan, and its visit at the model's door."""

    def __init__(
        self,
        plan: tuple[Attempt, ...],
        door: Door,
        gate: anyio.Semaphore,
        exchange: Callable[[Attempt, float], Awaitable[Outcome]],
        max_retries: int,
    ) -> None:
        self._progress = Progress(plan, max_retries)
        self._patience = plan[-1].timeout
        self._door = door
        self._visit = Visit()
        self._gate = gate
        self._exchange = exchange

    async def run(self) -> Response:
        """Make the attempts; tenacity enters only when there is something to retry."""
        try:
            outcome = await self._step()
            if isinstance(outcome, TransportError) or outcome.status_code in CAN_GO_ON:
                outcome = await self._retried(outcome)
        finally:
            self._door.leave(self._visit)
        if isinstance(outcome, Response):
            return outcome
        outcome.attempts = self._progress.attempts
        raise outcome

    async def _retried(self, first: Outcome) -> Outcome:
        """Let tenacity walk the rest of the plan; the outcome that is already there is its first."""
        outcomes = [first]

        async def step() -> Outcome:
            return outcomes.pop() if outcomes else await self._step()

        # A fresh object a call: one that is shared loses calls. sleep=: tenacity's own does not know trio.
        retrying = AsyncRetrying(
            retry=retry_if_result(self._progress.wants_another),
            wait=self._pause,
            sleep=self._sleep,
        )
        return await retrying(step)

    def _pause(self, _: RetryCallState) -> float:
        return self._progress.pause

    async def _sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        if self._progress.cold is not None:
            self._visit.waited += seconds

    async def _step(self) -> Outcome:
        """Pass the door and the gate, in this order: who waits for a model holds no place that others could use."""
        while True:
            answer = await self._door.enter(self._visit, self._patience - self._visit.waited)
            if answer is not None:
                return self._accounted(answer)
            async with self._gate:
                if self._door.admits(self._visit):
                    return await self._attempt()

    async def _attempt(self) -> Outcome:
        attempt = self._progress.attempt
        left = attempt.timeout - self._visit.waited if attempt.waits else attempt.timeout
        self._progress.attempts += 1
        began = anyio.current_time()
        outcome = await self._exchange(attempt, left)
        if attempt.waits:
            self._visit.waited += anyio.current_time() - began
            outcome = self._after_wait(outcome)
        if isinstance(outcome, Response):
            outcome = self._accounted(outcome)
        self._report(outcome)
        return outcome

    def _after_wait(self, outcome: Outcome) -> Outcome:
        """Keep the first 503 with what the waiting attempt ended in; the end of its time is that 503 once more."""
        cold = self._progress.cold
        if isinstance(outcome, Response):
            return replace(outcome, cold=cold)
        if isinstance(outcome, RequestTimeoutError) and cold is not None:
            return replace(cold, cold=cold, wait_expired=True)
        return outcome

    def _accounted(self, response: Response) -> Response:
        return replace(response, attempts=self._progress.attempts, waited=self._visit.waited)

    def _report(self, outcome: Outcome) -> None:
        """Tell the door what this attempt says of the model. At the end of a wait `leave` does, by handing over."""
        if isinstance(outcome, TransportError):
            self._door.answered(self._visit, warm=False)
        elif outcome.status_code == 503 and self._progress.has_next:
            self._door.found_cold(self._visit, outcome)
        elif not outcome.wait_expired:
            ended_wait = outcome.status_code == 503 or (outcome.status_code == 504 and outcome.cold is not None)
            if ended_wait:
                self._door.failed(self._visit, outcome)
            else:
                self._door.answered(self._visit, warm=outcome.status_code < 500)


async def _bounded(pools: ConnectionPools, attempt: Attempt, credentials: Credentials, timeout: float) -> Outcome:
    """Make one exchange, in a task of its own and within `timeout` seconds; hold what it ends in as a value."""
    outcomes: list[Outcome] = []
    bugs: list[Exception] = []

    async def child() -> None:
        with anyio.move_on_after(timeout):
            try:
                outcomes.append(await pools.exchange(attempt.request, credentials))
            except TransportError as error:
                outcomes.append(error)
            except Exception as error:  # not a failure of the transport: it comes out as itself, not in a group
                bugs.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(child)
    if bugs:
        raise bugs[0]
    if outcomes:
        return outcomes[0]
    return RequestTimeoutError(f"no whole answer within {timeout:g} s", model=attempt.request.model)

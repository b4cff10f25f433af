"""One call on its way: it walks its plan, past the model's door, the host's brake and the client's gate.

Rule: it judges a status by two questions alone, "is this a cold 503?" and "is this worth a resend?", and knows no HTTP
library: how an attempt is made is given to it. The only module that uses tenacity.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from ._brake import Brake
from ._errors import RequestTimeoutError, TransportError
from ._exchange import Response
from ._plan import CAN_GO_ON, LONGEST_PAUSE, Attempt, Outcome, Progress
from ._retry_after import retry_after
from ._wakeup import Door, Visit

__all__ = ["Call"]


class Call:
    """One call on its way: its progress along the plan, and its visit at the model's door."""

    def __init__(
        self,
        plan: tuple[Attempt, ...],
        max_retries: int,
        door: Door,
        brake: Brake,
        gate: anyio.Semaphore,
        exchange: Callable[[Attempt, float], Awaitable[Outcome]],
    ) -> None:
        self._progress = Progress(plan, max_retries)
        self._patience = plan[-1].timeout
        self._door = door
        self._visit = Visit()
        self._brake = brake
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
        if self._progress.cold is not None:
            seconds = min(seconds, max(0.0, self._left))
            self._visit.waited += seconds
        await anyio.sleep(seconds)

    @property
    def _left(self) -> float:
        """The seconds that this call may still wait for its model."""
        return self._patience - self._visit.waited

    async def _step(self) -> Outcome:
        """Pass the door, the brake and the gate; who waits for a model holds no place that others could use."""
        while True:
            answer = await self._door.enter(self._visit, self._left)
            if answer is not None:
                return self._accounted(answer)
            outcome = await self._braked()
            if outcome is not None:
                return outcome

    async def _braked(self) -> Outcome | None:
        if self._progress.attempt.waits:
            # It may be held for minutes: it keeps the pause, but takes no place of the slow start after it.
            began = anyio.current_time()
            with anyio.move_on_after(self._left):
                await self._brake.pass_pause()
            self._visit.waited += anyio.current_time() - began
            return await self._gated(self._door_admits)
        await self._brake.enter()
        outcome: Outcome | None = None
        try:
            outcome = await self._gated(lambda: self._brake.admits() and self._door_admits())
        finally:
            self._brake.leave(answered=isinstance(outcome, Response) and outcome.status_code != 429)
        return outcome

    async def _gated(self, admitted: Callable[[], bool]) -> Outcome | None:
        """Make the attempt, or None if the model went cold, or a 429 came, while this call stood in the queue."""
        async with self._gate:
            return await self._attempt() if admitted() else None

    def _door_admits(self) -> bool:
        return self._door.admits(self._visit)

    async def _attempt(self) -> Outcome:
        if self._progress.attempt.waits:
            outcome = await self._waiting_attempt()
        else:
            self._progress.attempts += 1
            outcome = await self._exchange(self._progress.attempt, self._progress.attempt.timeout)
        if isinstance(outcome, Response):
            outcome = self._accounted(outcome)
        self._report(outcome)
        self._hold(outcome)
        return outcome

    async def _waiting_attempt(self) -> Outcome:
        """Keep the first 503 with what the waiting attempt ends in; the end of its time is that 503 once more."""
        cold = self._progress.cold
        if self._left <= 0:
            return self._out_of_time()
        self._progress.attempts += 1
        began = anyio.current_time()
        outcome = await self._exchange(self._progress.attempt, self._left)
        self._visit.waited += anyio.current_time() - began
        if isinstance(outcome, Response):
            return replace(outcome, cold=cold)
        return self._out_of_time() if isinstance(outcome, RequestTimeoutError) else outcome

    def _out_of_time(self) -> Response:
        cold = self._progress.cold or Response(503)
        return replace(cold, cold=cold, wait_expired=True)

    def _accounted(self, response: Response) -> Response:
        if self._progress.attempts == response.attempts and self._visit.waited == response.waited:
            return response
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

    def _hold(self, outcome: Outcome) -> None:
        """Let a 429 that says for how long pause everybody, not this caller alone."""
        if isinstance(outcome, Response) and outcome.status_code == 429:
            advice = retry_after(outcome.headers)
            if advice is not None and advice <= LONGEST_PAUSE:
                self._brake.hold(advice)

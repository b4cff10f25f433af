"""The cold-start plan: which attempts a call may make, and whether an answer calls for the next one.

Rule: pure. "Retry once" is a property of the data here: a plan has two attempts, and there is no third to make.
Source: the parameters guide of the Inference API, ``x-wait-for-model``: advised only after a 503, never at first.
``X-Scale-Up-Timeout`` is what the proxy in front of a dedicated endpoint reads instead.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from ._errors import ConnectError, TransportError
from ._exchange import Request, Response
from ._retry_after import retry_after

__all__ = ["CAN_GO_ON", "LONGEST_PAUSE", "Attempt", "Outcome", "Progress", "cold_start_plan", "single_attempt"]

LONGEST_PAUSE = 60.0  # seconds; a server that asks for more gets no resend, its advice goes to the caller
_FIRST_PAUSE = 0.5
_WIDEST_PAUSE = 8.0
_RESENDABLE = frozenset({429, 502, 504})

CAN_GO_ON = _RESENDABLE | {503}
"""The statuses after which there may be another attempt."""

Outcome = Response | TransportError
"""What an attempt ends in; an error is held as a value here and raised at the end of the call."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request and the seconds that it may take; `waits` marks the one that waits for the model."""

    request: Request
    timeout: float
    waits: bool = False


def single_attempt(request: Request, timeout: float) -> tuple[Attempt, ...]:
    """Plan a call that no cold start concerns."""
    return (Attempt(request, timeout),)


def cold_start_plan(request: Request, timeout: float, cold_start_timeout: float) -> tuple[Attempt, ...]:
    """Plan the plain request, then the same one with both wait headers and the longer timeout."""
    whole_seconds = max(1, int(cold_start_timeout))
    wait = (("x-wait-for-model", "true"), ("x-scale-up-timeout", str(whole_seconds)))
    waiting = replace(request, headers=request.headers + wait)
    return Attempt(request, timeout), Attempt(waiting, cold_start_timeout, waits=True)


class Progress:
    """How far one call has come along its plan: the attempts made, the resends used, the first 503.

    `pause` is the seconds to let pass before the attempt that is due.
    """

    def __init__(self, plan: tuple[Attempt, ...], max_retries: int) -> None:
        self._plan = plan
        self._position = 0
        self._max_retries = max_retries
        self._resends = 0
        self.attempts = 0
        self.cold: Response | None = None
        self.pause = 0.0

    @property
    def attempt(self) -> Attempt:
        """The attempt that is due."""
        return self._plan[self._position]

    @property
    def has_next(self) -> bool:
        """Whether the plan goes on after the attempt that is due."""
        return self._position + 1 < len(self._plan)

    def wants_another(self, outcome: Outcome) -> bool:
        """Judge an outcome: move on to the waiting attempt, stay for a resend, or be done."""
        if isinstance(outcome, Response) and outcome.status_code in (503, 504) and outcome.cold is not None:
            return False  # what ends a wait is no passing fault
        if isinstance(outcome, Response) and outcome.status_code == 503:
            return self._moves_on(outcome)
        return self._resends < self._max_retries and self._resend(outcome)

    def _moves_on(self, response: Response) -> bool:
        if not self.has_next:
            return False
        self.cold, self._position, self.pause = response, self._position + 1, 0.0
        return True

    def _resend(self, outcome: Outcome) -> bool:
        advice = None
        if isinstance(outcome, Response):
            passing, advice = outcome.status_code in _RESENDABLE, retry_after(outcome.headers)
        else:
            passing = isinstance(outcome, ConnectError)
        if not passing or (advice is not None and advice > LONGEST_PAUSE):
            return False
        self.pause = _full_jitter(self._resends) if advice is None else advice
        self._resends += 1
        return True


def _full_jitter(resends: int) -> float:
    """Give a pause between nothing and a bound that doubles with each resend, in seconds."""
    return random.uniform(0.0, min(_WIDEST_PAUSE, _FIRST_PAUSE * 2 ** min(resends, 9)))  # noqa: S311 - not a secret

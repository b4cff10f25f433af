"""One wake-up for everyone: of all the callers of a cold model, one wakes it and the others wait at its door.

Rule: a small state machine on anyio's events; it knows no HTTP, polls nothing and runs no task of its own. A door
belongs to one model at one base URL. It is

- *shut* while nobody has seen the model warm and nobody tries it: the next caller becomes the waker;
- *waking* while the waker is on its way: all others park here, holding no connection;
- *open* once an answer came that is not a cold 503, an error included: everybody passes.

Source: the documentation asks to wait for a model only once it is known to be cold, and servers shed a burst of calls
to a cold model with more 503s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import anyio

from ._exchange import Response

__all__ = ["Door", "Phase", "Visit"]

Phase = Literal["waiting", "warm", "failed"]

Tell = Callable[[Phase, Response, float], None]
"""Told once a wake-up: the phase, the first 503, the seconds since it."""


@dataclass(eq=False, slots=True)
class Visit:
    """One caller at a door. `waited` adds up the seconds that it was parked before a cold model."""

    waker: bool = False
    generation: int = -1
    waited: float = 0.0
    answer: Response | None = None
    was_cold: bool = False
    impatient: bool = False


class Door:
    """The door of one model."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._state: Literal["shut", "waking", "open"] = "shut"
        self._generation = 0  # counts the openings, to know an old 503 from a new one
        self._parked: dict[Visit, anyio.Event] = {}  # in the order of their coming
        self._first: Response | None = None  # the 503 that began the wake-up
        self._since = 0.0

    def admits(self, visit: Visit) -> bool:
        """Whether `visit` may send now."""
        if self._state == "open":
            visit.generation = self._generation
        return visit.waker or self._state == "open"

    async def enter(self, visit: Visit, patience: float) -> Response | None:
        """Pass when the model is awake or `visit` is to wake it; park until then.

        Returns None to go on, or the answer that the call ends with: the server's to a wake-up that failed, or the
        first 503 once more (`wait_expired`) when `patience` seconds ended before the model was awake.
        """
        if self._state == "shut":
            self._appoint(visit)
        if self.admits(visit):
            return None
        return await self._park(visit, patience)

    async def _park(self, visit: Visit, patience: float) -> Response | None:
        began = anyio.current_time()
        released = self._parked[visit] = anyio.Event()
        try:
            with anyio.move_on_after(patience):
                await released.wait()
            if not released.is_set():
                # Before the waker has its first answer, the model may just be slow: that is no end of patience yet.
                visit.impatient = True
                if self._first is not None:
                    self._let_go(visit, _expired(self._first))
                await released.wait()
        finally:
            self._parked.pop(visit, None)
            visit.waited += anyio.current_time() - began if visit.was_cold else 0.0
        return visit.answer

    def found_cold(self, visit: Visit, response: Response) -> None:
        """Take note of a 503: `visit` wakes the model, unless another does, or it was woken in the meantime."""
        stale = self._state == "open" and visit.generation != self._generation
        if not visit.waker and (self._state == "waking" or stale):
            return
        self._appoint(visit)
        if self._first is None:
            self._first, self._since = response, anyio.current_time()
            for other in [each for each in self._parked if each.impatient]:
                self._let_go(other, _expired(response))
            self._tell("waiting", response, 0.0)

    def answered(self, visit: Visit, *, warm: bool) -> None:
        """Open for everyone: the waker had an answer that is not a cold 503, or an error (then `warm` is False)."""
        if visit.waker or self._state == "shut":
            visit.waker = False
            self._state = "open"
            self._generation += 1
            self._release("warm" if warm else "failed", None)

    def failed(self, visit: Visit, response: Response) -> None:
        """Give everyone the server's answer to a wake-up that failed; the next call starts afresh."""
        if visit.waker or (self._state == "open" and visit.generation == self._generation):
            visit.waker = False
            self._state = "shut"
            self._release("failed", replace(response, cold=self._first))

    def leave(self, visit: Visit) -> None:
        """Hand the wake-up over to the next who waits, if the waker goes without an answer."""
        if not visit.waker:
            return
        visit.waker = False
        heir = next(iter(self._parked), None)
        if heir is None:
            self._state = "shut"
            self._release("failed", None)
        else:
            self._appoint(heir)
            self._let_go(heir, None)

    def _appoint(self, visit: Visit) -> None:
        visit.waker = True
        self._state = "waking"

    def _release(self, phase: Literal["warm", "failed"], answer: Response | None) -> None:
        for visit in list(self._parked):
            self._let_go(visit, answer)
        first, self._first = self._first, None
        if first is not None:
            self._tell(phase, first, anyio.current_time() - self._since)

    def _let_go(self, visit: Visit, answer: Response | None) -> None:
        visit.was_cold = self._first is not None
        visit.answer = answer
        self._parked.pop(visit).set()


def _expired(first: Response) -> Response:
    """Make the first 503 the answer of one whose patience ended."""
    return replace(first, cold=first, wait_expired=True)

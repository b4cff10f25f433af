"""The deadline of a batch: it counts from the first request, and whoever waits by then learns of it meanwhile.

Rule: knows the time and nothing else.
"""

from __future__ import annotations

import math

import anyio

from ._errors import DeadlineExceededError

__all__ = ["Deadline"]


class Deadline:
    """A number of seconds, or None for as long as it takes; `model` is named in its errors."""

    def __init__(self, seconds: float | None, model: str | None = None) -> None:
        self._seconds = seconds
        self._model = model
        self._ends = math.inf
        self._early: list[anyio.CancelScope] = []

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self._ends != math.inf and anyio.current_time() >= self._ends

    def begin(self) -> None:
        """Let the time run, for those that wait already, too; the first call counts."""
        if self._seconds is not None and self._ends == math.inf:
            self._ends = anyio.current_time() + self._seconds
            for scope in self._early:
                scope.deadline = self._ends
            self._early.clear()

    def bound(self) -> anyio.CancelScope:
        """Make a scope for a block that is cancelled, and left, when the time is up."""
        scope = anyio.CancelScope(deadline=self._ends)
        if self._seconds is not None and self._ends == math.inf:
            self._early.append(scope)
        return scope

    def error(self, what: str = "the batch took longer than its deadline") -> DeadlineExceededError:
        """Make an error that says so; each text gets one of its own."""
        return DeadlineExceededError(f"{what} of {self._seconds:g} s.", model=self._model)

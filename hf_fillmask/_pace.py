"""The right amount at a time: how many requests of a batch are in flight, and how many texts are in one request.

Rule: plain state machines, told what happened and asked what to do next; no clock, no I/O.

`Pace` is TCP's way: begin small, double while that pays, step back by a third at a refusal, creep up again (AIMD).
Doubling pays while the answers stay as quick, or come at a better rate; a server that only queues what is more than it
can work on shows neither. `ListSize` grows while the time a sentence falls.
"""

from __future__ import annotations

from statistics import median

__all__ = ["ListSize", "Pace"]

_START = 4
_QUICK = 1.3  # times the best round's time: still as quick
_BETTER = 1.2  # times the last round's rate: more in flight brought more answers
_PATIENT = 2.0  # times the best round's time: no reason to creep up further


class Pace:
    """How many requests may be in flight, between one and `most`; `fixed` takes `most` and stays there."""

    def __init__(self, most: int, *, fixed: bool = False) -> None:
        self._most = most
        self._doubling = not fixed and most > _START
        self._fixed = fixed
        self.limit = most if fixed else min(_START, most)
        self._times: list[float] = []
        self._best = 0.0
        self._round_began: float | None = None
        self._last_rate = 0.0
        self._stepped_back = 0.0

    def answered(self, began: float, ended: float) -> None:
        """Count an answer; at the end of a round of them, look whether more at a time would pay."""
        if self._fixed:
            return
        if self._round_began is None:
            self._round_began = began
        self._times.append(ended - began)
        if len(self._times) >= 2 * self.limit:
            self._end_round(ended)

    def refused(self, began: float, ended: float) -> None:
        """Step back by a third, once for all the requests that were in flight at that moment."""
        if self._fixed or began < self._stepped_back:
            return
        self._stepped_back = ended
        self._doubling = False
        self.limit = max(1, self.limit * 2 // 3)
        self._times.clear()
        self._round_began = None

    def _end_round(self, now: float) -> None:
        # The second half of a round ran with all of its connections open.
        typical = median(self._times[len(self._times) // 2 :])
        self._best = min(self._best, typical) if self._best else typical
        rate = len(self._times) / max(now - (self._round_began or 0.0), 1e-9)
        pays = typical <= _QUICK * self._best or rate >= _BETTER * self._last_rate
        self._times.clear()
        self._round_began = None
        self._last_rate = rate
        if self._doubling and pays:
            self.limit = min(self._most, 2 * self.limit)
        elif self._doubling:
            self._doubling = False
        elif typical <= _PATIENT * self._best:
            self.limit = min(self._most, self.limit + 1)


class ListSize:
    """How many texts to put into one request: `size`, never more than `most`."""

    def __init__(self, size: int, *, grows: bool = False, most: int = 64) -> None:
        self.size = size
        self.most = most if grows else size
        self._grows = grows
        self._times: list[float] = []
        self._last = 0.0

    def answered(self, texts: int, seconds: float) -> None:
        """Count an answer to `texts` texts; after a few of them, try lists of twice the size, or go back and stay."""
        if not self._grows or texts != self.size:
            return
        self._times.append(seconds / texts)
        if len(self._times) < 2 * _START:
            return
        each = median(self._times)
        self._times.clear()
        if self._last and each > 0.9 * self._last:
            self._grows = False
            self.size = max(1, self.size // 2)
        elif 2 * self.size > self.most:
            self._grows = False
        else:
            self._last = each
            self.size *= 2

    def cap(self, most: int) -> None:
        """Take note that the server refuses lists of more than `most` texts."""
        self.most = max(1, min(self.most, most))
        if self.size >= self.most:
            self.size = self.most
            self._grows = False

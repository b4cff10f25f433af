"""How fast a run is now, and how it is told.

Rule: plain functions and values; the clock is the caller's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ..._values import ColdStart
from ._counts import Counts

__all__ = ["Speed", "progress_parts", "summary", "time_left"]

_WINDOW = 10.0  # seconds


class Speed:
    """The rows a second of the last ten seconds."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def at(self, now: float, done: int) -> float | None:
        """Note how many rows are done, and return the rate; None before there is one."""
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[1][0] >= _WINDOW:
            self._marks.popleft()
        began, before = self._marks[0]
        return (done - before) / (now - began) if now > began else None


def progress_parts(counts: Counts, rate: float | None, cold: ColdStart | None, waited: float) -> Iterator[str]:
    """Tell how far a run is, the most important first."""
    done, total = counts.done, counts.total
    yield f"{done:,} rows" if total is None else f"{done:,} of {total:,}"
    if total:
        yield f"{100 * done // total} %"
    if cold is not None:
        guess = "" if cold.estimated_time is None else f" (server's estimate {cold.estimated_time:g} s)"
        yield f"the model is loading: {waited:.1f} s{guess}"
    elif rate:
        yield f"{rate:,.0f}/s"
        if total is not None:
            yield f"{time_left((total - done) / rate)} left"
    if counts.failed:
        yield f"{counts.failed:,} failed"
    yield f"{counts.in_flight:,} in flight"


def time_left(seconds: float) -> str:
    """Write a duration as a clock does: 0:07, 2:03:04."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def summary(counts: Counts, seconds: float) -> str:
    """Tell what a run did, on one line."""
    rate = (counts.filled + counts.failed) / seconds if seconds else 0.0
    told = [f"{counts.filled:,} filled", f"{counts.failed:,} failed"]
    unsure = counts.filled + counts.failed - counts.written
    if unsure:  # a full disk, or an end that did not wait for it
        told.append(f"up to {unsure:,} of them not written")
    if counts.skipped:
        told.append(f"{counts.skipped:,} done before")
    took = f"{seconds:.1f} s" if seconds < 60 else time_left(seconds)
    return f"{', '.join(told)}; {counts.asked:,} asked in {took} ({rate:,.0f} rows/s)"

"""What a server was told to do, and what it was asked: the two sides of a test.

Rule: knows no HTTP. A test writes in its own thread while the server reads in another, so each step takes the lock.
"""

import threading
from typing import Generic, TypeVar

from ._faults import Fault, Latency
from ._received import Received

__all__ = ["Script"]

T = TypeVar("T")


class Script:
    """Faults, a delay beside them, and the requests that were noted.

    What has a number of times comes first, in the order it was written; what has none (it holds for all requests)
    comes when nothing else is due, and the last that was written counts. Faults of one model leave the others alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def add(self, what: Fault | Latency, times: int | None, model: str | None) -> None:
        """Write what happens to `times` requests, None for all; of `model`, None for any."""
        with self._lock:
            if isinstance(what, Latency):
                self._delays.add(what, times, model)
            else:
                self._faults.add(what, times, model)

    def note(self, request: Received) -> None:
        """Keep `request`."""
        with self._lock:
            self._requests.append(request)

    def take(self, model: str) -> tuple[float, Fault | None]:
        """For a request to `model`: the seconds to wait before its answer, and what happens in place of it."""
        with self._lock:
            delay = self._delays.take(model)
            return delay.seconds if delay else 0.0, self._faults.take(model)

    @property
    def requests(self) -> tuple[Received, ...]:
        """The requests so far, in the order they came."""
        with self._lock:
            return tuple(self._requests)

    def clear(self) -> None:
        """Forget what was written and what was asked."""
        with self._lock:
            self._faults = _Line[Fault]()
            self._delays = _Line[Latency]()
            self._requests: list[Received] = []


class _Entry(Generic[T]):
    def __init__(self, what: T, times: int | None, model: str | None) -> None:
        self.what = what
        self.left = times
        self.model = model

    def fits(self, model: str) -> bool:
        return self.model in (None, model)


class _Line(Generic[T]):
    """Entries that wait for their turn; the endless ones stand behind all others, the newest first."""

    def __init__(self) -> None:
        self._counted: list[_Entry[T]] = []
        self._endless: list[_Entry[T]] = []

    def add(self, what: T, times: int | None, model: str | None) -> None:
        entry = _Entry(what, times, model)
        if times is None:
            self._endless.insert(0, entry)
        else:
            self._counted.append(entry)

    def take(self, model: str) -> T | None:
        for entry in (*self._counted, *self._endless):
            if entry.fits(model):
                if entry.left is not None:
                    entry.left -= 1
                    self._counted = [each for each in self._counted if each.left]
                return entry.what
        return None

"""A client's batch: ties the fan-out to the client's way of filling lists, its pace and its life.

Rule: the only place where the knobs of a batch are read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import anyio

from ._batch import BatchStream, Filled, OnProgress
from ._checks import count
from ._deadline import Deadline
from ._errors import FillMaskError
from ._exchange import Response
from ._filler import Filler
from ._lifetime import Lifetime
from ._lists import ListFiller
from ._pace import ListSize, Pace
from ._plan import Outcome
from ._settings import Options
from ._source import Inputs

__all__ = ["AUTO_LISTS", "Concurrency", "PerRequest", "fan_out"]

Concurrency = int | Literal["adaptive"]
PerRequest = int | Literal["auto"]

AUTO_LISTS = 64  # texts; the longest list that "auto" tries


def fan_out(
    inputs: Inputs,
    options: Options,
    *,
    open_filler: Callable[[], Awaitable[Filler]],
    lifetime: Lifetime,
    max_connections: int,
    max_concurrency: Concurrency,
    inputs_per_request: PerRequest,
    ordered: bool,
    on_progress: OnProgress | None,
) -> BatchStream:
    """Make the stream of a batch; nothing is sent before it is entered."""
    adaptive = max_concurrency == "adaptive"
    most = max_connections if max_concurrency == "adaptive" else count("max_concurrency", max_concurrency)
    pace = Pace(min(most, max_connections), fixed=not adaptive)
    if inputs_per_request == "auto":
        size = ListSize(1, grows=True, most=AUTO_LISTS)
    else:
        size = ListSize(count("inputs_per_request", inputs_per_request))
    deadline = Deadline(options.deadline, options.target.model)
    work = _Work(options, open_filler, pace, size, deadline)
    return BatchStream(
        inputs,
        work.fill,
        lambda: lifetime.call(options.target.model, None),
        pace=pace,
        size=size,
        most=min(most, max_connections),
        ordered=ordered,
        on_progress=on_progress,
        deadline=deadline,
    )


class _Work:
    """Fills the texts of one batch, and tells its pace how that goes."""

    def __init__(
        self,
        options: Options,
        open_filler: Callable[[], Awaitable[Filler]],
        pace: Pace,
        size: ListSize,
        deadline: Deadline,
    ) -> None:
        self._options = options
        self._open_filler = open_filler
        self._pace = pace
        self._size = size
        self._lists: ListFiller | None = None
        self._deadline = deadline
        self._any_answer = False

    async def fill(self, texts: list[str]) -> list[Filled]:
        """Fill the texts of one request; the deadline of the batch ends each of them with an error of its own."""
        filler = await self._open_filler()
        if self._lists is None:
            self._lists = ListFiller(filler.for_workers(self._observe), self._options)
        if self._options.deadline is None:
            return await self._timed(self._lists, texts)
        self._deadline.begin()
        with self._deadline.bound():
            return await self._timed(self._lists, texts)
        return [self._deadline.error() for _ in texts]

    async def _timed(self, lists: ListFiller, texts: list[str]) -> list[Filled]:
        began = anyio.current_time()
        filled = await lists.fill(texts)
        if lists.longest is not None:
            self._size.cap(lists.longest)
        if not any(isinstance(item, FillMaskError) for item in filled):
            self._size.answered(len(texts), anyio.current_time() - began)
        return filled

    def _observe(self, outcome: Outcome, began: float, ended: float) -> None:
        """Tell the pace what became of an attempt."""
        status = outcome.status_code if isinstance(outcome, Response) else None
        if status in (429, 503) or isinstance(outcome, TimeoutError):
            # A 503 before any answer is the cold start, and no sign of haste.
            if self._any_answer or status != 503:
                self._pace.refused(began, ended)
        elif status is not None:
            self._any_answer = True
            self._pace.answered(began, ended)

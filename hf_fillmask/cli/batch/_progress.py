"""The progress of a run: a live line on a terminal, a plain line every few seconds anywhere else.

Rule: writes to standard error only. The live line leaves out its last parts where the terminal is too narrow for them.
"""

from __future__ import annotations

import time
from contextlib import suppress
from types import TracebackType
from typing import Self

import anyio
from rich.console import Console, ConsoleOptions, RenderResult

from ..._values import ColdStart
from .._live import live_line, moves, show, wheel
from .._progress import ColdStartNews
from ._counts import Counts
from ._speed import Speed, progress_parts

__all__ = ["Progress"]

_PAUSE = 5.0  # seconds between two plain lines


class Progress:
    """Shows `counts` while it is entered; `on_cold_start` is for the client.

    Without `live` there are plain lines on a terminal, too: where the rows go to it, a live line would be in their way.
    """

    def __init__(self, console: Console, counts: Counts, *, live: bool = True) -> None:
        self._console = console
        self._counts = counts
        self._speed = Speed()
        self._news = ColdStartNews(console)
        self._cold: ColdStart | None = None
        self._cold_since = 0.0
        self._live = live_line(self, console) if live and moves(console) else None

    def on_cold_start(self, news: ColdStart) -> None:
        """Show that the model loads."""
        self._cold = news if news.phase == "waiting" else None
        self._speed = Speed()  # the wait says nothing about what comes
        self._cold_since = time.monotonic() - news.waited
        if self._live is None:
            self._news(news)

    async def report(self) -> None:
        """Write a plain line now and then, for ever; nothing where the live line is."""
        while self._live is None:
            await anyio.sleep(_PAUSE)
            with suppress(OSError):  # nobody reads it; the rows come all the same
                self._console.print(", ".join(self._parts()), soft_wrap=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the live line; rich asks for it ten times a second."""
        separator = ", " if options.ascii_only else " · "
        parts = self._parts()
        told = parts[0]
        for part in parts[1:]:
            if len(told) + len(separator) + len(part) + 2 < options.max_width:
                told += separator + part
        yield wheel(time.monotonic(), told, ascii_only=options.ascii_only)

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live is not None:
            show(self._live)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the live line away."""
        self._news.__exit__(kind, error, traceback)
        if self._live is not None:
            self._live.stop()

    def _parts(self) -> list[str]:
        now = time.monotonic()
        rate = self._speed.at(now, self._counts.done)
        return list(progress_parts(self._counts, rate, self._cold, now - self._cold_since))

"""The news of a cold start: a live line on a terminal, plain lines anywhere else.

Rule: writes to standard error only, and steps aside while something else is written.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from .._values import ColdStart
from ._live import live_line, moves, show, wheel
from ._terminal import shown

__all__ = ["ColdStartNews"]


class ColdStartNews:
    """What `on_cold_start` calls; as a context manager, it leaves no live line behind."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._moves = moves(console)
        self._live: Live | None = None

    def __call__(self, news: ColdStart) -> None:
        """Show that a model loads, until it is warm; what a failed wake-up ended in, its error tells."""
        if news.phase == "waiting":
            self._begin(news)
            return
        self._end()
        if news.phase == "warm":
            mark = "✓ " if self._moves and not self._console.options.ascii_only else ""
            self._console.print(Text.assemble((mark, "green"), _warm(news)), soft_wrap=True)

    @contextmanager
    def aside(self) -> Generator[None]:
        """Take the live line away for the duration of a block."""
        if self._live is not None:
            self._live.stop()
        yield
        if self._live is not None:
            show(self._live)

    def __enter__(self) -> Self:
        """Return the news themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Take the live line away."""
        self._end()

    def _begin(self, news: ColdStart) -> None:
        if not self._moves:
            self._console.print(f"{shown(news.model)} is loading{_estimate(news)}", soft_wrap=True)
            return
        self._live = live_line(_Line(news), self._console)
        show(self._live)

    def _end(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()


class _Line:
    """The live line; rich asks for it again and again, and each time it tells the seconds."""

    def __init__(self, news: ColdStart) -> None:
        self._news = news
        self._began = time.monotonic() - news.waited

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        waited = time.monotonic() - self._began
        told = f"{shown(self._news.model)} is loading: {waited:.1f} s waited{_estimate(self._news)}"
        yield wheel(waited, told, ascii_only=options.ascii_only)


def _estimate(news: ColdStart) -> str:
    return "" if news.estimated_time is None else f", server's estimate {news.estimated_time:g} s"


def _warm(news: ColdStart) -> str:
    return f"{shown(news.model)} is warm after {news.waited:.1f} s"

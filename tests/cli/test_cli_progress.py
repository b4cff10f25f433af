"""The news of a cold start at a terminal."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console

from hf_fillmask import ColdStart
from hf_fillmask.cli._progress import ColdStartNews

Plain = Callable[[str], str]

WAITING = ColdStart("a/b\x1b[2J", "waiting", 20.0, 0.0)


def terminal() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=True, width=80, highlight=False, markup=False), out


def test_the_live_line_steps_aside(plain: Plain) -> None:
    """What is written meanwhile stands above the live line, which comes back."""
    console, out = terminal()
    with ColdStartNews(console) as news:
        news(WAITING)
        with news.aside():
            console.print("an answer")
        before, after = out.getvalue().split("an answer\n")
    assert before.endswith("\x1b[2K")
    assert "is loading" in after


def test_the_live_line_shows_what_a_model_is_called() -> None:
    """The name of a model cannot steer the terminal."""
    console, out = terminal()
    with ColdStartNews(console) as news:
        news(WAITING)
    assert r" a/b\x1b[2J is loading: " in out.getvalue()


def test_a_failed_cold_start_leaves_no_line() -> None:
    """The live line goes; the error that follows says the rest."""
    console, out = terminal()
    news = ColdStartNews(console)
    news(WAITING)
    news(ColdStart("a/b", "failed", 20.0, 3.0))
    assert out.getvalue().endswith("\x1b[2K")


def test_nothing_to_step_aside() -> None:
    """Without a cold start, nothing is drawn."""
    console, out = terminal()
    with ColdStartNews(console) as news, news.aside():
        console.print("an answer")
    assert out.getvalue() == "an answer\n"


def test_the_cursor_stays() -> None:
    """A process that is killed while a model loads leaves a terminal with a cursor."""
    console, out = terminal()
    with ColdStartNews(console) as news:
        news(WAITING)
        assert out.getvalue().rfind("\x1b[?25h") > out.getvalue().rfind("\x1b[?25l")

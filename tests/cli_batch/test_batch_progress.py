"""The progress of a run, as a terminal and as a log see it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from rich.console import Console
from trio.testing import MockClock

from hf_fillmask import ColdStart
from hf_fillmask.cli.batch._counts import Counts
from hf_fillmask.cli.batch._progress import Progress

from ..shell.scripted_server import Received, ScriptedServer, Wire
from .helpers import answering, numbered

COLD, WARM = (ColdStart("m", phase, 20.0, 1.0) for phase in ("waiting", "warm"))


def terminal(width: int = 80, encoding: str = "utf-8") -> Console:
    file = io.TextIOWrapper(io.BytesIO(), encoding)
    return Console(file=file, force_terminal=True, width=width, legacy_windows=False, color_system=None)


def live_line(progress: Progress, console: Console) -> str:
    return "".join(segment.text for segment in console.render(progress)).strip()


COUNTS = Counts(read=500, skipped=400, filled=500, failed=100, lines=950, all_lines=2050, asked=632, answered=600)


@pytest.mark.parametrize(
    ("width", "expected"),
    [(80, "1,000 of 2,000 · 50 % · 100 failed · 32 in flight"), (40, "1,000 of 2,000 · 50 % · 100 failed")],
)
def test_the_live_line(width: int, expected: str) -> None:
    """The live line tells what there is room for, and is never longer than the terminal is wide."""
    console = terminal(width)
    line = live_line(Progress(console, COUNTS), console)
    assert line[2:] == expected
    assert len(line) < width


def test_a_terminal_without_unicode() -> None:
    """Where the terminal has no dots, commas part."""
    console = terminal(encoding="ascii")
    line = live_line(Progress(console, COUNTS), console)
    assert line[1:] == " 1,000 of 2,000, 50 %, 100 failed, 32 in flight"


def test_a_cold_start_in_the_live_line() -> None:
    """While the model loads, the line tells how long already, and nothing of it is left when it is warm."""
    console = terminal()
    with Progress(console, Counts(all_lines=5)) as progress:
        progress.on_cold_start(COLD)
        assert "0 of 5 · 0 % · the model is loading: 1." in live_line(progress, console)
        assert "(server's estimate 20 s)" in live_line(progress, console)
        progress.on_cold_start(WARM)
        assert live_line(progress, console)[2:] == "0 of 5 · 0 % · 0 in flight"


def test_plain_lines() -> None:
    """In a log, a line every few seconds tells the same, and the news of a cold start are lines of their own."""
    out = io.StringIO()
    progress = Progress(Console(file=out, width=300), COUNTS)

    async def for_eleven_seconds() -> None:
        with trio.move_on_after(11), progress:
            progress.on_cold_start(COLD)
            progress.on_cold_start(WARM)
            await progress.report()

    trio.run(for_eleven_seconds, clock=MockClock(autojump_threshold=0))
    assert out.getvalue().splitlines() == [
        "m is loading, server's estimate 20 s",
        "m is warm after 1.0 s",
        *["1,000 of 2,000, 50 %, 100 failed, 32 in flight"] * 2,
    ]


def test_a_run_before_a_terminal(
    person: Callable[..., Any], plain: Callable[[str], str], server: ScriptedServer, tmp_path: Path
) -> None:
    """Before a terminal, the live line moves and goes away; what stays is the summary."""
    (tmp_path / "in.txt").write_text(numbered(3, some_bad=False))

    def slowly(received: Received, wire: Wire) -> None:
        wire.pause(0.15 if "2" in json.loads(received.body)["inputs"] else 0)
        answering(received, wire)

    server.script = slowly
    argv = ("batch", str(tmp_path / "in.txt"), "-o", str(tmp_path / "o"), "--base-url", server.url, "--model", "m")
    run = person(*argv)
    assert run.code == 0
    assert "0 rows" in plain(run.out)
    assert "2 of 3 · 66 %" in plain(run.out)
    assert plain(run.out.rpartition("\x1b[2K")[2]).startswith("3 filled, 0 failed; 3 asked in ")

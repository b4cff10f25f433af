"""Live lines: how rich is asked for one, and the wheel that turns in it.

Rule: a live line steers nothing but itself. Standard output keeps its own way (rich would send it to the console of the
line), and the cursor stays to be seen (a process that is killed would leave the user without one).
"""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

__all__ = ["live_line", "moves", "show", "wheel"]

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_FRAMES = "|/-\\"
_FRAMES_A_SECOND = 10


def moves(console: Console) -> bool:
    """Whether a line can be written over there."""
    return console.is_terminal and not console.is_dumb_terminal


def live_line(content: RenderableType, console: Console) -> Live:
    """Make a line that is drawn ten times a second once it is shown, and leaves nothing behind."""
    return Live(
        content,
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        refresh_per_second=_FRAMES_A_SECOND,
    )


def show(line: Live) -> None:
    """Begin to draw a line, or go on with it."""
    line.start(refresh=True)
    line.console.show_cursor(True)


def wheel(seconds: float, told: str, *, ascii_only: bool) -> Text:
    """Set the wheel, as it stands after `seconds`, before what is told."""
    frames = _PLAIN_FRAMES if ascii_only else _FRAMES
    frame = frames[int(seconds * _FRAMES_A_SECOND) % len(frames)]
    return Text.assemble((frame, "yellow"), f" {told}", no_wrap=True, overflow="ellipsis")

"""Where output goes: who reads a stream, and how rich writes to it.

Rule: what a server or a user wrote is shown by `shown`, so that it cannot steer the terminal.
"""

from __future__ import annotations

import io
import unicodedata
from typing import TextIO

from rich.console import Console

__all__ = ["console", "is_terminal", "shortened", "shown"]

# Controls, lone surrogates, line and paragraph separators.
_STEERING = frozenset(("Cc", "Cs", "Zl", "Zp"))
# They turn the direction of what follows: a text could be read as another one.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person reads `stream`; a closed one (None) nobody does."""
    return stream is not None and stream.isatty()


def console(stream: TextIO) -> Console:
    """Wrap `stream` for rich: no markup, no guesses, and colour for a terminal only, whatever FORCE_COLOR says."""
    if isinstance(stream, io.TextIOWrapper):
        # A character that the terminal's encoding lacks is shown by its code.
        stream.reconfigure(errors="backslashreplace")
    return _Console(file=stream, force_terminal=is_terminal(stream), markup=False, emoji=False, highlight=False)


def shown(text: str) -> str:
    r"""Write what steers a terminal as its code, such as ``\x1b``."""
    return "".join(_code(char) if _steers(char) else char for char in text)


def shortened(text: str, length: int = 40) -> str:
    """Give the beginning of `text`, safe to show, as long as a line has room for."""
    return shown(text if len(text) <= length else f"{text[: length - 1]}…")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Let the command end as it does when others write; rich would exit by itself."""
        raise BrokenPipeError


def _steers(char: str) -> bool:
    return char in _TURNING or unicodedata.category(char) in _STEERING


def _code(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")

"""A probability as a bar and as a percentage.

Rule: a full bar is a probability of 1, in every table, so that bars can be compared from one text to the next.
"""

from __future__ import annotations

import math

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

__all__ = ["Bar", "percent"]

_WIDEST = 50  # cells; longer ones are no easier to compare
_EIGHTHS = " ▏▎▍▌▋▊▉"


class Bar:
    """A bar as wide as its column allows; a score that is no number has none."""

    def __init__(self, score: float) -> None:
        self._share = min(max(score, 0.0), 1.0) if math.isfinite(score) else 0.0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the bar, and dimly what is missing to 1."""
        width = min(options.max_width, _WIDEST)
        if options.ascii_only:
            full = round(self._share * width)
            yield Text("#" * full + "." * (width - full))
            return
        drawn = _blocks(self._share, width)
        yield Text.assemble((drawn, "cyan"), ("·" * (width - len(drawn)), "dim"))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Take what is left of the line."""
        return Measurement(min(8, options.max_width), options.max_width)


def _blocks(share: float, width: int) -> str:
    # Whatever is more than nothing shows: as one eighth of a cell.
    eighths = max(round(share * width * 8), 1 if share > 0 else 0)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def percent(score: float) -> str:
    """Write a probability with the digits that say something: 98.9 %, 0.4 %, 0.0043 %, 1.0e-09 %."""
    if not math.isfinite(score):
        return "no score"
    hundredths = score * 100
    if 99.95 <= hundredths < 100:
        return "> 99.9 %"
    digits = ".1f" if hundredths >= 0.1 or hundredths <= 0 else "#.2g"
    return f"{hundredths:{digits}} %"

"""How long a server asks its callers to wait.

Rule: pure; the clock is an argument.
Source: RFC 9110 (Retry-After), the ``retry-after-ms`` of several gateways, and the Hub's ``RateLimit`` header.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ["number", "retry_after"]

_REMAINING = re.compile(r";\s*r=([0-9]+)")
_RESET = re.compile(r";\s*t=([0-9]+(?:\.[0-9]+)?)")


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Return the seconds to wait, or None if the server gave no advice that can be read.

    Read in this order: ``retry-after-ms``, ``Retry-After`` in seconds (fractions too) or as a date, then the ``t`` of
    ``RateLimit`` when its ``r`` is 0. A date in the past is 0 seconds.
    """
    milliseconds = number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    advice = headers.get("retry-after", "")
    plain = number(advice)
    if plain is not None:
        return plain
    date = _date(advice)
    if date is not None:
        return max(0.0, date - (time.time() if now is None else now))
    return _window_reset(headers.get("ratelimit", ""))


def number(value: object) -> float | None:
    """Read a finite number that is not negative, from a header or from JSON; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if math.isfinite(parsed) and parsed >= 0 else None


def _date(value: str) -> float | None:
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _window_reset(value: str) -> float | None:
    """Read ``"api";r=0;t=55``; of several windows, the last of those that are used up to end."""
    ends = []
    for window in value.split(","):
        remaining, reset = _REMAINING.search(window), _RESET.search(window)
        if remaining and reset and not remaining[1].strip("0"):
            ends.append(number(reset[1]))
    return max((end for end in ends if end is not None), default=None)

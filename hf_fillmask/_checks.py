"""The checks of what a user passes: refused here, before anything is sent, with a ValueError or a TypeError.

Rule: plain functions that return the value they accept; the server judges texts, we judge parameters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

__all__ = ["RESERVED_HEADERS", "checked_headers", "count", "flag", "seconds", "target_words", "text"]

RESERVED_HEADERS = {
    "authorization": "token=",
    "x-use-cache": "use_cache=",
    "x-wait-for-model": "cold_start=",
    "x-scale-up-timeout": "cold_start_timeout=",
    **dict.fromkeys(("accept", "accept-encoding", "content-length", "content-type", "host", "transfer-encoding")),
}
"""Headers that the client sets by itself, each with the argument that governs it (None: nothing does)."""


def text(name: str, value: object) -> str:
    """Accept a str."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    return value


def flag(name: str, value: object) -> bool:
    """Accept True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return value


def count(name: str, value: object, *, least: int = 1) -> int:
    """Accept a whole number that is at least `least`; True and "5" are none."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
    return value


def seconds(name: str, value: object) -> float:
    """Accept a positive, finite number of seconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (number > 0 and math.isfinite(number)):
        raise ValueError(f"{name} must be a positive, finite number of seconds, not {number}")
    return number


def target_words(value: Iterable[str]) -> tuple[str, ...]:
    """Accept one or more words; a bare str is refused, because it would be taken letter by letter."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise TypeError("targets must be a list of words")
    words = tuple(text("each of targets", word) for word in value)
    if not words or not all(words):
        raise ValueError("targets must hold at least one word, and no empty one")
    return words


def checked_headers(headers: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """Accept extra headers, names in lower case; those that the client sets by itself are refused."""
    if headers is None:
        return ()
    if not isinstance(headers, Mapping):
        raise TypeError("headers must be a mapping of str to str")
    return tuple(_header(text("a header's name", name), headers[name]) for name in headers)


def _header(name: str, value: object) -> tuple[str, str]:
    word = text(f"the header {name}", value)
    if name.lower() in RESERVED_HEADERS:
        instead = RESERVED_HEADERS[name.lower()]
        raise ValueError(f"the header {name} is set by the client{f'; use {instead}' if instead else ''}")
    if not name or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"{name!r} is not the name of a header")
    if not (word.isascii() and word.isprintable()) or word != word.strip():
        raise ValueError(f"the header {name} must hold printable ASCII only, and no space at either end")
    return name.lower(), word

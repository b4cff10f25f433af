"""What a server may do wrong, as values: an answer in the model's place, a broken connection, a delay, a cold model.

Pure: numbers and bodies in, frozen values or an error out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from math import isfinite
from typing import Any

__all__ = ["ESTIMATED_TIME", "Answer", "Break", "Cold", "Fault", "Latency", "Scripted", "answer_of", "seconds_of"]

ESTIMATED_TIME = 20.0
"""Seconds that a loading model is said to take where nobody knows; the real servers guess the same."""

_WORDS = {
    401: "Invalid username or password.",
    402: "You have exceeded your monthly included credits for Inference Providers.",
    403: "This authentication method does not have sufficient permissions to call Inference Providers",
    429: "Rate limit reached.",
}
"""How the real servers word a status; those that are not here are called by their names."""


class Break(Enum):
    """What becomes of a connection: cut in the middle of an answer, silent for ever, or reset before an answer."""

    CUT = "cut"
    STALL = "stall"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in the model's place; without a `body`, an error in the servers' words."""

    status: int
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def content(self, model: str) -> bytes:
        """Return the body of the answer to a request for `model`."""
        if self.body is not None:
            return self.body
        if self.status == 503:
            return _packed({"error": f"Model {model} is currently loading", "estimated_time": ESTIMATED_TIME})
        return _packed({"error": _WORDS.get(self.status) or _phrase(self.status)})


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds that pass before whatever comes."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cold:
    """The model has to load again: for so many seconds, or None, until a request waits for it."""

    seconds: float | None


Fault = Answer | Break


@dataclass(frozen=True, slots=True)
class Scripted:
    """What happens to the next `times` requests, None to all of them; of one `model`, None of any.

    Raises:
        ValueError: `times` is neither None nor a whole number of at least 1.
    """

    what: Fault | Latency | Cold
    times: int | None
    model: str | None = None

    def __post_init__(self) -> None:
        """Check the number of times."""
        if self.times is not None and (type(self.times) is not int or self.times < 1):
            raise ValueError(f"times must be a number of requests, 1 or more, or None for all, not {self.times!r}")


def answer_of(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Return the answer with this `body`: bytes and text as they are, anything else as JSON.

    Raises:
        ValueError: no status from 200 to 599, or a body where HTTP has none (204, 304).
        TypeError: `body` is nothing that JSON can say.
    """
    if type(status) is not int or not 200 <= status <= 599:
        raise ValueError(f"a status must be a whole number from 200 to 599, not {status!r}")
    if status in (204, 304):
        if body:
            raise ValueError(f"an answer with the status {status} has no body")
        body = b""
    packed = body if body is None or isinstance(body, bytes) else _packed(body)
    return Answer(status, packed, tuple((headers or {}).items()))


def seconds_of(name: str, value: Any) -> float:
    """Return `value`, a number of seconds or its text.

    Raises:
        ValueError: it is negative, not finite, or no number.
    """
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not isfinite(seconds) or seconds < 0:
        raise ValueError(f"{name} must be a number of seconds, 0 or more, not {value!r}")
    return seconds


def _packed(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"

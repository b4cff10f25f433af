"""What stands around a mask, as the language model looks at it.

A sentence ends at `.`, `!` or `?`: words beyond it are no neighbours, and that it begins or ends here is context too.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ._words import folded

__all__ = ["BOUNDARY", "REACH", "STOPS", "Context", "context_at"]

BOUNDARY = ""
"""Stands where a sentence begins or ends."""

REACH = 3
"""How many neighbours count, on either side."""

STOPS = frozenset(".!?")


@dataclass(frozen=True, slots=True)
class Context:
    """The neighbours of a mask, folded and nearest first, and the words of its whole sentence.

    `left` and `right` end early at a `BOUNDARY`, which they hold, and before another mask, whose word nobody knows.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]
    about: frozenset[str]


def context_at(words: Sequence[str | None], index: int) -> Context:
    """Return the context of the mask at `index` of `words`, in which None is a mask."""
    left = tuple(_back_to_start(words[:index]))
    right = tuple(_on_to_stop(words[index + 1 :]))
    return Context(_near(left), _near(right), frozenset(word for word in left + right if word))


def _back_to_start(words: Sequence[str | None]) -> Iterator[str | None]:
    for word in reversed(words):
        if word in STOPS:
            break
        yield word and folded(word)
    yield BOUNDARY


def _on_to_stop(words: Sequence[str | None]) -> Iterator[str | None]:
    for word in words:
        yield word and folded(word)
        if word in STOPS:
            break
    yield BOUNDARY


def _near(words: Iterable[str | None]) -> tuple[str, ...]:
    known: list[str] = []
    for word in words:
        if word is None or len(known) == REACH:
            break
        known.append(word)
    return tuple(known)

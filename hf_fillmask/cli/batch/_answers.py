"""The answers of the last texts, so that an equal text is not asked again.

Rule: memory is bounded by bytes, not by the number of answers; the ones that were used longest ago go first.
"""

from __future__ import annotations

from collections import OrderedDict

from ._record import Outcome

__all__ = ["Answers"]

_MOST = 32 << 20  # bytes: some forty thousand answers of five predictions
_EACH = 500  # bytes that Python takes for an entry, about


class Answers:
    """Outcomes by their texts."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._kept: OrderedDict[str, Outcome] = OrderedDict()
        self._size = 0

    def get(self, text: str) -> Outcome | None:
        """Return the outcome of an equal text, if it is still there."""
        if text not in self._kept:
            return None
        self._kept.move_to_end(text)
        return self._kept[text]

    def keep(self, text: str, came: Outcome) -> None:
        """Keep an outcome that asking again would not change."""
        if not came.lasting or text in self._kept:
            return
        self._kept[text] = came
        self._size += _size(text, came)
        while self._size > self._most:
            self._size -= _size(*self._kept.popitem(last=False))


def _size(text: str, came: Outcome) -> int:
    return _EACH + 2 * len(text) + len(came.masks) + len(came.error)

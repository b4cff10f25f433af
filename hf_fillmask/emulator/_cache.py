"""Answers already given, so that an equal request gets the same bytes again.

Bounded: the answer longest out of use goes first.
"""

from collections import OrderedDict

__all__ = ["AnswerCache"]

_ENTRIES = 1024


class AnswerCache:
    """Bodies of responses by (model, canonical body of the request)."""

    def __init__(self, entries: int = _ENTRIES) -> None:
        self._entries = entries
        self._bodies: OrderedDict[tuple[str, bytes], bytes] = OrderedDict()

    def get(self, key: tuple[str, bytes]) -> bytes | None:
        """Return the body kept under `key`, or None."""
        body = self._bodies.get(key)
        if body is not None:
            self._bodies.move_to_end(key)
        return body

    def put(self, key: tuple[str, bytes], body: bytes) -> None:
        """Keep `body` under `key`."""
        self._bodies[key] = body
        if len(self._bodies) > self._entries:
            self._bodies.popitem(last=False)

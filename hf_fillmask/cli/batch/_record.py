"""A row of the output: what became of a row of the input, as a line of JSON, and the line's way back.

Rule: plain functions on values. The fields stand in the order of `FIELDS`: a line can be judged by its beginning.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from ..._errors import BadRequestError, FillMaskError, MaskNotFoundError
from ..._values import BatchItem
from .._lines import error_fields
from ._encode import encoded, encoded_masks
from ._rows import Row

__all__ = ["Outcome", "invalid", "judged", "line", "outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a text: its `masks` and `error` as JSON, one of them null; `lasting` if asking again is no use."""

    masks: bytes = b"null"
    error: bytes = b"null"
    request_id: str | None = None
    attempts: int = 0
    failure: FillMaskError | None = None
    lasting: bool = True

    @property
    def failed(self) -> bool:
        """Whether there is no result."""
        return self.masks == b"null"

    def shared(self) -> Outcome:
        """Give the outcome of another row with the same text: nothing was sent for that one."""
        return replace(self, attempts=0)


def outcome(item: BatchItem) -> Outcome:
    """Take an item of the client's stream apart."""
    if item.result is not None:
        return Outcome(
            encoded_masks(item.result.masks), request_id=item.result.request_id, attempts=item.result.attempts
        )
    error: Any = item.error
    told = encoded(error_fields(error))
    lasting = isinstance(error, (BadRequestError, MaskNotFoundError))
    request_id = getattr(error, "request_id", None)
    return Outcome(
        error=told, request_id=request_id, attempts=error.attempts, failure=error.with_traceback(None), lasting=lasting
    )


def invalid(problem: str) -> Outcome:
    """Give the outcome of a row that could not be read, and was not asked."""
    return Outcome(error=encoded({"type": "InputError", "message": problem, "status_code": None}))


def line(row: Row, came: Outcome) -> bytes:
    """Write the line of `row`, its end included."""
    return b'{"id":%b,"index":%d,"inputs":%b,"masks":%b,"error":%b,"request_id":%b,"attempts":%d%b}\n' % (
        row.id,
        row.index,
        encoded(row.inputs),
        came.masks,
        came.error,
        encoded(came.request_id),
        came.attempts,
        row.kept,
    )


_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_HEAD = rb'\{"id":(?:-?\d+|%b),"index":(\d+),"inputs":(?:null|%b),"masks":' % (_STRING, _STRING)
_TAIL = rb',"request_id":(?:null|%b),"attempts":\d+(?:,.*)?\}' % _STRING
_OURS = re.compile(_HEAD + rb'(?:(null),"error":\{.*\}|\[.*\],"error":null)' + _TAIL, re.DOTALL)


def judged(text: bytes) -> tuple[int, bool] | None:
    """Read of a line, without its end, which row it is of and whether that is done; None if it is no row of ours."""
    ours = _OURS.fullmatch(text)
    if ours is not None and b"\0" not in text:  # a crash of the machine may leave zeros
        return int(ours[1]), ours[2] is None
    try:
        row = json.loads(text)
        index, masks = row["index"], row["masks"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return (index, masks is not None) if type(index) is int and index >= 0 else None

"""Values as JSON in bytes.

Rule: every JSON parser can read what is written: UTF-8, a lone surrogate as its escape, a number that is none as null.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable
from json.encoder import encode_basestring as quoted
from typing import Any

from ..._values import Prediction

__all__ = ["encoded", "encoded_masks"]


def encoded(value: Any) -> bytes:
    """Give `value` as JSON without spaces; of what JSON lacks, dates are in ISO format and bytes in base64."""
    # Most are one of these; an encoder of json's takes four times as long to begin.
    if type(value) is str:
        return quoted(value).encode("utf-8", "backslashreplace")
    if type(value) is int:
        return b"%d" % value
    try:
        text = _strict.encode(value)
    except ValueError:  # NaN or an infinity
        text = _strict.encode(_finite(value))
    # Within a JSON string, Python's escape of a lone surrogate is JSON's escape, too.
    return text.encode("utf-8", "backslashreplace")


def encoded_masks(masks: Iterable[Iterable[Prediction]]) -> bytes:
    """Give the predictions of each mask as JSON; written by hand, for they are most of what is written."""
    text = ",".join([f"[{','.join([_prediction(prediction) for prediction in mask])}]" for mask in masks])
    return f"[{text}]".encode("utf-8", "backslashreplace")


def _prediction(prediction: Prediction) -> str:
    score = repr(prediction.score) if math.isfinite(prediction.score) else "null"
    token_str, sequence = quoted(prediction.token_str), quoted(prediction.sequence)
    return f'{{"score":{score},"token":{prediction.token},"token_str":{token_str},"sequence":{sequence}}}'


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


_strict = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)

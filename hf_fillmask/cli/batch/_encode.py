"""Values as JSON in bytes.

Rule: what is written can be read by every JSON parser: UTF-8, a lone surrogate as its escape, a number that is none as null.
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any

__all__ = ["encoded"]


def encoded(value: Any) -> bytes:
    """Give `value` as JSON without spaces; of what JSON lacks, dates are in ISO format and bytes in base64."""
    try:
        text = _strict.encode(value)
    except ValueError:  # NaN or an infinity
        text = _strict.encode(_finite(value))
    # Within a JSON string, Python's escape of a lone surrogate is JSON's escape, too.
    return text.encode("utf-8", "backslashreplace")


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

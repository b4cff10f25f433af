"""Output for programs: one JSON object a line.

Rule: a line is valid JSON in whatever encoding the stream has, and holds nothing that steers a terminal.
"""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from .._errors import FillMaskError
from ._errors import Failure
from ._terminal import shown

__all__ = ["error_fields", "error_line", "write_line"]


def write_line(value: dict[str, Any]) -> None:
    """Write `value` to standard output, at once."""
    stream: TextIO | None = sys.stdout
    if stream is None:
        raise Failure("standard output is closed")
    stream.write(f"{_encoded(value, stream.encoding)}\n")
    stream.flush()


def error_line(inputs: str, model: str, error: FillMaskError) -> dict[str, Any]:
    """Give what stands in the place of a text's result when there is none."""
    return {"inputs": inputs, "model": model, "error": error_fields(error)}


def error_fields(error: FillMaskError) -> dict[str, Any]:
    """Give an error as programs read it, here and in the output of a batch; null is the status of no answer."""
    return {
        "type": type(error).__name__,
        "message": error.message,
        "status_code": getattr(error, "status_code", None),
    }


def _encoded(value: dict[str, Any], encoding: str) -> str:
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode(encoding)
    except UnicodeEncodeError:  # a lone surrogate, or an encoding that is not Unicode's
        return json.dumps(value)
    return line if shown(line) == line else json.dumps(value)

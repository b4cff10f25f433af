"""What a request's head and body say, read as the real servers read them.

Pure: strings and bytes in, values out, or a refusal with its status and text.
"""

import hmac
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from ._answers import RefusedError

__all__ = ["authorization_error", "body_of", "canonical", "hold_seconds", "request_id", "uses_cache"]

_ANY_TOKEN = re.compile(rb"Bearer hf_\S+")
_REQUEST_ID = re.compile(r"[\w.:/=+-]{1,128}", re.ASCII)
_SECONDS = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_JSON_TYPES = (None, "application/json", "application/json; charset=UTF-8")
_CONTENT_TYPES = (
    "application/json, application/json; charset=UTF-8, text/csv, text/plain, image/png, image/jpeg, image/jpg, "
    "image/tiff, image/bmp, image/gif, image/webp, image/x-image, audio/x-flac, audio/flac, audio/mpeg, "
    "audio/x-mpeg-3, audio/wave, audio/wav, audio/x-wav, audio/ogg, audio/x-audio, audio/webm, "
    "audio/webm;codecs=opus, audio/AMR, audio/amr, audio/AMR-WB, audio/AMR-WB+, audio/m4a, audio/x-m4a"
)


def authorization_error(authorization: str | None, token: str | None, *, required: bool) -> str | None:
    """Return the error text of a 401, or None when the caller may pass.

    With a `token`, the header must be exactly `Bearer <token>`; without, anything like `Bearer hf_…` will do. Unless it
    is `required`, no header is fine.
    """
    if authorization is None:
        return "Invalid username or password." if required else None
    given = authorization.encode("latin-1")
    if token is None:
        fits = _ANY_TOKEN.fullmatch(given) is not None
    else:
        # In constant time: how long a refusal takes tells nothing about the token.
        fits = hmac.compare_digest(given, b"Bearer " + token.encode())
    return None if fits else "Invalid credentials in Authorization header"


def hold_seconds(headers: Mapping[str, str]) -> float:
    """Return how long the caller lets itself be held for a cold model: 0 not at all, infinity until it is warm.

    `X-Scale-Up-Timeout` bounds `x-wait-for-model` when both are sent. A value that is no whole number is ignored.
    """
    limit = headers.get("x-scale-up-timeout", "").strip()
    if _SECONDS.fullmatch(limit):
        return float(limit)
    waits = headers.get("x-wait-for-model", "").strip().lower() == "true"
    return math.inf if waits else 0.0


def uses_cache(headers: Mapping[str, str]) -> bool:
    """Say whether the answer cache may be used: unless `x-use-cache` is `false`."""
    return headers.get("x-use-cache", "").strip().lower() != "false"


def request_id(given: str | None, fresh: str) -> str:
    """Return the `given` id if it may stand in a header and a log, else the `fresh` one."""
    return given if given is not None and _REQUEST_ID.fullmatch(given) else fresh


def body_of(content_type: str | None, content: bytes) -> dict[str, Any]:
    """Return the JSON object in `content`, which has "inputs".

    Raises:
        RefusedError: any other type than exactly `application/json` (or none), no JSON, or no inputs.
    """
    if content_type not in _JSON_TYPES:
        # Indented as the toolkit sends it.
        raise RefusedError(
            f'\n                Content type "{content_type}" not supported.'
            f"\n                Supported content types are:\n                {_CONTENT_TYPES}\n            "
        )
    body = _parsed(content)
    if not isinstance(body, dict) or "inputs" not in body:
        raise RefusedError(f"Body needs to provide a inputs key, received: {canonical(body)!r}")
    return body


def canonical(body: object) -> bytes:
    """Return `body` as JSON that is equal for equal values."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _parsed(content: bytes) -> object:
    try:
        text = content.decode()
        body: object = json.loads(text, parse_constant=_no_constant, parse_int=_number)
        canonical(body)  # half a surrogate pair could not be sent back
    except json.JSONDecodeError as error:
        raise RefusedError(_syntax_error(error)) from None
    except (ValueError, RecursionError):
        raise RefusedError("unexpected character: line 1 column 1 (char 0)") from None
    return body


def _syntax_error(error: json.JSONDecodeError) -> str:
    """Say `error` in the words of orjson, which the toolkit reads JSON with."""
    if not error.doc.strip():
        return "Input is a zero-length, empty document: line 1 column 1 (char 0)"
    text = error.doc.rstrip()
    cut = error.pos >= len(text) or error.msg.startswith("Unterminated string")
    if not cut:
        return f"unexpected character: line {error.lineno} column {error.colno} (char {error.pos})"
    line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    return f"unexpected end of data: line {line} column {column} (char {len(text)})"


def _number(digits: str) -> int | float:
    """Read a whole number as orjson does: beyond 64 bits it is a float."""
    number = int(digits)
    return number if -(2**63) <= number < 2**64 else float(digits)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")

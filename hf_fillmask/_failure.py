"""What an HTTP answer that is not a result means: the one place where a status becomes an error.

Rule: pure. Be lenient with the body (JSON of many shapes, text, HTML, nothing), strict with the class.
Source: docs/reference/wire.md, "Errors"; each shape was recorded or reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from . import _errors as errors
from ._exchange import Request, Response
from ._retry_after import number, retry_after

__all__ = ["error_of", "estimated_time_of", "request_id_of"]

_NO_MASK = re.compile(r"No mask_token \((.{1,64}?)\) found on the input")
_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{1,500})</title>", re.IGNORECASE)
_PAUSED = re.compile(r"endpoint is paused|invalid state", re.IGNORECASE)
_BAD_TOKEN = re.compile(r"token seems invalid", re.IGNORECASE)
_LONGEST_MESSAGE = 10_000  # characters; the body has the rest

_CLASSES: dict[int, Callable[..., errors.APIError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.CreditsExhaustedError,
    403: errors.PermissionDeniedError,
    404: errors.ModelNotFoundError,
    410: errors.GoneError,
    413: errors.BadRequestError,
    422: errors.BadRequestError,
}


@dataclass(frozen=True, slots=True)
class Told:
    """What the body of an error tells: its message, its warnings, the estimate of a loading model."""

    message: str = ""
    warnings: tuple[str, ...] = ()
    estimated_time: float | None = None


def error_of(request: Request, response: Response) -> errors.APIError:
    """Return the error that `response` means; its class by the status and, where servers misuse it, by the words."""
    told = _read(response)
    answer = {
        "status_code": response.status_code,
        "model": request.model,
        "attempts": response.attempts,
        "body": response.body,
        "headers": response.headers,
        "request_id": request_id_of(response),
        "warnings": told.warnings,
    }
    said = " ".join((told.message, *told.warnings))[: 4 * _LONGEST_MESSAGE]
    if mask := _NO_MASK.search(said):
        return errors.MaskNotFoundError(told.message, mask_token=mask[1], **answer)
    if _is_loading(request, response):
        return _loading_error(response, told, answer)
    if response.status_code == 429:
        return errors.RateLimitError(told.message, retry_after=retry_after(response.headers), **answer)
    return _class_of(response.status_code, said)(told.message, **answer)


def request_id_of(response: Response) -> str | None:
    """Return the id under which the server, or the proxy before it, knows this request."""
    names = ("x-request-id", "x-amzn-trace-id", "x-amz-cf-id")
    return next((response.headers[name] for name in names if response.headers.get(name)), None)


def estimated_time_of(response: Response) -> float | None:
    """Return the server's guess, in seconds, of how long its model will load; None if it gave none."""
    return _read(response).estimated_time


def _is_loading(request: Request, response: Response) -> bool:
    """Any 503 of a model counts, and the 504 that ends the attempt that waits; the Hub's own 503 does not."""
    ended_wait = response.status_code == 504 and response.cold is not None
    return request.method == "POST" and (response.status_code == 503 or ended_wait)


def _loading_error(response: Response, told: Told, answer: dict[str, Any]) -> errors.ModelLoadingError:
    first = _read(response.cold) if response.cold else told
    estimated_time = told.estimated_time if first.estimated_time is None else first.estimated_time
    message = f"{told.message} (the wait ended without an answer)" if response.wait_expired else told.message
    return errors.ModelLoadingError(message, estimated_time=estimated_time, waited=response.waited, **answer)


def _class_of(status: int, said: str) -> Callable[..., errors.APIError]:
    if status == 400 and _PAUSED.search(said):
        return errors.EndpointPausedError
    if status == 400 and _BAD_TOKEN.search(said):
        return errors.AuthenticationError
    return _CLASSES.get(status, errors.ServerError if 500 <= status < 600 else errors.APIError)


def _read(response: Response) -> Told:
    try:
        return _told(json.loads(response.body), response)
    except (ValueError, RecursionError):  # no JSON, or nested too deeply to be read or to be written again
        return Told(_readable(response))


def _told(body: object, response: Response) -> Told:
    if not isinstance(body, dict):
        return Told(_one_line(body) or _readable(response))
    message = next(filter(str.strip, (_one_line(body.get(key)) for key in ("error", "message", "detail"))), "")
    warnings = body.get("warnings")
    listed = warnings if isinstance(warnings, list) else [warnings]
    return Told(
        message=message or _readable(response),
        warnings=tuple(filter(None, map(_one_line, listed))),
        estimated_time=number(body.get("estimated_time")),
    )


def _one_line(value: object) -> str:
    """Put what a server wrote under ``error`` into words: a text, a list of them, or an object with a message."""
    if isinstance(value, str):
        return value[:_LONGEST_MESSAGE]
    if isinstance(value, list):
        return "; ".join(filter(None, map(_words, value)))[:_LONGEST_MESSAGE]
    return _words(value)


def _words(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("message") or value.get("msg") or value
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value)[:_LONGEST_MESSAGE]


def _readable(response: Response) -> str:
    """Word an answer that is no JSON object: a page's title, the text, the target of a redirect, or the status."""
    if 300 <= response.status_code < 400 and "location" in response.headers:
        return f"redirect to {response.headers['location']}, which is not followed"
    text = response.body[: 4 * _LONGEST_MESSAGE].decode("utf-8", "replace").strip()
    title = _TITLE.search(text)
    if title and title[1].strip():
        return " ".join(title[1].split())
    if text.startswith("<") or not text:
        return _phrase(response.status_code)
    return text[:_LONGEST_MESSAGE]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "a status without a name"

"""The errors: one tree, so that ``except FillMaskError`` catches whatever a call can end in.

::

    FillMaskError
    ├─ TransportError             no HTTP answer; ``__cause__`` is the library's error
    │  ├─ ConnectError            no connection, or one reset or closed before an answer
    │  │  └─ CutAnswerError       closed in the middle of a body (a ProtocolError too)
    │  ├─ RequestTimeoutError     one attempt took longer than ``timeout`` (a TimeoutError too)
    │  └─ ProtocolError           a cut body, bad gzip, a body that is too large
    ├─ DeadlineExceededError      the whole call took longer than ``deadline`` (a TimeoutError too)
    ├─ APIError                   an HTTP answer that is not a result; other statuses
    │  ├─ BadRequestError         400, 413, 422
    │  ├─ MaskNotFoundError       no mask in the text, whatever the status; ``.mask_token``
    │  ├─ EndpointPausedError     400 of an endpoint that somebody paused
    │  ├─ AuthenticationError     401, and the 400 that says so
    │  ├─ CreditsExhaustedError   402
    │  ├─ PermissionDeniedError   403
    │  ├─ ModelNotFoundError      404
    │  ├─ GoneError               410
    │  ├─ RateLimitError          429; ``.retry_after``
    │  ├─ ModelLoadingError       503 after the one retry; ``.estimated_time``, ``.waited``
    │  └─ ServerError             500 and the other 5xx
    ├─ DecodeError                a 200 that is not the documented shape; ``.body``
    └─ MultipleMasksError         one mask's view of a result with several (a ValueError too)

Rules: every error says what happened, to which model and what to do next; every one pickles; none carries the token.
Wrong use is no member of the tree: it is a ValueError, TypeError or RuntimeError, raised before anything is sent.
Source of what each status means: what servers were seen to answer, docs/reference/wire.md, "Errors".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "APIError",
    "AuthenticationError",
    "BadRequestError",
    "ConnectError",
    "CreditsExhaustedError",
    "CutAnswerError",
    "DeadlineExceededError",
    "DecodeError",
    "EndpointPausedError",
    "FillMaskError",
    "GoneError",
    "MaskNotFoundError",
    "ModelLoadingError",
    "ModelNotFoundError",
    "MultipleMasksError",
    "PermissionDeniedError",
    "ProtocolError",
    "RateLimitError",
    "RequestTimeoutError",
    "ServerError",
    "TransportError",
]

_SHOWN = 400  # characters of a server's message that the error's text shows; ``.message`` has all of it


def _line(text: str) -> str:
    """Put words of others on one line, and leave out what could command a terminal."""
    return "".join(each if each.isprintable() else " " for each in text)


def _revive(cls: type[FillMaskError], args: tuple[Any, ...], state: dict[str, Any]) -> FillMaskError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class FillMaskError(Exception):
    """The root of all errors of a call.

    Attributes: ``message`` what happened, ``model`` to which model (None if there is none to name), ``attempts`` the
    HTTP exchanges that were made for the call.
    """

    _hint = ""

    def __init__(self, message: str, *, model: str | None = None, attempts: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.model = model
        self.attempts = attempts

    @property
    def hint(self) -> str:
        """What to do next, as one sentence or two; empty if there is nothing to say."""
        return self._hint

    @property
    def summary(self) -> str:
        """What happened, to which model, on one line and without the hint."""
        return _line(f"{self.model}: {self.message}" if self.model else self.message)

    def __str__(self) -> str:
        summary, hint = self.summary, self.hint
        stop = "" if summary.endswith((".", "!", "?", "…")) else "."
        return f"{summary}{stop} {hint}" if hint else summary

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions with keyword-only arguments do not unpickle by themselves.
        return _revive, (type(self), self.args, self.__dict__)


class TransportError(FillMaskError):
    """No HTTP answer came back; ``__cause__`` is the HTTP library's own error."""


class ConnectError(TransportError):
    """There was no connection, or it was reset or closed before an answer was whole."""

    _hint = "Check the address, the network and the proxy settings; the request can be sent again."


class RequestTimeoutError(TransportError, TimeoutError):
    """One attempt took longer than ``timeout``, a dripping body included."""

    _hint = "Raise timeout= if the model is known to be slow."


class ProtocolError(TransportError):
    """The answer broke the rules of HTTP, could not be unpacked or was too large."""

    _hint = "Something between here and the model does not speak HTTP properly; a proxy is the usual suspect."


class CutAnswerError(ConnectError, ProtocolError):
    """The connection was closed in the middle of a body: a lost connection and a broken answer in one."""

    _hint = "The connection was lost while the answer came in; the request can be sent again."


class DeadlineExceededError(FillMaskError, TimeoutError):
    """The whole call, queueing and waiting included, took longer than ``deadline``."""

    _hint = "Raise deadline= or leave it out; a cold model may need minutes."


class APIError(FillMaskError):
    """The server answered, and the answer is not a result.

    Attributes: ``status_code`` (None for a mask error that was raised without asking), ``message`` as the server
    worded it, ``warnings`` (tuple of str), ``body`` (bytes as received), ``headers`` (names in lower case),
    ``request_id`` and ``model``.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None,
        model: str | None = None,
        attempts: int = 0,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        request_id: str | None = None,
        warnings: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, model=model, attempts=attempts)
        self.status_code = status_code
        self.body = body
        self.headers = dict(headers or {})
        self.request_id = request_id
        self.warnings = warnings

    @property
    def summary(self) -> str:
        """What the server answered, for which model, on one line and without the hint."""
        told = " | ".join((self.message, *(text for text in self.warnings if text != self.message)))
        told = " ".join(_line(told).split())
        shown = told if len(told) <= _SHOWN else f"{told[:_SHOWN]}…"
        status = "" if self.status_code is None else f"HTTP {self.status_code}: "
        request_id = f" (request id {self.request_id})" if self.request_id else ""
        model = f"{self.model}: " if self.model else ""
        return _line(f"{model}{status}{shown}{request_id}")


class BadRequestError(APIError):
    """400, 413 or 422: the server does not take this text or these parameters."""

    _hint = "Check the text (its length, too), top_k and targets."


class MaskNotFoundError(APIError):
    """The text holds no mask that this model knows; ``mask_token`` is the one it wants (None if nobody said)."""

    def __init__(self, message: str, *, mask_token: str | None = None, **answer: Any) -> None:
        super().__init__(message, **answer)
        self.mask_token = mask_token

    @property
    def hint(self) -> str:
        """How to write the mask that the model wants."""
        return f"Write {self.mask_token or 'the mask token of the model'} (or {{mask}}) where the word is missing."


class EndpointPausedError(APIError):
    """400: somebody paused this Inference Endpoint; no retry will start it."""

    _hint = "Ask a maintainer of the endpoint to resume it."


class AuthenticationError(APIError):
    """401, or the 400 that says so: no token, or one that the server does not accept."""

    _hint = "Set HF_TOKEN (or pass token=) to a valid token of https://huggingface.co/settings/tokens."


class CreditsExhaustedError(APIError):
    """402: the credits of this month are used up."""

    _hint = "See https://huggingface.co/settings/billing."


class PermissionDeniedError(APIError):
    """403: the token may not do this, or the model is gated."""

    _hint = "Give the token the permission to call Inference Providers, or ask for access on the model's page."


class ModelNotFoundError(APIError):
    """404: there is no such model at this address."""

    _hint = "Check the model id and the base URL."


class GoneError(APIError):
    """410: this host or this model is no longer served."""

    _hint = "Use https://router.huggingface.co/hf-inference, or another model."


class RateLimitError(APIError):
    """429: too many requests; ``retry_after`` is the server's advice in seconds (None if it gave none)."""

    def __init__(self, message: str, *, retry_after: float | None = None, **answer: Any) -> None:
        super().__init__(message, **answer)
        self.retry_after = retry_after

    @property
    def hint(self) -> str:
        """How long to wait."""
        if self.retry_after is None:
            return "Send fewer requests at a time, and try again later."
        return f"Try again in {self.retry_after:g} s, with fewer requests at a time."


class ModelLoadingError(APIError):
    """503, even after the one retry that waits (or at once with ``cold_start="raise"``).

    Attributes: ``estimated_time`` (seconds, the server's guess in its first answer; None if it gave none) and
    ``waited`` (seconds spent on the cold start).
    """

    def __init__(
        self, message: str, *, estimated_time: float | None = None, waited: float = 0.0, **answer: Any
    ) -> None:
        super().__init__(message, **answer)
        self.estimated_time = estimated_time
        self.waited = waited

    @property
    def hint(self) -> str:
        """How long was waited, what the server guessed, and what to do."""
        waited = f"Waited {self.waited:.1f} s" if self.waited else "Did not wait"
        guess = "" if self.estimated_time is None else f" (the server's estimate: {self.estimated_time:g} s)"
        # A server that refuses to wait at once will not wait longer for a longer timeout.
        more = ", or raise cold_start_timeout=" if self.waited >= 0.1 else ""
        return f"{waited}{guess}. Try again later{more}."


class ServerError(APIError):
    """500 or another 5xx: the server failed at this request."""

    _hint = "If the text is not too long for the model, try again later."


class DecodeError(FillMaskError):
    """A 200 whose body is not the documented shape.

    Attributes: ``body`` (bytes as received) and ``request_id``.
    """

    _hint = "The server does not answer as a fill-mask model; check the model's task and the address."

    def __init__(
        self,
        message: str,
        *,
        body: bytes = b"",
        model: str | None = None,
        attempts: int = 0,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, model=model, attempts=attempts)
        self.body = body
        self.request_id = request_id


class MultipleMasksError(FillMaskError, ValueError):
    """The sequence view of a result was read, but the text has several masks."""

    _hint = "Read result.masks: one tuple of predictions a mask, in text order."

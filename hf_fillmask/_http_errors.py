"""What the HTTP library's errors mean, and how they are cleaned of the token before a user sees them.

Rule: imports no HTTP library. httpx, its continuation httpx2 and aiohttp are looked up among the modules that the
program has loaded anyway: the first two share their names, not their types.
"""

from __future__ import annotations

import sys
from types import ModuleType

from ._errors import ConnectError, CutAnswerError, ProtocolError, RequestTimeoutError, TransportError
from ._exchange import Request

__all__ = ["translated"]


def _libraries() -> list[ModuleType]:
    return [sys.modules[name] for name in ("httpx", "httpx2") if name in sys.modules]


def translated(error: Exception, request: Request, *, reading: bool) -> TransportError | ValueError | None:
    """Return our error for the library's; None for what is no failure of the transport (a bug, a closed client).

    Neither it nor its cause has frames that held a header or a raw body.
    """
    if isinstance(error, TransportError):
        return error.with_traceback(None)
    failure = _named(error, request, reading=reading)
    if failure is not None:
        failure.__cause__ = _scrubbed(error)
    return failure


def _named(error: Exception, request: Request, *, reading: bool) -> TransportError | ValueError | None:
    text = " ".join(str(error).split()) or type(error).__name__
    for library in _libraries():
        # We set the library no time limits: a timeout to connect is what httpx-aiohttp makes of a lost connection.
        if isinstance(error, (library.NetworkError, library.ProxyError, library.ConnectTimeout)):
            what = "the connection was lost" if reading else f"no answer from {request.origin}"
            return ConnectError(f"{what}: {text}", model=request.model)
        if isinstance(error, library.TimeoutException):
            return RequestTimeoutError(f"the HTTP client gave up: {text}", model=request.model)
        if isinstance(error, (library.ProtocolError, library.DecodingError)):
            return _protocol_error(text, request, reading=reading)
        if isinstance(error, library.InvalidURL):
            return ValueError(f"{request.url} is not a valid address: {text}")
    return _nameless(error, text, request)


def _nameless(error: Exception, text: str, request: Request) -> TransportError | None:
    if _is_aiohttp_error(error):
        return ProtocolError(f"the answer is not proper HTTP: {_message(error)}", model=request.model)
    if isinstance(error, OSError):
        return ConnectError(f"no answer from {request.origin}: {text}", model=request.model)
    return None


def _message(error: BaseException) -> str:
    """Word an error of aiohttp without what its own text would show: the request."""
    return " ".join(str(getattr(error, "message", "") or type(error).__name__).split())


def _is_aiohttp_error(error: Exception) -> bool:
    """Whether httpx-aiohttp let an error through that it has no name for: an answer that aiohttp cannot parse."""
    aiohttp = sys.modules.get("aiohttp")
    return aiohttp is not None and isinstance(error, aiohttp.ClientError)


def _protocol_error(text: str, request: Request, *, reading: bool) -> TransportError:
    if reading and "closed" in text:
        return CutAnswerError(f"the answer was cut short: {text}", model=request.model)
    if not reading and "disconnected" in text:
        return ConnectError(f"the connection was closed before an answer: {text}", model=request.model)
    return ProtocolError(f"the answer is not proper HTTP: {text}", model=request.model)


def _scrubbed(error: BaseException) -> BaseException:
    """Take out of the library's error what may show the token: its request's header, and the frames that held it."""
    if hasattr(error, "request_info"):  # aiohttp's, which holds the headers as they were sent
        return OSError(f"{type(error).__name__}: {_message(error)}")
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        sent = getattr(link, "_request", None)
        if sent is not None:
            sent.headers.pop("authorization", None)
        link = link.__cause__ or link.__context__
    return error

"""Answers that break: cut in the middle, never begun, or reset.

Rule: says what is to happen to the connection, and not how; that is the server's to do. A server of this package tells
the application about it in the ASGI scope's `extensions`: under `EXTENSION` there is a `Connection`.
"""

from typing import Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ._faults import Break

__all__ = ["EXTENSION", "Connection", "broken"]

EXTENSION = "hf_fillmask.connection"


class Connection(Protocol):
    """The connection that a request came on."""

    def close(self) -> None:
        """Close it after what was sent."""

    def reset(self) -> None:
        """Drop it, and what was not yet sent."""


def broken(response: Response, how: Break) -> Response:
    """Return an answer that breaks as `how` says; of a cut one, the first half of `response` arrives."""
    return _Broken(response, how)


class _Broken(Response):
    def __init__(self, response: Response, how: Break) -> None:
        super().__init__(response.body, response.status_code)
        self.raw_headers = response.raw_headers
        self._how = how

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._how is Break.RESET:
            _connection(scope).reset()
        elif self._how is Break.CUT:
            connection = _connection(scope)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            half = bytes(self.body[: len(self.body) // 2])
            await send({"type": "http.response.body", "body": half, "more_body": True})
            connection.close()
        # Whoever returns before the client is gone is taken for a broken application.
        while (await receive())["type"] != "http.disconnect":
            pass


def _connection(scope: Scope) -> Connection:
    try:
        connection: Connection = scope["extensions"][EXTENSION]
    except KeyError:
        raise RuntimeError(
            "this server cannot cut or reset a connection; use serving(), run() or FillMaskEmulator"
        ) from None
    return connection

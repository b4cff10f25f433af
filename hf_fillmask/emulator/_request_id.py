"""Every answer names its request: the `x-request-id` the caller sent, if it is sane, or a new one.

So does the one to a request that the application failed at: it is a 500, and the error goes on to the server's log.
"""

import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ._requests import request_id

__all__ = ["RequestIdMiddleware"]


class RequestIdMiddleware:
    """Put `x-request-id` on each answer of `app` that has none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and put the header on its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        own_id = request_id(Headers(scope=scope).get("x-request-id"), str(uuid.uuid4()))
        begun = False

        async def send_with_id(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message).setdefault("x-request-id", own_id)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            if not begun:
                await _unknown_error(error)(scope, receive, send_with_id)
            raise


def _unknown_error(error: Exception) -> JSONResponse:
    """Answer as api-inference-community does when the model's code fails."""
    warning = f"There was an inference error: {type(error).__name__}: {error}"
    return JSONResponse({"error": "unknown error", "warnings": [warning]}, 500)

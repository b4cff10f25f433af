"""Every answer names its request: the `x-request-id` the caller sent, if it is sane, or a new one."""

import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ._requests import request_id

__all__ = ["RequestIdMiddleware"]


class RequestIdMiddleware:
    """Put `x-request-id` on each answer of `app`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and put the header on its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        own_id = request_id(Headers(scope=scope).get("x-request-id"), str(uuid.uuid4()))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = own_id
            await send(message)

        await self._app(scope, receive, send_with_id)

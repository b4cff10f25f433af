"""The routes: a request in, the pure modules asked, their answer sent. No rule of the wire is decided here."""

import json
from typing import cast

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ._breaking import broken
from ._faults import Answer, Break, Cold, Scripted
from ._hub import model_info, model_list
from ._inference import Inference
from ._received import received
from ._request_id import RequestIdMiddleware
from ._requests import authorization_error, hold_seconds
from ._script import Script
from ._served import LoadError, Models

__all__ = ["Service"]

_MAX_BODY = 2_000_000
"""Bytes of a request, the default of Hugging Face's text-embeddings-inference (``--payload-limit``): more is a 413."""


class Service:
    """What the routes lead to, and the handles by which a test moves it.

    With `remembers` the script keeps each request, for a test to look at; a server that runs for days must not.
    """

    def __init__(self, models: Models, *, token: str | None, remembers: bool = False) -> None:
        if token == "":
            raise ValueError("token must not be empty; None lets everyone in")
        self._models = models
        self._token = token
        self._remembers = remembers
        self.script = Script()
        self.inference = Inference()

    def app(self) -> Starlette:
        """Return the application; its `state.model` is the id that `POST /` asks."""
        app = Starlette(
            routes=self.routes(),
            middleware=[Middleware(RequestIdMiddleware)],
            exception_handlers={HTTPException: _http_error, LoadError: _load_error},
        )
        app.state.model = self._models.default
        return app

    def apply(self, scripted: Scripted) -> None:
        """Let happen what was scripted: a cold start at once, anything else when its turn comes.

        Raises:
            ValueError: a cold start of models that load as they do.
        """
        if isinstance(scripted.what, Cold):
            self._models.cool(scripted.model, scripted.what.seconds)
        else:
            self.script.add(scripted.what, scripted.times, scripted.model)

    def routes(self) -> list[Route]:
        return [
            Route("/", self.about),
            Route("/", self.predict, methods=["POST"]),
            Route("/predict", self.predict, methods=["POST"]),
            Route("/models/{model:path}", self.predict, methods=["POST"]),
            Route("/hf-inference/models/{model:path}", self.predict, methods=["POST"]),
            Route("/api/models", self.hub_list),
            Route("/api/models/{model:path}", self.hub),
        ]

    async def about(self, _: Request) -> Response:
        about = "a local server that speaks Hugging Face's fill-mask API"
        return JSONResponse({"emulator": "hf_fillmask", "about": about, "model": self._models.default})

    async def hub(self, request: Request) -> Response:
        model = request.path_params["model"]
        # The Hub shows public models to anyone, but refuses a token it does not know.
        if error := authorization_error(request.headers.get("authorization"), self._token, required=False):
            return _error(401, error)
        if today := self._models.renamed(model):
            location = request.url.replace(scheme="", netloc="", path=f"/api/models/{today}")
            return RedirectResponse(str(location))
        if not self._models.exists(model):
            return _error(404, "Repository not found")
        mask, warm = await self._models.mask_token(model), self._models.is_warm(model)
        return JSONResponse(model_info(model, mask, warm=warm, expand=_expanded(request)))

    async def hub_list(self, request: Request) -> Response:
        if error := authorization_error(request.headers.get("authorization"), self._token, required=False):
            return _error(401, error)
        masks = {model: await self._models.mask_token(model) for model in self._models.listed}
        warm = set(filter(self._models.is_warm, masks))
        page, cursor = model_list(request.query_params, masks, warm=warm, expand=_expanded(request))
        following = request.url.include_query_params(cursor=cursor)
        return JSONResponse(page, headers={} if cursor is None else {"link": f'<{following}>; rel="next"'})

    async def predict(self, request: Request) -> Response:
        model = request.path_params.get("model", self._models.default)
        try:
            content = await _content(request)
        except ClientDisconnect:
            return Response(status_code=499)  # which nobody reads
        if content is None:
            return _error(413, f"Failed to buffer the request body: length limit exceeded ({_MAX_BODY} bytes)")
        if self._remembers:
            self.script.note(received(model, request.headers, content))
        seconds, fault = self.script.take(model)
        await anyio.sleep(seconds)
        if isinstance(fault, Answer):
            body = fault.content(model)
            return Response(body, fault.status, dict(fault.headers), _media_type(body))
        if fault in (Break.STALL, Break.RESET):
            return broken(Response(), fault)
        try:
            response = await self._judged(model, request, content)
        except LoadError as error:
            response = await _load_error(request, error)  # made here, so that it can be cut as any other
        return response if fault is None else broken(response, fault)

    async def _judged(self, model: str, request: Request, content: bytes) -> Response:
        required = self._token is not None
        if error := authorization_error(request.headers.get("authorization"), self._token, required=required):
            return _error(401, error)
        if not self._models.exists(model):
            return _error(404, f"Model {model} does not exist")
        loaded = await self._models.loaded(model, hold_seconds(request.headers))
        if loaded is None:
            seconds = self._models.estimated_time(model)
            loading = {"error": f"Model {model} is currently loading", "estimated_time": seconds}
            return JSONResponse(loading, 503)
        return await self.inference.computed(model, request.headers, content, loaded)


def _expanded(request: Request) -> list[str]:
    return [value for name, value in request.query_params.multi_items() if name in ("expand", "expand[]")]


async def _content(request: Request) -> bytes | None:
    """Read the body, whatever its size: who breaks off would reset the connection that its answer goes over.

    None is one that is too large; it is not kept.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size <= _MAX_BODY:
            parts.append(part)
    return b"".join(parts) if size <= _MAX_BODY else None


def _media_type(content: bytes) -> str:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return "text/plain"
    return "application/json"


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)


async def _http_error(_: Request, error: Exception) -> Response:
    # Starlette's type for handlers is wider than what this one is registered for.
    refused = cast("HTTPException", error)
    return JSONResponse({"error": refused.detail}, refused.status_code, refused.headers)


async def _load_error(_: Request, error: Exception) -> Response:
    return _error(500, str(error))

"""The routes: a request in, the pure modules asked, their answer sent. No rule of the wire is decided here."""

import json
import os
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ._answers import RefusedError
from ._cache import AnswerCache
from ._choice import chosen_models
from ._hub import model_info, model_list
from ._request_id import RequestIdMiddleware
from ._requests import authorization_error, body_of, canonical, hold_seconds, uses_cache
from ._served import LoadError, Model, Models

__all__ = ["create_app"]


def create_app(
    *,
    load_seconds: float | None = None,
    corpus: str | os.PathLike[str] | None = None,
    token: str | None = None,
    warm: Iterable[str] = (),
    default_model: str | None = None,
    model: str | os.PathLike[str] | None = None,
) -> Starlette:
    """Return an ASGI application that speaks the fill-mask API, with a small masked language model of its own.

    With `model` it is a real one, in transformers' own pipeline (extra `transformers`), which begins to load when it is
    first asked, and is cold for as long as that takes.

    It needs no lifespan, and runs on asyncio and trio: under a server, or in process through `httpx.ASGITransport`.
    `app.state.model` is the id of the model that `POST /` asks.

    Args:
        load_seconds: how long a cold model takes to load, at least; the request that finds it cold gets a 503. None: 3.
        corpus: a UTF-8 text file to learn from, one sentence a line, instead of the sentences in this package.
        token: requests must carry exactly `Authorization: Bearer <token>`. None: any `Bearer hf_…` or no header.
        warm: ids of models that answer from the first request.
        default_model: what `POST /` and `POST /predict` ask, as at a dedicated Inference Endpoint. None:
            google-bert/bert-base-uncased.
        model: a folder with a model, served under its name, or the id of one on the Hub, which transformers downloads;
            `token` alone goes with it.

    Raises:
        OSError: `corpus` cannot be read.
        ValueError: `corpus` is not UTF-8 or holds no sentence, `token` is empty, `load_seconds` negative or not finite,
            `model` no folder and no id, or given together with what is for the built-in model.
        ImportError: `model` needs transformers and torch; the message names the extra.

    """
    if token == "":
        raise ValueError("token must not be empty; None lets everyone in")
    models = chosen_models(model, load_seconds=load_seconds, corpus=corpus, warm=warm, default_model=default_model)
    emulator = _Emulator(models, token=token)
    app = Starlette(
        routes=emulator.routes(),
        middleware=[Middleware(RequestIdMiddleware)],
        exception_handlers={HTTPException: _http_error, LoadError: _load_error},
    )
    app.state.model = models.default
    return app


class _Emulator:
    def __init__(self, models: Models, *, token: str | None) -> None:
        self._models = models
        self._token = token
        self._cache = AnswerCache()

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
        mask = await self._models.mask_token(model)
        warm = model in self._models.warm
        return JSONResponse(model_info(model, mask, warm=warm, expand=_expanded(request)))

    async def hub_list(self, request: Request) -> Response:
        if error := authorization_error(request.headers.get("authorization"), self._token, required=False):
            return _error(401, error)
        masks = {model: await self._models.mask_token(model) for model in self._models.listed}
        page, cursor = model_list(request.query_params, masks, warm=self._models.warm, expand=_expanded(request))
        following = request.url.include_query_params(cursor=cursor)
        return JSONResponse(page, headers={} if cursor is None else {"link": f'<{following}>; rel="next"'})

    async def predict(self, request: Request) -> Response:
        model = request.path_params.get("model", self._models.default)
        required = self._token is not None
        if error := authorization_error(request.headers.get("authorization"), self._token, required=required):
            return _error(401, error)
        if not self._models.exists(model):
            return _error(404, f"Model {model} does not exist")
        loaded = await self._models.loaded(model, hold_seconds(request.headers))
        if loaded is None:
            loading = {"error": f"Model {model} is currently loading", "estimated_time": self._models.estimated_time}
            return JSONResponse(loading, 503)
        return await self._computed(model, request, loaded)

    async def _computed(self, model: str, request: Request, loaded: Model) -> Response:
        content = await request.body()
        started = perf_counter()
        try:
            body = body_of(request.headers.get("content-type"), content)
            result, compute_type = await self._answered(model, body, request.headers, loaded)
            response = Response(result, media_type="application/json")
        except RefusedError as refused:
            response, compute_type = _error(400, str(refused)), "cpu"
        response.headers["x-compute-type"] = compute_type
        response.headers["x-compute-time"] = f"{perf_counter() - started:.3f}"
        return response

    async def _answered(
        self, model: str, body: dict[str, Any], headers: Mapping[str, str], loaded: Model
    ) -> tuple[bytes, str]:
        if not uses_cache(headers):
            # Not kept either: a caller that wants no cache leaves no trace in it, so the next one is no "cache" hit.
            return _json(await loaded.answer(body)), "cpu"
        key = (model, canonical(body))
        kept = self._cache.get(key)
        if kept is not None:
            return kept, "cache"
        result = _json(await loaded.answer(body))
        self._cache.put(key, result)
        return result, "cpu"


def _expanded(request: Request) -> list[str]:
    return [value for name, value in request.query_params.multi_items() if name in ("expand", "expand[]")]


def _json(answers: list[Any]) -> bytes:
    return json.dumps(answers, ensure_ascii=False, separators=(",", ":")).encode()


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)


async def _http_error(_: Request, error: Exception) -> Response:
    # Starlette's type for handlers is wider than what this one is registered for.
    refused = cast("HTTPException", error)
    return JSONResponse({"error": refused.detail}, refused.status_code, refused.headers)


async def _load_error(_: Request, error: Exception) -> Response:
    return _error(500, str(error))

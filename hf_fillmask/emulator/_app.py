"""The routes: a request in, the pure modules asked, their answer sent. No rule of the wire is decided here."""

import json
import os
from collections.abc import Iterable, Mapping
from math import isfinite
from time import perf_counter
from typing import Any, cast

import anyio.lowlevel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ._answers import RefusedError, answer, read, shaped
from ._cache import AnswerCache
from ._corpus import read_sentences
from ._families import exists, renamed
from ._hub import model_info, model_list
from ._models import Models
from ._request_id import RequestIdMiddleware
from ._requests import authorization_error, body_of, canonical, hold_seconds, uses_cache
from ._vocabulary import Vocabulary

__all__ = ["create_app"]


def create_app(
    *,
    load_seconds: float = 3.0,
    corpus: str | os.PathLike[str] | None = None,
    token: str | None = None,
    warm: Iterable[str] = (),
    default_model: str = "google-bert/bert-base-uncased",
) -> Starlette:
    """Return an ASGI application that speaks the fill-mask API, with a small masked language model of its own.

    It needs no lifespan, and runs on asyncio and trio: under a server, or in process through `httpx.ASGITransport`.

    Args:
        load_seconds: how long a cold model takes to load, at least; the request that finds it cold gets a 503.
        corpus: a UTF-8 text file to learn from, one sentence a line, instead of the sentences in this package.
        token: requests must carry exactly `Authorization: Bearer <token>`. None: any `Bearer hf_…` or no header.
        warm: ids of models that answer from the first request.
        default_model: what `POST /` and `POST /predict` ask, as at a dedicated Inference Endpoint.

    Raises:
        OSError: `corpus` cannot be read.
        ValueError: `corpus` is not UTF-8 or holds no sentence, `token` is empty, `load_seconds` negative or not finite.

    """
    if not isfinite(load_seconds) or load_seconds < 0:
        raise ValueError(f"load_seconds must be a number of seconds, 0 or more, not {load_seconds!r}")
    if token == "":
        raise ValueError("token must not be empty; None lets everyone in")
    models = Models(read_sentences(corpus), load_seconds=load_seconds, warm=warm)
    emulator = _Emulator(models, token=token, load_seconds=load_seconds, default_model=default_model)
    return Starlette(
        routes=emulator.routes(),
        middleware=[Middleware(RequestIdMiddleware)],
        exception_handlers={HTTPException: _http_error},
    )


class _Emulator:
    def __init__(self, models: Models, *, token: str | None, load_seconds: float, default_model: str) -> None:
        self._models = models
        self._token = token
        self._load_seconds = float(load_seconds)
        self._default_model = default_model
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
        about = "an emulator of Hugging Face's fill-mask API; no model of the Hub runs here"
        return JSONResponse({"emulator": "hf_fillmask", "about": about, "model": self._default_model})

    async def hub(self, request: Request) -> Response:
        model = request.path_params["model"]
        # The Hub shows public models to anyone, but refuses a token it does not know.
        if error := authorization_error(request.headers.get("authorization"), self._token, required=False):
            return _error(401, error)
        if today := renamed(model):
            location = request.url.replace(scheme="", netloc="", path=f"/api/models/{today}")
            return RedirectResponse(str(location))
        if not exists(model):
            return _error(404, "Repository not found")
        return JSONResponse(model_info(model, warm=self._models.is_warm(model), expand=_expanded(request)))

    async def hub_list(self, request: Request) -> Response:
        if error := authorization_error(request.headers.get("authorization"), self._token, required=False):
            return _error(401, error)
        page, cursor = model_list(request.query_params, warm=self._models.warm, expand=_expanded(request))
        following = request.url.include_query_params(cursor=cursor)
        return JSONResponse(page, headers={} if cursor is None else {"link": f'<{following}>; rel="next"'})

    async def predict(self, request: Request) -> Response:
        model = request.path_params.get("model", self._default_model)
        required = self._token is not None
        if error := authorization_error(request.headers.get("authorization"), self._token, required=required):
            return _error(401, error)
        if not exists(model):
            return _error(404, f"Model {model} does not exist")
        vocabulary = await self._models.vocabulary(model, hold_seconds(request.headers))
        if vocabulary is None:
            loading = {"error": f"Model {model} is currently loading", "estimated_time": self._load_seconds}
            return JSONResponse(loading, 503)
        return await self._computed(model, request, vocabulary)

    async def _computed(self, model: str, request: Request, vocabulary: Vocabulary) -> Response:
        content = await request.body()
        started = perf_counter()
        try:
            body = body_of(request.headers.get("content-type"), content)
            result, compute_type = await self._answered(model, body, request.headers, vocabulary)
            response = Response(result, media_type="application/json")
        except RefusedError as refused:
            response, compute_type = _error(400, str(refused)), "cpu"
        response.headers["x-compute-type"] = compute_type
        response.headers["x-compute-time"] = f"{perf_counter() - started:.3f}"
        return response

    async def _answered(
        self, model: str, body: dict[str, Any], headers: Mapping[str, str], vocabulary: Vocabulary
    ) -> tuple[bytes, str]:
        if not uses_cache(headers):
            # Not kept either: a caller that wants no cache leaves no trace in it, so the next one is no "cache" hit.
            return await _answer_all(body, vocabulary), "cpu"
        key = (model, canonical(body))
        kept = self._cache.get(key)
        if kept is not None:
            return kept, "cache"
        result = await _answer_all(body, vocabulary)
        self._cache.put(key, result)
        return result, "cpu"


def _expanded(request: Request) -> list[str]:
    return [value for name, value in request.query_params.multi_items() if name in ("expand", "expand[]")]


async def _answer_all(body: Mapping[str, Any], vocabulary: Vocabulary) -> bytes:
    question = read(body, vocabulary)
    answers = []
    for text in question.texts:
        answers.append(answer(text, question, vocabulary))
        # A long list must not keep the loop from the others.
        await anyio.lowlevel.checkpoint()
    return json.dumps(shaped(answers, question), ensure_ascii=False, separators=(",", ":")).encode()


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)


async def _http_error(_: Request, error: Exception) -> Response:
    # Starlette's type for handlers is wider than what this one is registered for.
    refused = cast("HTTPException", error)
    return JSONResponse({"error": refused.detail}, refused.status_code, refused.headers)

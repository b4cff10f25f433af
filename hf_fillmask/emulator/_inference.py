"""What a loaded model answers: computed, or kept from an equal request before.

The only module that knows of the cache.
"""

import json
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from starlette.responses import JSONResponse, Response

from ._answers import RefusedError
from ._cache import AnswerCache
from ._requests import body_of, canonical, uses_cache
from ._served import Model

__all__ = ["Inference"]


class Inference:
    """Turns the body of a request into the body of an answer."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget what was answered before."""
        self._cache = AnswerCache()

    async def computed(self, model: str, headers: Mapping[str, str], content: bytes, loaded: Model) -> Response:
        """Return the answer to a request, a refusal included, and how it came about."""
        started = perf_counter()
        try:
            body = body_of(headers.get("content-type"), content)
            result, compute_type = await self._answered(model, body, headers, loaded)
            response = Response(result, media_type="application/json")
        except RefusedError as refused:
            response, compute_type = JSONResponse({"error": str(refused)}, 400), "cpu"
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


def _json(answers: list[Any]) -> bytes:
    return json.dumps(answers, ensure_ascii=False, separators=(",", ":")).encode()

"""What a warm model answers: computed, kept from an equal request before, or fixed by a test."""

import json
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any

import anyio.lowlevel
from starlette.responses import JSONResponse, Response

from ._answers import RefusedError, answer, read, shaped
from ._cache import AnswerCache
from ._fixed import FixedAnswers, Words
from ._requests import body_of, canonical, uses_cache
from ._vocabulary import Vocabulary

__all__ = ["Inference"]


class Inference:
    """Turns the body of a request into the body of an answer."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget what was fixed, and what was answered before."""
        self._cache = AnswerCache()
        self._fixed = FixedAnswers()

    def fix(self, text: str, masks: Iterable[Words], model: str | None) -> None:
        """Fix the answer to `text`; see `FixedAnswers.put`."""
        self._fixed.put(text, masks, model)
        self._cache = AnswerCache()

    async def computed(
        self, model: str, headers: Mapping[str, str], content: bytes, vocabulary: Vocabulary
    ) -> Response:
        """Return the answer to a request, a refusal included, and how it came about."""
        started = perf_counter()
        try:
            body = body_of(headers.get("content-type"), content)
            result, compute_type = await self._answered(model, body, headers, vocabulary)
            response = Response(result, media_type="application/json")
        except RefusedError as refused:
            response, compute_type = JSONResponse({"error": str(refused)}, 400), "cpu"
        response.headers["x-compute-type"] = compute_type
        response.headers["x-compute-time"] = f"{perf_counter() - started:.3f}"
        return response

    async def _answered(
        self, model: str, body: dict[str, Any], headers: Mapping[str, str], vocabulary: Vocabulary
    ) -> tuple[bytes, str]:
        if not uses_cache(headers):
            # Not kept either: a caller that wants no cache leaves no trace in it, so the next one is no "cache" hit.
            return await self._answer_all(model, body, vocabulary), "cpu"
        key = (model, canonical(body))
        kept = self._cache.get(key)
        if kept is not None:
            return kept, "cache"
        result = await self._answer_all(model, body, vocabulary)
        self._cache.put(key, result)
        return result, "cpu"

    async def _answer_all(self, model: str, body: Mapping[str, Any], vocabulary: Vocabulary) -> bytes:
        question = read(body, vocabulary)
        answers = []
        for text in question.texts:
            fixed = self._fixed.get(model, text, question, vocabulary)
            answers.append(answer(text, question, vocabulary) if fixed is None else fixed)
            # A long list must not keep the loop from the others.
            await anyio.lowlevel.checkpoint()
        return json.dumps(shaped(answers, question), ensure_ascii=False, separators=(",", ":")).encode()

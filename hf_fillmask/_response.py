"""The response decoder: a `Response` in, a result or an error of the tree out.

Rule: pure and total. Whatever the bytes are, it returns a result or raises a `FillMaskError`, nothing else.
Source: https://huggingface.co/docs/inference-providers/tasks/fill-mask, "Response", and recorded answers
(tests/samples): one mask is a list of predictions, several masks are a list of such lists.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, TypeVar

from ._errors import DecodeError
from ._exchange import Request, Response
from ._failure import error_of, request_id_of
from ._retry_after import number
from ._values import FillMaskResult, Prediction

__all__ = ["ShapeError", "decode_list", "decode_response", "decoded"]

_QUOTED = 200  # bytes of a wrong body that the error's text shows

T = TypeVar("T")
Masks = tuple[tuple[Prediction, ...], ...]


class ShapeError(Exception):
    """A value that is not what the documentation promises; its text says where."""


def decode_response(request: Request, response: Response) -> FillMaskResult:
    """Return the result of one text; raise `APIError` for another status, `DecodeError` for another shape."""
    masks = decoded(request, response, _masks)
    return _results(request, response, (request.inputs,), (masks,))[0]


def decode_list(request: Request, response: Response) -> list[FillMaskResult]:
    """Return the results of a list request's texts, in their order; errors as for one text.

    Each element of the answer has the shape of a text's own answer, ragged or not. That holds for two texts and more:
    servers collapse a list of one, so a text alone is better sent as itself.
    """

    def read(value: object) -> tuple[Masks, ...]:
        if not isinstance(value, list) or len(value) != len(request.texts):
            raise ShapeError(f"a body that is not a list of {len(request.texts)} answers")
        return tuple(_masks(item) for item in value)

    return _results(request, response, request.texts, decoded(request, response, read))


def _results(
    request: Request, response: Response, texts: tuple[str, ...], answers: tuple[Masks, ...]
) -> list[FillMaskResult]:
    request_id = request_id_of(response)
    compute_time = number(response.headers.get("x-compute-time"))
    cached = response.headers.get("x-compute-type") == "cache"
    return [
        FillMaskResult(
            masks=masks,
            inputs=inputs,
            model=request.model,
            request_id=request_id,
            compute_time=compute_time,
            cached=cached,
            attempts=response.attempts,
            waited=response.waited,
            mask_token=request.mask_token,
        )
        for inputs, masks in zip(texts, answers, strict=True)
    ]


def decoded(request: Request, response: Response, read: Callable[[Any], T]) -> T:
    """Return what `read` makes of the JSON of a 200; a `ShapeError` of its becomes a `DecodeError`."""
    if response.status_code != 200:
        raise error_of(request, response)
    try:
        return read(json.loads(response.body))
    except RecursionError:
        what = "JSON that is nested too deeply"
    except ShapeError as error:
        what = str(error)
    except ValueError:
        what = "a body that is not JSON"
    quoted = response.body[:_QUOTED].decode("utf-8", "replace")
    raise DecodeError(
        f"HTTP 200 with {what}: {quoted!r}",
        body=response.body,
        model=request.model,
        attempts=response.attempts,
        request_id=request_id_of(response),
    )


def _masks(value: object) -> Masks:
    """Read one text's answer: ``[]`` is one mask without predictions."""
    if not isinstance(value, list):
        raise ShapeError("a body that is not a list")
    if value and all(isinstance(item, list) for item in value):
        return tuple(_predictions(item) for item in value)
    return (_predictions(value),)


def _predictions(items: list[Any]) -> tuple[Prediction, ...]:
    return tuple([_prediction(item) for item in items])


def _prediction(item: Any) -> Prediction:
    try:
        score, token, token_str, sequence = item["score"], item["token"], item["token_str"], item["sequence"]
    except (KeyError, TypeError, IndexError):
        raise ShapeError("a prediction without score, token, token_str or sequence") from None
    if type(token) is not int or type(token_str) is not str or type(sequence) is not str:
        raise ShapeError("a prediction whose token, token_str or sequence has the wrong type")
    # The parser's own types are checked, not their subclasses: True is an int, and no score.
    if type(score) is not float:
        score = _score(score)
    return Prediction(score, token, token_str, sequence)


def _score(value: Any) -> float:
    """Read a score that is no float: null (a model with NaN logits), or a whole number."""
    if value is None:
        return math.nan
    if type(value) is not int:
        raise ShapeError("a score that is not a number")
    try:
        return float(value)
    except OverflowError:
        raise ShapeError("a score that is too large") from None

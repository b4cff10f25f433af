"""What the Hub says of models: of one, or of a page of many.

Rule: pure, as the decoder is. A field that has another type than the documented one is as good as absent.
Source: https://huggingface.co/docs/hub/api; the providers of one model come as an object, those of a list as a list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from ._address import check_url
from ._exchange import Request, Response
from ._response import ShapeError, decoded
from ._values import ModelInfo

__all__ = ["decode_model_info", "decode_models", "next_page"]

_NEXT = re.compile(r"""<([^<>]*)>\s*;[^<>]*\brel\s*=\s*["']?next\b""", re.IGNORECASE)


def decode_model_info(request: Request, response: Response) -> ModelInfo:
    """Return what the Hub says of a model; the errors are those of `decode_response`."""
    return decoded(request, response, lambda value: _info(request.model, value))


def decode_models(request: Request, response: Response) -> list[ModelInfo]:
    """Return the models of a page, in its order; the errors are those of `decode_response`."""
    return decoded(request, response, _infos)


def next_page(request: Request, response: Response) -> str | None:
    """Return the URL of the page after this one, if there is one (RFC 8288)."""
    link = _NEXT.search(response.headers.get("link", ""))
    if link is None:
        return None
    url = urljoin(request.url, str(link[1]))
    try:
        check_url("the next page", url)
    except ValueError:
        return None
    return url


def _infos(value: object) -> list[ModelInfo]:
    if not isinstance(value, list):
        raise ShapeError("a body that is not a list")
    return [_listed(item) for item in value]


def _listed(item: Any) -> ModelInfo:
    model = item.get("id") if isinstance(item, dict) else None
    if not isinstance(model, str):
        raise ShapeError("a model without an id")
    return _info(model, item)


def _info(model: str, value: object) -> ModelInfo:
    if not isinstance(value, dict):
        raise ShapeError("a body that is not an object")
    return ModelInfo(
        model=model,
        mask_token=_text_or_none(value.get("mask_token")),
        pipeline_tag=_text_or_none(value.get("pipeline_tag")),
        inference=_text_or_none(value.get("inference")),
        providers=_providers(value.get("inferenceProviderMapping")),
    )


def _providers(value: object) -> dict[str, Mapping[str, Any]]:
    if isinstance(value, list):
        named = [(item.get("provider"), item) for item in value if isinstance(item, dict)]
        return {name: _without(item, "provider") for name, item in named if isinstance(name, str)}
    if not isinstance(value, dict):
        return {}
    return {name: entry for name, entry in value.items() if isinstance(entry, dict)}


def _without(entry: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != key}


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None

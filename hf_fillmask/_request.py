"""The request builder: plain arguments in, a `Request` out.

Rule: pure. Parameters are refused here with a ValueError or TypeError; texts are the server's to judge.
Source: https://huggingface.co/docs/inference-providers/tasks/fill-mask, "Request"; recorded servers
refuse ``"parameters": null`` and a content type with a charset.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from ._address import Target
from ._checks import count, flag, target_words, text
from ._exchange import Request
from ._version import __version__

__all__ = ["build_info_request", "build_request"]

_COMMON = (
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate"),
    ("user-agent", f"hf_fillmask/{__version__}; python/{sys.version_info.major}.{sys.version_info.minor}"),
)
_POST = (*_COMMON, ("content-type", "application/json"))


def build_request(
    target: Target,
    inputs: str | tuple[str, ...],
    *,
    top_k: int | None = None,
    targets: Iterable[str] | None = None,
    use_cache: bool = True,
    headers: tuple[tuple[str, str], ...] = (),
    mask_token: str | None = None,
) -> Request:
    """Build the POST for one text, or for a tuple of several (then `decode_list` reads its answer).

    With `targets` and no `top_k`, ``top_k = len(targets)`` is sent: servers return five at most otherwise.
    """
    texts = tuple(text("each of inputs", each) for each in inputs) if isinstance(inputs, tuple) else ()
    body: dict[str, Any] = {"inputs": texts or text("inputs", inputs)}
    if parameters := _parameters(top_k, targets):
        body["parameters"] = parameters
    cache = () if flag("use_cache", use_cache) else (("x-use-cache", "false"),)
    return Request(
        method="POST",
        url=target.url,
        headers=merged(_POST, cache, headers) if headers else _POST + cache,
        body=json.dumps(body, separators=(",", ":")).encode(),
        model=target.model,
        inputs="" if isinstance(inputs, tuple) else inputs,
        mask_token=mask_token,
        texts=texts,
    )


def build_info_request(target: Target) -> Request:
    """Build the GET that asks the Hub: about one model, or for a page of them."""
    return Request(method="GET", url=target.url, headers=_COMMON, body=b"", model=target.model)


def merged(*groups: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Join header groups; a later one's value stands in the place of an earlier one's."""
    return tuple({name: value for group in groups for name, value in group}.items())


def _parameters(top_k: int | None, targets: Iterable[str] | None) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    if targets is not None:
        parameters["targets"] = target_words(targets)
        parameters["top_k"] = len(parameters["targets"])
    if top_k is not None:
        parameters["top_k"] = count("top_k", top_k)
    return parameters

"""The same requests to a real pipeline and to the built-in model: the same statuses, shapes and messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .conftest import Served
from .requests import DIFFERENT, REQUESTS, content_of

# The words depend on the weights: all tokens are allowed, or one of two is left out.
ANY_WORDS = {"targets null", "targets and a smaller top_k"}

# What a version, an address or a size puts into a message.
WORDING = (
    (r"<transformers\S+ object at 0x[0-9a-f]+> |FillMaskPipeline: \{.*?\} ", "PIPELINE "),
    (r"text input must be of type .*", "text input must be of type ..."),
)


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    """A client that waits for a cold model."""
    with httpx.Client(headers={"x-wait-for-model": "true"}, trust_env=False, timeout=60) as http:
        yield http


def said(response: httpx.Response, *, whole: bool) -> str:
    """Return all of an answer that does not depend on weights; `whole`: words and sentences, too."""
    answer = response.json()
    if response.status_code == 200:
        return shape(answer, whole=whole)
    (message,) = answer.values()
    for pattern, word in WORDING:
        message = re.sub(pattern, word, message)
    return f"{response.status_code} {message}"


def shape(answer: Any, *, whole: bool) -> str:
    """Return the nesting of an answer's predictions, each as "P" or as what it says; by word, since scores differ."""
    if isinstance(answer, dict):
        assert list(answer) == ["score", "token", "token_str", "sequence"]
        return f"<{answer['token_str']}: {answer['sequence']}>" if whole else "P"
    shapes = [shape(each, whole=whole) for each in answer]
    return f"[{', '.join(sorted(shapes) if whole else shapes)}]"


@pytest.mark.parametrize("request_name", REQUESTS)
def test_the_built_in_model_says_what_the_pipeline_says(served: Served, http: httpx.Client, request_name: str) -> None:
    """Status, nesting and message are the same, and with targets the words and sentences; or the reason is known."""
    content = content_of(request_name, served.mask)
    whole = request_name.startswith("target") and request_name not in ANY_WORDS
    real, built_in = (
        said(http.post(f"{url}/models/{served.name}", content=content), whole=whole)
        for url in (served.url, served.built_in_url)
    )
    if request_name not in DIFFERENT:
        assert real == built_in
    elif real != built_in:
        assert re.fullmatch(DIFFERENT[request_name], real, re.DOTALL)

"""What the Hub says of models: of one, and of a page of many."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask import DecodeError, ModelInfo, ModelNotFoundError
from hf_fillmask._address import model_info_url, models_url
from hf_fillmask._exchange import Response
from hf_fillmask._models import decode_model_info, decode_models, next_page
from hf_fillmask._request import build_info_request

HUB = "https://huggingface.co"
INFO = build_info_request(model_info_url("bert", HUB))
LIST = build_info_request(models_url(HUB, None, warm=False, limit=10))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "provider"]) | st.text(max_size=3), inner),
    max_leaves=10,
)

FULL = {
    "id": "bert",
    "mask_token": "[MASK]",
    "pipeline_tag": "fill-mask",
    "inference": "warm",
    "inferenceProviderMapping": {"hf-inference": {"status": "live", "task": "fill-mask"}, "other": "x"},
}


@pytest.mark.parametrize(
    ("body", "info"),
    [
        (
            FULL,
            ModelInfo("bert", "[MASK]", "fill-mask", "warm", {"hf-inference": {"status": "live", "task": "fill-mask"}}),
        ),
        ({}, ModelInfo("bert")),
        ({"mask_token": None, "pipeline_tag": 5, "inference": ["warm"]}, ModelInfo("bert")),
        ({"mask_token": {"content": "<mask>"}}, ModelInfo("bert")),
        ({"inferenceProviderMapping": []}, ModelInfo("bert")),
    ],
    ids=["full", "empty", "wrong-types", "object-for-a-token", "list-for-a-mapping"],
)
def test_a_model_of_the_hub(body: Any, info: ModelInfo) -> None:
    """What the Hub gives in the documented type is kept, everything else is None."""
    assert info == decode_model_info(INFO, Response(200, body=json.dumps(body).encode()))


@pytest.mark.parametrize("body", [b"[]", b"null", b"<html>", b""], ids=repr)
def test_a_page_that_is_no_model(body: bytes) -> None:
    """A page of the Hub that is no object is a `DecodeError`."""
    with pytest.raises(DecodeError):
        decode_model_info(INFO, Response(200, body=body))


def test_a_model_that_the_hub_does_not_know() -> None:
    """The Hub's errors are those of any other call."""
    with pytest.raises(ModelNotFoundError, match="bert: HTTP 404: Repository not found"):
        decode_model_info(INFO, Response(404, body=b'{"error":"Repository not found"}'))


@given(JSON | st.dictionaries(st.sampled_from([*FULL]), JSON))
def test_any_json_is_a_model_or_a_decode_error(value: Any) -> None:
    """Whatever JSON the Hub gives, nothing else is raised."""
    try:
        info = decode_model_info(INFO, Response(200, body=json.dumps(value).encode()))
    except DecodeError:
        assert not isinstance(value, dict)
    else:
        assert info.mask_token is None or isinstance(info.mask_token, str)


def test_a_page_of_models() -> None:
    """The models of a page keep its order; the Hub gives the providers of a listed model as a list."""
    live = {"provider": "hf-inference", "status": "live", "task": "fill-mask"}
    page = [
        FULL | {"inferenceProviderMapping": [live, {"provider": ["odd"]}, {"status": "live"}, "odd"]},
        {"id": "roberta"},
    ]
    bert = ModelInfo("bert", "[MASK]", "fill-mask", "warm", {"hf-inference": {"status": "live", "task": "fill-mask"}})
    assert decode_models(LIST, Response(200, body=json.dumps(page).encode())) == [bert, ModelInfo("roberta")]


@pytest.mark.parametrize("body", [b"{}", b"[[]]", b"[{}]", b'[{"id":5}]', b'["bert"]', b"<html>"], ids=repr)
def test_a_page_that_lists_no_models(body: bytes) -> None:
    """A page that is no list of objects with ids is a `DecodeError`."""
    with pytest.raises(DecodeError, match=r"https://huggingface\.co: HTTP 200 with"):
        decode_models(LIST, Response(200, body=body))


@given(st.lists(st.dictionaries(st.sampled_from([*FULL]), JSON)) | JSON)
def test_any_json_is_a_list_of_models_or_a_decode_error(value: Any) -> None:
    """Whatever JSON the Hub gives, nothing else is raised."""
    try:
        infos = decode_models(LIST, Response(200, body=json.dumps(value).encode()))
    except DecodeError:
        return
    assert [item["id"] for item in value] == [info.model for info in infos]


@pytest.mark.parametrize(
    ("link", "url"),
    [
        (f'<{HUB}/api/models?cursor=a&limit=1>; rel="next"', f"{HUB}/api/models?cursor=a&limit=1"),
        ('</api/models?cursor=a>;rel=next; title="x"', f"{HUB}/api/models?cursor=a"),
        (f'<{HUB}/1>; rel="prev", <{HUB}/3>; rel="next"', f"{HUB}/3"),
        (f"<{HUB}/1>; title=x; REL='NEXT'", f"{HUB}/1"),
        ("<https://mirror.example/2>; rel=next", "https://mirror.example/2"),
        (f'<{HUB}/1>; rel="prev"', None),
        (f'<{HUB}/1>; rel="nextdoor"', None),
        ("<https://user:secret@huggingface.co/>; rel=next", None),
        ("<ftp://huggingface.co/>; rel=next", None),
        ("next", None),
        ("", None),
        (None, None),
    ],
)
def test_the_next_page(link: str | None, url: str | None) -> None:
    """The Link header names the next page, absolute or relative; one that hides something is none."""
    headers = {} if link is None else {"link": link}
    assert url == next_page(LIST, Response(200, headers))

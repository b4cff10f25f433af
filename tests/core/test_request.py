"""The request builder: what goes on the wire."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask import __version__
from hf_fillmask._address import resolve
from hf_fillmask._request import build_info_request, build_request, merged

TARGET = resolve("bert", "https://a.example")


def _body(**options: Any) -> Any:
    return json.loads(build_request(TARGET, "a [MASK]", **options).body)


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({}, {"inputs": "a [MASK]"}),
        ({"top_k": 3}, {"inputs": "a [MASK]", "parameters": {"top_k": 3}}),
        ({"targets": ["b", " c"]}, {"inputs": "a [MASK]", "parameters": {"targets": ["b", " c"], "top_k": 2}}),
        ({"targets": iter("bcd")}, {"inputs": "a [MASK]", "parameters": {"targets": ["b", "c", "d"], "top_k": 3}}),
        (
            {"targets": ["b", "c"], "top_k": 1},
            {"inputs": "a [MASK]", "parameters": {"targets": ["b", "c"], "top_k": 1}},
        ),
        ({"use_cache": False}, {"inputs": "a [MASK]"}),
    ],
    ids=["plain", "top-k", "targets", "targets-of-an-iterator", "both", "cache"],
)
def test_the_body(options: dict[str, Any], body: dict[str, Any]) -> None:
    """The body is the documented JSON; parameters are left out where there are none, and targets set `top_k`."""
    assert body == _body(**options)


@given(st.text() | st.just("\ud800"))
def test_every_text_is_sent_as_it_is(inputs: str) -> None:
    """Any text, an empty one included, arrives as it was written."""
    request = build_request(TARGET, inputs)
    assert {"inputs": inputs} == json.loads(request.body)
    assert inputs == request.inputs


def test_the_headers() -> None:
    """The content type is exact, the user agent names both versions, and there is no other header."""
    headers = dict(build_request(TARGET, "a").headers)
    agent = headers.pop("user-agent")
    assert re.fullmatch(rf"hf_fillmask/{re.escape(__version__)}; python/3\.\d+", agent)
    assert headers == {
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "content-type": "application/json",
    }


@pytest.mark.parametrize(("use_cache", "value"), [(True, None), (False, "false")], ids=["cache", "no-cache"])
def test_the_cache_header(use_cache: bool, value: str | None) -> None:
    """The cache is on unless it is switched off in so many words."""
    assert value == dict(build_request(TARGET, "a", use_cache=use_cache).headers).get("x-use-cache")


def test_further_headers() -> None:
    """Headers of the user come last, and one of them takes the place of ours."""
    request = build_request(TARGET, "a", headers=(("x-a", "1"), ("user-agent", "me")))
    assert dict(request.headers)["user-agent"] == "me"
    assert request.headers[-1] == ("x-a", "1")
    assert len(request.headers) == len({name for name, _ in request.headers})


def test_what_the_answer_is_read_with() -> None:
    """A request carries model, text and mask for the decoder."""
    request = build_request(TARGET, "a <mask>", mask_token="<mask>")
    assert (request.method, request.url) == ("POST", "https://a.example/models/bert")
    assert (request.model, request.inputs, request.mask_token) == ("bert", "a <mask>", "<mask>")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"inputs": 5}, TypeError, "inputs must be a str"),
        ({"inputs": ["a"]}, TypeError, "inputs must be a str"),
        ({"inputs": ()}, TypeError, "inputs must be a str"),
        ({"inputs": ("a", 5)}, TypeError, "must be a str"),
        ({"top_k": 0}, ValueError, "top_k must be at least 1"),
        ({"top_k": True}, TypeError, "top_k must be an int"),
        ({"targets": []}, ValueError, "targets must hold"),
        ({"targets": "city"}, TypeError, "targets must be a list"),
        ({"use_cache": "no"}, TypeError, "use_cache must be True or False"),
    ],
    ids=["text", "texts", "no-texts", "no-text-in-it", "no-top-k", "true-top-k", "no-targets", "one-target", "cache"],
)
def test_wrong_parameters_are_refused(options: dict[str, Any], error: type[Exception], match: str) -> None:
    """Wrong parameters are a ValueError or a TypeError before anything is sent."""
    with pytest.raises(error, match=match):
        build_request(TARGET, **{"inputs": "a", **options})


def test_the_request_to_the_hub() -> None:
    """The Hub is asked with a GET that has no body and no content type."""
    request = build_info_request(TARGET)
    assert ("GET", TARGET.url, b"", "bert", "") == (
        request.method,
        request.url,
        request.body,
        request.model,
        request.inputs,
    )
    assert "content-type" not in dict(request.headers)


def test_several_texts() -> None:
    """A tuple of texts is a list on the wire, kept for the decoder of lists."""
    request = build_request(TARGET, ("a", ""), top_k=2, mask_token="[MASK]")
    assert json.loads(request.body) == {"inputs": ["a", ""], "parameters": {"top_k": 2}}
    assert (request.texts, request.inputs, request.mask_token) == (("a", ""), "", "[MASK]")


def test_a_later_header_takes_the_place_of_an_earlier_one() -> None:
    """Merging keeps the first place and the last value."""
    assert merged((("a", "1"), ("b", "2")), (("a", "3"),)) == (("a", "3"), ("b", "2"))

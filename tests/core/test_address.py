"""Addresses: which URL a model id and a base URL make, and what is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask._address import (
    ROUTER,
    Target,
    base_url_of,
    check_url,
    hub_url_of,
    is_url,
    model_info_url,
    models_url,
    origin,
    resolve,
)

NOT_AN_ID = {
    "empty": "",
    "space": " ",
    "leading-space": " a/b",
    "trailing-space": "a/b ",
    "space-for-a-name": "a/ /b",
    "absolute": "/a",
    "trailing-slash": "a/",
    "double-slash": "a//b",
    "other-host": "//evil.example/a",
    "other-scheme": "ftp://evil.example/a",
    "parent": "../a",
    "parent-inside": "a/../b",
    "parent-at-the-end": "a/..",
    "dots-in-a-name": "a..b",
    "here": "./a",
    "here-at-the-end": "a/.",
    "query": "a?b=c",
    "fragment": "a#b",
    "backslash": "a\\b",
    "line-end": "a\r\nb",
    "tab": "a\tb",
    "nul": "a\x00b",
    "delete": "a\x7fb",
    "right-to-left": "a\u202eb",
    "no-break-space": "a\xa0b",
    "half-a-pair": "a\ud800b",
}
NOT_A_URL = {
    "no-scheme": "router.example",
    "other-scheme": "ftp://a.example",
    "script": "javascript:alert(1)",
    "no-host": "https://",
    "no-host-but-a-path": "https:///a",
    "no-host-but-a-port": "https://:80",
    "one-slash": "https:/a.example",
    "port-zero": "https://a.example:0",
    "port-too-high": "https://a.example:65536",
    "port-a-word": "https://a.example:http",
    "port-negative": "https://a.example:-1",
    "open-bracket": "https://[::1",
    "bracket-before-a-name": "http://[::1].evil.example",
    "name-before-a-bracket": "http://evil[::1]",
    "slash-in-disguise": "https://a.example\uff0fb",
}
HIDES_SOMETHING = {
    "user": "https://me@a.example",
    "password": "https://me:pw@a.example",
    "empty-user": "https://@a.example",
    "backslash-and-user": "https://a.example\\@evil.example",
    "fragment": "https://a.example/#b",
    "empty-fragment": "https://a.example/#",
    "backslash": "https://a.example\\b",
    "parent": "https://a.example/../b",
    "parent-at-the-end": "https://a.example/b/..",
    "space": "https://a.example/ b",
    "leading-space": " https://a.example",
    "line-end": "https://a.example\r\n",
    "tab": "https://a.exam\tple",
    "nul": "https://a.example/\x00",
}


def _cases(named: dict[str, str]) -> list[Any]:
    return [pytest.param(value, id=name) for name, value in named.items()]


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("bert-base-uncased", "bert-base-uncased"),
        ("google-bert/bert-base-uncased", "google-bert/bert-base-uncased"),
        ("a b/c:d", "a%20b/c%3Ad"),
        ("me/modèle", "me/mod%C3%A8le"),
        ("a/%2e%2e/b", "a/%252e%252e/b"),
        ("a/b@main", "a/b%40main"),
        ("a;b&c=d", "a%3Bb%26c%3Dd"),
    ],
    ids=["old-id", "id", "space-and-colon", "accent", "encoded-dots", "at", "delimiters"],
)
def test_an_id_is_found_under_the_base_url(model: str, path: str) -> None:
    """A Hub id is percent-encoded, its slash apart, and stands below ``/models/``."""
    assert Target(model, f"https://h.example/x/models/{path}", "https://h.example/x") == resolve(
        model, "https://h.example/x"
    )


@pytest.mark.parametrize("model", _cases(NOT_AN_ID))
def test_what_is_no_id_is_refused(model: str) -> None:
    """An id that could point elsewhere is a ValueError, for a call and for the Hub alike."""
    with pytest.raises(ValueError, match="is not a model id"):
        resolve(model, ROUTER)
    with pytest.raises(ValueError, match="is not a model id"):
        model_info_url(model, "https://huggingface.co")


@given(st.text(max_size=12) | st.text("ab./%:@&?#\\ \t", max_size=12))
def test_no_id_leaves_its_folder(model: str) -> None:
    """Whatever is accepted as an id stays below ``/models/`` of its host, and decodes to itself."""
    try:
        target = resolve(model, ROUTER)
    except ValueError:
        return
    parts = urlsplit(target.url)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("https", "router.huggingface.co", "", "")
    assert parts.path.isascii()
    assert f"/hf-inference/models/{model}" == unquote(parts.path)
    assert not {"", ".", ".."} & set(parts.path.split("/")[1:])


@pytest.mark.parametrize(
    "url",
    [
        "https://abc.us-east-1.aws.endpoints.huggingface.cloud",
        "https://abc.example/predict?x=1",
        "http://127.0.0.1:8080/",
        "http://[::1]:8080",
        "HTTPS://ABC.example/",
    ],
)
def test_an_endpoint_is_taken_as_it_stands(url: str) -> None:
    """The full URL of an endpoint is where its requests go, and stands for its base URL, too."""
    assert Target(url, url, url) == resolve(url, ROUTER)


@pytest.mark.parametrize("url", _cases({**NOT_A_URL, **HIDES_SOMETHING}))
def test_a_url_that_hides_something_is_refused(url: str) -> None:
    """A URL without a proper host, with a secret or with a detour is a ValueError that does not repeat it."""
    with pytest.raises(ValueError, match=r"^base_url must ") as raised:
        check_url("base_url", url)
    assert "example" not in str(raised.value)
    assert "pw" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://a.example:/", "https://a.example:443/b..c", "http://é.example"]
)
def test_a_proper_url_is_taken_apart(url: str) -> None:
    """A proper URL comes back in its parts."""
    assert url == check_url("base_url", url).geturl()


@pytest.mark.parametrize("value", [5, None, b"https://a.example"], ids=repr)
def test_a_url_is_a_str(value: Any) -> None:
    """What is no str is a TypeError."""
    with pytest.raises(TypeError, match="base_url must be a str"):
        check_url("base_url", value)


@pytest.mark.parametrize("value", [5, b"a/b", ["a"]], ids=repr)
def test_a_model_is_a_str(value: Any) -> None:
    """A model that is no str is a TypeError, for a call and for the Hub alike."""
    with pytest.raises(TypeError, match="model must be a str"):
        resolve(value, ROUTER)
    with pytest.raises(TypeError, match="model must be a str"):
        model_info_url(value, "https://huggingface.co")


def test_a_model_is_needed() -> None:
    """No model at all is a ValueError that says how to name one."""
    with pytest.raises(ValueError, match="no model: pass model="):
        resolve(None, ROUTER)
    with pytest.raises(ValueError, match="no model: pass model="):
        model_info_url(None, "https://huggingface.co")


def test_the_hub_is_asked_for_what_is_read() -> None:
    """The Hub's address names the model and the four fields that are read."""
    expected = (
        "https://huggingface.co/api/models/a/b"
        "?expand[]=mask_token&expand[]=pipeline_tag&expand[]=inference&expand[]=inferenceProviderMapping"
    )
    assert Target("a/b", expected, "https://huggingface.co") == model_info_url("a/b", "https://huggingface.co")


def test_the_hub_does_not_know_endpoints() -> None:
    """The URL of an endpoint is no model of the Hub."""
    with pytest.raises(ValueError, match="the Hub knows models by their ids"):
        model_info_url("https://a.example", "https://huggingface.co")


def test_memory_is_per_base_url_and_model() -> None:
    """The key under which a model is remembered holds its base URL, too."""
    assert resolve("m", "https://a.example").key == ("https://a.example", "m")


@pytest.mark.parametrize(
    ("model", "url"),
    [("http://a", True), ("HTTPS://a", True), ("a/b", False), ("http", False), ("https:/a", False), ("", False)],
)
def test_is_url(model: str, url: bool) -> None:
    """A URL begins with its scheme and two slashes, in any case."""
    assert url is is_url(model)


@pytest.mark.parametrize(
    ("argument", "environment", "expected"),
    [
        ("https://a.example/", {"HF_FILLMASK_BASE_URL": "https://b.example"}, "https://a.example"),
        (None, {"HF_FILLMASK_BASE_URL": "https://b.example/x//"}, "https://b.example/x"),
        (None, {"HF_FILLMASK_BASE_URL": ""}, ROUTER),
        (None, {}, "https://router.huggingface.co/hf-inference"),
    ],
    ids=["argument", "environment", "empty-environment", "neither"],
)
def test_the_base_url(argument: str | None, environment: dict[str, str], expected: str) -> None:
    """The argument comes first, then the environment, then the router; slashes at the end are dropped."""
    assert expected == base_url_of(argument, environment)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, "https://huggingface.co"), ({"HF_ENDPOINT": "https://hub.example/"}, "https://hub.example")],
    ids=["default", "moved"],
)
def test_the_hub(environment: dict[str, str], expected: str) -> None:
    """``HF_ENDPOINT`` moves the Hub."""
    assert expected == hub_url_of(None, environment)


@pytest.mark.parametrize("url", ["https://a.example/?x=1", "https://a.example?", "https://a.example/x?"])
def test_a_base_url_has_no_query(url: str) -> None:
    """A query would swallow the path of the model, an empty one too."""
    with pytest.raises(ValueError, match="base_url must not have a query"):
        base_url_of(url, {})


@pytest.mark.parametrize("value", [0, False, b"", []], ids=repr)
def test_a_false_base_url_is_not_none(value: Any) -> None:
    """Only None means the default: another value that is no str is a TypeError, a false one too."""
    with pytest.raises(TypeError, match="base_url must be a str"):
        base_url_of(value, {})


def test_the_argument_moves_the_hub() -> None:
    """``hub_url`` stands before the environment."""
    assert hub_url_of("http://127.0.0.1:1/", {"HF_ENDPOINT": "https://a.example"}) == "http://127.0.0.1:1"


def test_a_wrong_environment_is_named() -> None:
    """A wrong ``HF_ENDPOINT`` is a ValueError that names the variable."""
    with pytest.raises(ValueError, match="HF_ENDPOINT must be an http"):
        hub_url_of(None, {"HF_ENDPOINT": "huggingface.co"})


def test_the_list_of_models() -> None:
    """The Hub's list has the filters in its query, encoded, and the Hub in the place of a model."""
    target = models_url("https://hub.example", "a&b \ud800", warm=True, limit=3)
    query = "pipeline_tag=fill-mask&inference_provider=hf-inference&limit=3&inference=warm&search=a%26b+%3F&expand[]="
    assert target.url.startswith(f"https://hub.example/api/models?{query}")
    assert target.model == "https://hub.example"
    assert "search" not in models_url("https://hub.example", None, warm=False, limit=3).url


def test_an_origin() -> None:
    """An origin is scheme, host and port, whatever the rest."""
    assert origin("https://a.example:1/x?y") == origin("https://A.example:1") == ("https", "a.example", 1)
    assert origin("https://a.example") != origin("http://a.example")

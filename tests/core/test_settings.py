"""What a user sets: checked when a client is made, completed at each call."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from hf_fillmask._address import ROUTER
from hf_fillmask._credentials import Credentials
from hf_fillmask._settings import Options, Settings, settings

SECRET = "hf_abcdefghijklmnop"
DEFAULTS: dict[str, Any] = {
    "model": None,
    "token": None,
    "base_url": None,
    "timeout": 30.0,
    "cold_start_timeout": 300.0,
    "cold_start": "wait",
    "max_retries": 2,
    "max_connections": 32,
    "use_cache": True,
    "translate_mask": True,
    "on_cold_start": None,
    "headers": None,
}


async def _a_coroutine_function(news: object) -> None:
    """Would never be awaited."""


VARIABLES = (
    "HF_FILLMASK_BASE_URL",
    "HF_ENDPOINT",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN",
)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", "/nowhere/token")


def _made(**changes: Any) -> Settings:
    return settings(**{**DEFAULTS, **changes})


def test_the_defaults() -> None:
    """Without arguments and variables the router is asked, with a token that may be in a file."""
    expected = Settings(
        model=None,
        target=None,
        base_url=ROUTER,
        hub_url="https://huggingface.co",
        anonymous=False,
        found_token=Path("/nowhere/token"),
        timeout=30.0,
        cold_start_timeout=300.0,
        cold_start="wait",
        max_retries=2,
        max_connections=32,
        use_cache=True,
        translate_mask=True,
        on_cold_start=None,
        headers=(),
        transport="httpx",
    )
    assert expected == _made()


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is read when settings are made."""
    monkeypatch.setenv("HF_FILLMASK_BASE_URL", "https://a.example/")
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    monkeypatch.setenv("HF_TOKEN", SECRET)
    made = _made()
    assert (made.base_url, made.hub_url) == ("https://a.example", "https://hub.example")
    assert isinstance(made.found_token, Credentials)
    assert made.found_token.explicit is False


def test_false_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """``token=False`` looks for none."""
    monkeypatch.setenv("HF_TOKEN", SECRET)
    made = _made(token=False)
    assert (made.found_token, made.anonymous) == (None, True)


def _hook(_: object) -> None: ...


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"timeout": 5}, "timeout", 5.0),
        ({"cold_start": "raise"}, "cold_start", "raise"),
        ({"max_retries": 0}, "max_retries", 0),
        ({"headers": {"X-A": "b"}}, "headers", (("x-a", "b"),)),
        ({"transport": "aiohttp"}, "transport", "aiohttp"),
        ({"on_cold_start": _hook}, "on_cold_start", _hook),
        ({"model": "https://a.example/x"}, "model", "https://a.example/x"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_set_is_kept(changes: dict[str, Any], field: str, expected: Any) -> None:
    """A proper argument is what the settings hold."""
    assert expected == getattr(_made(**changes), field)


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"model": 5}, TypeError, "model must be a str"),
        ({"model": ["a"], "token": SECRET}, TypeError, "model must be a str"),
        ({"model": ""}, ValueError, "is not a model id"),
        ({"model": "../a"}, ValueError, "is not a model id"),
        ({"model": "https://me:pw@a.example"}, ValueError, "model must not hold a user name"),
        ({"model": "https://[::1", "token": SECRET}, ValueError, "model must be an http"),
        ({"token": 5}, TypeError, "token must be a str"),
        ({"base_url": "a.example"}, ValueError, "base_url must be an http"),
        ({"timeout": 0}, ValueError, "timeout must be a positive"),
        ({"timeout": None}, TypeError, "timeout must be a number"),
        ({"cold_start_timeout": "5"}, TypeError, "cold_start_timeout must be a number"),
        ({"cold_start": "retry"}, ValueError, "cold_start must be 'wait' or 'raise', not 'retry'"),
        ({"cold_start": ["wait"]}, ValueError, "cold_start must be 'wait' or 'raise'"),
        ({"max_retries": -1}, ValueError, "max_retries must be at least 0"),
        ({"max_connections": 0}, ValueError, "max_connections must be at least 1"),
        ({"use_cache": 1}, TypeError, "use_cache must be True or False"),
        ({"translate_mask": "no"}, TypeError, "translate_mask must be True or False"),
        ({"transport": "curl"}, ValueError, "transport must be 'httpx' or 'aiohttp', not 'curl'"),
        ({"on_cold_start": 5}, TypeError, "on_cold_start must be a plain function"),
        ({"on_cold_start": _a_coroutine_function}, TypeError, "on_cold_start must be a plain function"),
        ({"transport": "curl"}, ValueError, "transport must be"),
        ({"headers": {"Authorization": "Bearer x"}}, ValueError, "use token="),
    ],
)
def test_wrong_arguments(changes: dict[str, Any], error: type[Exception], match: str) -> None:
    """A wrong argument is a ValueError or a TypeError that names it."""
    with pytest.raises(error, match=match):
        _made(**changes)


@pytest.mark.parametrize(
    "changes",
    [{"base_url": "http://a.example"}, {"model": "http://a.example"}],
    ids=["base-url", "endpoint"],
)
def test_an_explicit_token_over_plain_http_is_refused(changes: dict[str, Any]) -> None:
    """An explicit token that would go over plain http is a ValueError at construction, an implicit one is not."""
    with pytest.raises(ValueError, match="a token is not sent over plain http"):
        _made(token=SECRET, **changes)
    assert _made(**changes)


def test_an_explicit_token_over_plain_http_is_refused_at_a_call() -> None:
    """An endpoint that is named at the call is held to the same rule."""
    made = _made(token=SECRET)
    with pytest.raises(ValueError, match="a token is not sent over plain http"):
        made.options(model="http://a.example")
    assert made.options(model="http://127.0.0.1:8080").target.url == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": "bert", "token": SECRET, "base_url": "https://a.example", "headers": {"x-a": "b"}},
        {"token": False, "timeout": 1, "cold_start": "raise", "on_cold_start": _hook},
        {"token": ""},
    ],
    ids=["defaults", "explicit-token", "no-token", "empty-token"],
)
def test_the_arguments_make_equal_settings(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]) -> None:
    """The arguments, with the token if it was passed, make the same settings again, whatever the environment says."""
    made = _made(**changes)
    if "token" in changes:
        monkeypatch.setenv("HF_TOKEN", "hf_other")
    again = _made(**made.arguments(include_token=True))
    assert _sent(made) == _sent(again)
    assert dataclasses.replace(made, found_token=None) == dataclasses.replace(again, found_token=None)


def _sent(made: Settings) -> object:
    """What a request to the Hub would carry."""
    found = made.found_token or Credentials()
    return found if isinstance(found, Path) else found.header("https://huggingface.co")


@pytest.mark.parametrize("variable", [None, SECRET], ids=["passed", "found"])
def test_the_arguments_hold_no_token_by_themselves(monkeypatch: pytest.MonkeyPatch, variable: str | None) -> None:
    """A token that was passed is in the arguments only if it is asked for, one that was found never is."""
    if variable:
        monkeypatch.setenv("HF_TOKEN", variable)
        made = _made()
        assert made.arguments(include_token=True)["token"] is None
    else:
        made = _made(token=SECRET)
        assert made.arguments(include_token=True)["token"] == SECRET
    assert made.arguments(include_token=False)["token"] is None


@pytest.mark.parametrize("show", [repr, str])
def test_settings_do_not_show_the_token(show: Any) -> None:
    """No way of printing settings shows the token."""
    assert SECRET not in show(_made(token=SECRET))


def test_settings_are_frozen() -> None:
    """Settings cannot be changed."""
    made: Any = _made()
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.model = "other"


def test_a_call_without_options() -> None:
    """A call that says nothing takes everything from the client."""
    options = _made(model="bert", use_cache=False, timeout=5).options()
    expected = Options(
        target=options.target,
        top_k=None,
        targets=None,
        use_cache=False,
        timeout=5.0,
        cold_start_timeout=300.0,
        deadline=None,
    )
    assert expected == options
    assert options.target.key == (ROUTER, "bert")


def test_a_call_with_options() -> None:
    """What a call says stands in for the client's."""
    options = _made(model="bert").options(
        model="roberta",
        top_k=3,
        targets=iter(["a", "b"]),
        use_cache=False,
        timeout=1,
        cold_start_timeout=2,
        deadline=3,
    )
    expected = Options(
        target=options.target,
        top_k=3,
        targets=("a", "b"),
        use_cache=False,
        timeout=1.0,
        cold_start_timeout=2.0,
        deadline=3.0,
    )
    assert expected == options
    assert options.target.key == (ROUTER, "roberta")


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"model": ""}, ValueError, "is not a model id"),
        ({"top_k": 0}, ValueError, "top_k must be at least 1"),
        ({"top_k": 5.0}, TypeError, "top_k must be an int"),
        ({"targets": []}, ValueError, "targets must hold"),
        ({"targets": "city"}, TypeError, "targets must be a list"),
        ({"use_cache": 0}, TypeError, "use_cache must be True or False"),
        ({"timeout": -1}, ValueError, "timeout must be a positive"),
        ({"cold_start_timeout": 0}, ValueError, "cold_start_timeout must be a positive"),
        ({"deadline": 0}, ValueError, "deadline must be a positive"),
    ],
)
def test_wrong_options(changes: dict[str, Any], error: type[Exception], match: str) -> None:
    """A wrong option of a call is a ValueError or a TypeError that names it."""
    with pytest.raises(error, match=match):
        _made(model="bert").options(**changes)


def test_a_call_needs_a_model() -> None:
    """Neither client nor call naming a model is a ValueError."""
    with pytest.raises(ValueError, match="no model: pass model="):
        _made().options()

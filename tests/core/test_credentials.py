"""The token: where it is found, to whom it goes, and that nothing shows it."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

from hf_fillmask._credentials import (
    Credentials,
    find_token,
    is_hugging_face,
    is_loopback,
    is_private_line,
    token_in,
)

SECRET = "hf_abcdefghijklmnop"
ROUTER = "https://router.huggingface.co/hf-inference/models/m"
AUTHORIZATION = {"authorization": f"Bearer {SECRET}"}


def _found(token: Any = None, **environment: str) -> Credentials:
    credentials = find_token(token, environment)
    assert isinstance(credentials, Credentials)
    return credentials


@pytest.mark.parametrize(
    ("token", "environment"),
    [
        (SECRET, {"HF_TOKEN": "hf_other"}),
        (f" {SECRET}\n", {}),
        (None, {"HF_TOKEN": SECRET, "HUGGING_FACE_HUB_TOKEN": "hf_other"}),
        (None, {"HF_TOKEN": f"{SECRET}\r\n"}),
        (None, {"HF_TOKEN": " ", "HUGGING_FACE_HUB_TOKEN": SECRET}),
        (None, {"HF_TOKEN": SECRET, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0"}),
        (SECRET, {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}),
    ],
    ids=["argument", "stripped", "variable", "variable-stripped", "old-variable", "not-disabled", "explicit-anyway"],
)
def test_where_a_token_is_found(token: str | None, environment: dict[str, str]) -> None:
    """The argument comes first, then the two variables; spaces around a token are dropped."""
    assert _found(token, **environment).header(ROUTER) == AUTHORIZATION


@pytest.mark.parametrize(
    ("token", "environment"),
    [
        (False, {"HF_TOKEN": SECRET}),
        *((None, {"HF_TOKEN": SECRET, "HF_HUB_DISABLE_IMPLICIT_TOKEN": yes}) for yes in ("1", "ON", "yes", "True")),
    ],
    ids=["false", "1", "ON", "yes", "True"],
)
def test_no_token_is_looked_up(token: Any, environment: dict[str, str]) -> None:
    """False sends none, and a switch of the environment stops the implicit ones."""
    assert find_token(token, environment) is None


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"HF_TOKEN_PATH": "/x/secret", "HF_HOME": "/y"}, Path("/x/secret")),
        ({"HF_HOME": "/y", "XDG_CACHE_HOME": "/z"}, Path("/y/token")),
        ({"XDG_CACHE_HOME": "/z"}, Path("/z/huggingface/token")),
        ({"HF_TOKEN_PATH": "", "HF_HOME": "", "XDG_CACHE_HOME": "/z"}, Path("/z/huggingface/token")),
        ({}, Path("~/.cache/huggingface/token").expanduser()),
        ({"HF_HOME": "~/hf"}, Path("~/hf/token").expanduser()),
    ],
    ids=["path", "home", "cache", "empty", "default", "tilde"],
)
def test_the_file_of_a_token(environment: dict[str, str], path: Path) -> None:
    """Without a token in sight the path of its file is returned, for the shell to read."""
    assert path == find_token(None, environment)


def test_a_home_that_nobody_knows_is_no_error() -> None:
    """A ``~`` that cannot be resolved (a container's user without a home) leads to a file that is not there."""
    path = find_token(None, {"HF_HOME": "~no-such-user-at-all/hf"})
    assert isinstance(path, Path)
    assert not path.exists()


@pytest.mark.parametrize("content", ["", " ", "\n\r\n"], ids=["nothing", "space", "lines"])
def test_an_empty_file_is_no_token(content: str) -> None:
    """A token's file that holds nothing is no token, and no error."""
    assert token_in(content).header(ROUTER) == {}


def test_an_empty_argument_is_no_token() -> None:
    """An empty explicit token sends none, wherever it goes."""
    empty = _found("  ")
    empty.check("http://a.example")
    assert empty.header(ROUTER) == {}


def test_a_file_is_implicit() -> None:
    """A token out of a file goes to Hugging Face, and only there."""
    assert token_in(f"{SECRET}\n").header(ROUTER) == AUTHORIZATION
    assert token_in(SECRET).header("https://a.example") == {}


@pytest.mark.parametrize(
    "token", [f"Bearer {SECRET}", f"{SECRET}\r\nx-evil: 1", f"{SECRET}\x00", "hf_é", f"\ufeff{SECRET}", f"a\tb{SECRET}"]
)
def test_what_cannot_be_a_token(token: str) -> None:
    """A token with a space, a control character or more than ASCII is a ValueError that does not repeat it."""
    with pytest.raises(ValueError, match="give the token alone, without 'Bearer'") as raised:
        find_token(token, {})
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("token", [True, 5, b"hf_x"], ids=repr)
def test_a_token_is_a_str(token: Any) -> None:
    """What is neither str, False nor None is a TypeError that names its type only."""
    with pytest.raises(TypeError, match=f"token must be a str, False or None, not {type(token).__name__}$"):
        find_token(token, {})


HOSTS = {
    "https://huggingface.co/api/models/m": True,
    "https://HUGGINGFACE.CO/": True,
    "https://router.huggingface.co/x": True,
    "https://huggingface.co:443/": True,
    "https://abc.us-east-1.aws.endpoints.huggingface.cloud": True,
    "http://huggingface.co/": False,
    "http://router.huggingface.co": False,
    "https://huggingface.cloud": False,
    "https://endpoints.huggingface.cloud.evil.example": False,
    "https://evilhuggingface.co": False,
    "https://huggingface.co.evil.example": False,
    "https://huggingface.co@evil.example": False,
    "https://evil.example/huggingface.co": False,
    "https://evil.example?.huggingface.co": False,
    "https://evil.example#.huggingface.co": False,
    "https://me.hf.space": False,
    "https://localhost": False,
    "": False,
}


@pytest.mark.parametrize(("url", "goes"), HOSTS.items())
def test_an_implicit_token_goes_to_hugging_face_only(url: str, goes: bool) -> None:
    """A token that was found goes over https to the hosts of Hugging Face and to no other."""
    assert (AUTHORIZATION if goes else {}) == _found(HF_TOKEN=SECRET).header(url)
    assert goes is is_hugging_face(url)


LINES = {
    "https://a.example": True,
    "http://localhost:8080": True,
    "http://LOCALHOST": True,
    "http://127.0.0.1:8080/x": True,
    "http://127.255.0.9": True,
    "http://[::1]:8080": True,
    "http://a.example": False,
    "http://127.0.0.1.evil.example": False,
    "http://localhost.evil.example": False,
    "http://127.0.0.1@evil.example": False,
    "http://10.0.0.1": False,
    "http://0.0.0.0": False,
    "http://2130706433": False,
    "http://[2001:db8::1]": False,
    "ftp://a.example": False,
    "": False,
}


@pytest.mark.parametrize(("url", "private"), LINES.items())
def test_an_explicit_token_needs_a_private_line(url: str, private: bool) -> None:
    """A token that was passed goes over https or to this machine; elsewhere it is refused and not sent."""
    explicit = _found(SECRET)
    assert private is is_private_line(url)
    assert (AUTHORIZATION if private else {}) == explicit.header(url)
    if private:
        explicit.check(url)
    else:
        with pytest.raises(ValueError, match="a token is not sent over plain http"):
            explicit.check(url)


def test_only_an_explicit_token_is_revealed() -> None:
    """A token that was passed can be asked for, one that was found cannot."""
    assert _found(SECRET).reveal() == SECRET
    assert _found(HF_TOKEN=SECRET).reveal() is None


def test_an_implicit_token_is_never_refused() -> None:
    """An implicit token is silently kept back where it must not go."""
    _found(HF_TOKEN=SECRET).check("http://a.example")


@pytest.mark.parametrize(
    ("host", "ours"), [("localhost", True), ("127.9.9.9", True), ("::1", True), ("", False), ("localhost.", False)]
)
def test_loopback(host: str, ours: bool) -> None:
    """This machine is localhost, 127.0.0.0/8 and ::1."""
    assert ours is is_loopback(host)


@pytest.mark.parametrize("show", [repr, str, lambda value: f"{value}", lambda value: repr([value])])
def test_nothing_shows_the_token(show: Any) -> None:
    """No way of printing credentials shows the token."""
    assert SECRET not in show(_found(SECRET))


@pytest.mark.parametrize(
    "carried",
    [lambda value: pickle.loads(pickle.dumps(value)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)
def test_the_token_does_not_travel(carried: Any) -> None:
    """A pickle or a copy of credentials is no token at all."""
    assert Credentials() == carried(_found(SECRET))
    assert SECRET.encode() not in pickle.dumps(_found(SECRET))


@pytest.mark.parametrize("status", [200, 401])
def test_a_reflected_token_is_blotted_out(status: int) -> None:
    """What a server sends back of the token, in body or headers, is not kept."""
    credentials = _found(SECRET)
    assert credentials.redact(status, f'{{"error":"{SECRET} is wrong"}}'.encode()) == b'{"error":"*** is wrong"}'
    headers = {"a": f"Bearer {SECRET}", "b": "c"}
    assert credentials.redact_headers(status, headers) == {"a": "Bearer ***", "b": "c"}


@pytest.mark.parametrize("status", [200, 401])
def test_without_a_token_nothing_is_blotted_out(status: int) -> None:
    """Credentials without a token leave an answer as it is."""
    assert Credentials().redact(status, b"None") == b"None"
    assert Credentials().redact_headers(status, {"a": "None"}) == {"a": "None"}


def test_a_short_token_is_blotted_out_of_an_error() -> None:
    """Four characters may be a secret of somebody's: an error is not to hold them."""
    assert _found("hf_x").redact(401, b"hf_x") == b"***"
    assert _found("hf_x").redact_headers(401, {"a": "hf_x"}) == {"a": "***"}


@pytest.mark.parametrize("token", ["token", "score", "mask", "test", "1"])
def test_a_word_for_a_token_spoils_no_answer(token: str) -> None:
    """A stand-in such as "token" or "test", as local servers take it, does not rewrite the keys of a result."""
    body = b'[{"score":0.1,"token":1,"token_str":"test","sequence":"the mask"}]'
    assert _found(token).redact(200, body) == body

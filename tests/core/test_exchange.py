"""The two values that pass between the layers."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from hf_fillmask._exchange import Request, Response

REQUEST = Request("POST", "https://a.example", (("a", "b"),), b"{}", "m")


def test_they_are_compared_by_value() -> None:
    """Equal fields make equal values, which hash alike."""
    assert dataclasses.replace(REQUEST) == REQUEST
    assert Response(200) == Response(200, {}, b"")
    assert Response(200) != Response(200, {"a": "b"})
    assert {Response(200, {"a": "b"})} == {Response(200, {"a": "b"})}
    assert {REQUEST} == {dataclasses.replace(REQUEST)}


@pytest.mark.parametrize("value", [REQUEST, Response(200)], ids=["request", "response"])
def test_they_are_frozen(value: Any) -> None:
    """Neither can be changed."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.body = b"other"


def test_a_response_alone_is_one_attempt_without_a_wait() -> None:
    """What nobody said is one attempt, no wait, no cold start and no headers."""
    assert Response(200, {}, b"", 1, 0.0, None, False) == Response(200)


def test_two_responses_share_no_headers() -> None:
    """The empty headers of one response are not those of another."""
    assert Response(200).headers is not Response(200).headers

"""The checks of arguments: accepted values come back, others are a ValueError or a TypeError."""

from __future__ import annotations

import enum
import math
from collections import UserDict
from typing import Any

import pytest

from hf_fillmask._checks import RESERVED_HEADERS, checked_headers, count, flag, seconds, target_words, text


class _Two(enum.IntEnum):
    TWO = 2


def test_a_text_comes_back() -> None:
    """Any str is a text, an empty one and half a surrogate pair too: the server judges texts."""
    assert [text("inputs", each) for each in ("", "a", "\ud800")] == ["", "a", "\ud800"]


@pytest.mark.parametrize("value", [None, b"a", 5, ["a"]], ids=repr)
def test_a_text_is_a_str(value: object) -> None:
    """What is no str is a TypeError that names the argument and the type."""
    with pytest.raises(TypeError, match=f"inputs must be a str, not {type(value).__name__}"):
        text("inputs", value)


def test_a_flag_comes_back() -> None:
    """True and False are flags."""
    assert flag("use_cache", True) is True
    assert flag("use_cache", False) is False


@pytest.mark.parametrize("value", [None, 0, 1, "false", ""], ids=repr)
def test_a_flag_is_a_bool(value: object) -> None:
    """What is merely true or false-like is a TypeError."""
    with pytest.raises(TypeError, match="use_cache must be True or False"):
        flag("use_cache", value)


@pytest.mark.parametrize(("value", "least"), [(1, 1), (0, 0), (10**6, 1), (_Two.TWO, 1)], ids=repr)
def test_a_count_comes_back(value: int, least: int) -> None:
    """A whole number from `least` on is a count."""
    assert value == count("top_k", value, least=least)


@pytest.mark.parametrize("value", [True, "5", 5.0, None, math.nan], ids=repr)
def test_a_count_is_an_int(value: object) -> None:
    """What is no int, True included, is a TypeError."""
    with pytest.raises(TypeError, match=f"top_k must be an int, not {type(value).__name__}"):
        count("top_k", value)


@pytest.mark.parametrize(("value", "least"), [(0, 1), (-1, 0)], ids=["zero", "negative"])
def test_a_count_has_a_bound(value: int, least: int) -> None:
    """A number below `least` is a ValueError that names both."""
    with pytest.raises(ValueError, match=f"top_k must be at least {least}, not {value}"):
        count("top_k", value, least=least)


@pytest.mark.parametrize("value", [1, 0.5, 5e-324, 1e300], ids=repr)
def test_seconds_come_back_as_float(value: float) -> None:
    """A positive number of seconds is a float afterwards."""
    assert float(value) == seconds("timeout", value)
    assert isinstance(seconds("timeout", value), float)


@pytest.mark.parametrize("value", [True, "5", None, 1j], ids=repr)
def test_seconds_are_a_number(value: object) -> None:
    """What is no number, True included, is a TypeError."""
    with pytest.raises(TypeError, match="timeout must be a number of seconds"):
        seconds("timeout", value)


@pytest.mark.parametrize(
    "value",
    [0, -1.5, math.nan, math.inf, -math.inf, 10**400],
    ids=["zero", "negative", "nan", "inf", "minus-inf", "beyond-float"],
)
def test_seconds_are_positive_and_finite(value: float) -> None:
    """Zero, a negative number and what is not finite are a ValueError."""
    with pytest.raises(ValueError, match="timeout must be a positive, finite number of seconds"):
        seconds("timeout", value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["a", " b"], ("a", " b")),
        (("a", "a"), ("a", "a")),
        ({"a": 1, "b": 2}, ("a", "b")),
        ((word for word in "ab"), ("a", "b")),
    ],
    ids=["list", "duplicates", "keys", "generator"],
)
def test_targets_come_back_in_order(value: Any, words: tuple[str, ...]) -> None:
    """Any iterable of words is a tuple afterwards, in its order and as it was written."""
    assert words == target_words(value)


@pytest.mark.parametrize(
    "value",
    ["city", b"city", 5, None, ["a", 5], [b"a"]],
    ids=["str", "bytes", "int", "none", "int-in-it", "bytes-in-it"],
)
def test_targets_are_words(value: Any) -> None:
    """One bare word, or something else than words, is a TypeError."""
    with pytest.raises(TypeError, match="targets must be"):
        target_words(value)


@pytest.mark.parametrize(
    "value", [[], (), iter(()), [""], ["a", ""]], ids=["list", "tuple", "iterator", "blank", "one"]
)
def test_targets_are_not_empty(value: Any) -> None:
    """No targets, or an empty one, are a ValueError."""
    with pytest.raises(ValueError, match="targets must hold at least one word, and no empty one"):
        target_words(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ()),
        ({}, ()),
        ({"X-HF-Bill-To": "my-org", "x_y": ""}, (("x-hf-bill-to", "my-org"), ("x_y", ""))),
        (UserDict({"User-Agent": "me 1.0"}), (("user-agent", "me 1.0"),)),
    ],
    ids=["none", "empty", "dict", "mapping"],
)
def test_headers_come_back_in_lower_case(value: Any, expected: tuple[tuple[str, str], ...]) -> None:
    """Any mapping of str to str is pairs afterwards, the names in lower case."""
    assert expected == checked_headers(value)


@pytest.mark.parametrize("value", [[("a", "b")], "a: b", {"a": 5}, {"a": None}, {5: "a"}, {b"a": "b"}], ids=repr)
def test_headers_are_a_mapping_of_str(value: Any) -> None:
    """What is no mapping of str to str is a TypeError."""
    with pytest.raises(TypeError, match="must be a"):
        checked_headers(value)


@pytest.mark.parametrize("name", sorted(RESERVED_HEADERS))
def test_the_headers_of_the_client_are_its_own(name: str) -> None:
    """A header that the client sets is a ValueError, however it is written, and names the argument that governs it."""
    instead = f"; use {RESERVED_HEADERS[name]}" if RESERVED_HEADERS[name] else ""
    with pytest.raises(ValueError, match=f"the header {name.upper()} is set by the client{instead}$"):
        checked_headers({name.upper(): "x"})


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "é", "-", "a\x00"], ids=repr)
def test_a_header_has_a_name(name: str) -> None:
    """What cannot be the name of a header is a ValueError."""
    with pytest.raises(ValueError, match="is not the name of a header"):
        checked_headers({name: "x"})


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "é", "\x00", "\t", "\x7f"], ids=repr)
def test_a_header_injects_nothing(value: str) -> None:
    """A value with a line end, a control character or more than ASCII is a ValueError."""
    with pytest.raises(ValueError, match="the header x-a must hold printable ASCII only"):
        checked_headers({"x-a": value})


@pytest.mark.parametrize("value", [" a", "a ", " "], ids=repr)
def test_a_header_begins_and_ends_with_a_word(value: str) -> None:
    """A space at either end is not HTTP: the value is refused here or comes back without it, not at the first call."""
    try:
        pairs = checked_headers({"x-a": value})
    except ValueError:
        pairs = ()
    assert [each.strip() for _, each in pairs] == [each for _, each in pairs]

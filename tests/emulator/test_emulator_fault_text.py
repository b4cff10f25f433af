"""The text that scripts a fault."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask.emulator import create_app
from hf_fillmask.emulator._fault_text import parsed
from hf_fillmask.emulator._faults import Answer, Break, Cold, Latency, Scripted

ADVICE = (("retry-after", "3"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("503", Scripted(Answer(503), 1)),
        ("503x2", Scripted(Answer(503), 2)),
        ("502x*", Scripted(Answer(502), None)),
        ("429:retry-after=3", Scripted(Answer(429, headers=ADVICE), 1)),
        ("429x2:retry-after=0.5:model=org/m", Scripted(Answer(429, headers=(("retry-after", "0.5"),)), 2, "org/m")),
        ("418:body=tea", Scripted(Answer(418, b"tea"), 1)),
        ("418:body=a:model=b x2", Scripted(Answer(418, b"a:model=b x2"), 1)),
        ("503:retry-after=3:body=", Scripted(Answer(503, b"", ADVICE), 1)),
        ("200:body={\n}", Scripted(Answer(200, b"{\n}"), 1)),
        ("204", Scripted(Answer(204, b""), 1)),
        ("cut", Scripted(Break.CUT, 1)),
        ("stallx3", Scripted(Break.STALL, 3)),
        ("reset:model=org/xlm", Scripted(Break.RESET, 1, "org/xlm")),
        ("latency=0.2", Scripted(Latency(0.2), None)),
        ("latency=2x3", Scripted(Latency(2.0), 3)),
        ("cold", Scripted(Cold(None), None)),
        ("cold=5:model=m", Scripted(Cold(5.0), None, "m")),
    ],
)
def test_what_a_fault_means(text: str, expected: Scripted) -> None:
    """Every part of the grammar becomes its value."""
    assert expected == parsed(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no such fault"),
        ("x2", "there is no such fault"),
        ("cutt", "there is no such fault"),
        ("-503", "there is no such fault"),
        ("99", "a status must be a whole number from 200 to 599, not 99"),
        ("600", "a status must be"),
        ("503x", "what follows the x is no number of times"),
        ("503x0", "what follows the x"),
        ("503x-1", "what follows the x"),
        ("503=2", "503 takes no value"),
        ("cut=3", "cut takes no value"),
        ("cut:body=x", "cut takes no body"),
        ("cut:retry-after=3", "cut takes no retry-after"),
        ("429:retry-after=soon", "retry-after must be a number of seconds, 0 or more, not 'soon'"),
        ("429:retry-after", "'retry-after' is no OPTION=VALUE"),
        ("429:colour=red", "429 takes no colour"),
        ("204:body=x", "an answer with the status 204 has no body"),
        ("latency", "latency must be a number of seconds"),
        ("latency=-1", "latency must be"),
        ("latency=nan", "latency must be"),
        ("cold=inf", "cold must be"),
        ("coldx2", "cold takes no number of times"),
    ],
)
def test_what_is_no_fault_is_refused(text: str, reason: str) -> None:
    """The message quotes the text, says what is wrong, and how it is done."""
    with pytest.raises(ValueError, match="a fault is a status, cut, stall, reset, latency=SECONDS") as refused:
        parsed(text)
    assert str(refused.value).startswith(f"{text!r} cannot be read: {reason}")


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever is written, it is a fault or a ValueError."""
    with contextlib.suppress(ValueError):
        assert isinstance(parsed(text), Scripted)


def test_wrong_arguments_of_an_application() -> None:
    """The application's own arguments are refused in the same way; one fault need not be a list."""
    create_app(faults="503x2")
    with pytest.raises(ValueError, match="cannot be read"):
        create_app(faults=["503x2", "no"])
    with pytest.raises(ValueError, match="warm must be a list of model ids, or 'all', not 'org/m'"):
        create_app(warm="org/m")

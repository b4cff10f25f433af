"""The picture of a result in a notebook."""

from __future__ import annotations

import math
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask._html import result_table

KNOWN = {"div", "code", "small", "table", "caption", "tr", "td", "em"}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()


@given(
    st.text(),
    st.text(),
    st.lists(st.lists(st.tuples(st.text(max_size=8), st.floats()), max_size=3), max_size=3),
)
def test_nothing_that_others_wrote_becomes_markup(
    model: str, inputs: str, masks: list[list[tuple[str, float]]]
) -> None:
    """Whatever the texts hold, the picture has our tags only, and each is closed."""
    tags = _Tags()
    tags.feed(result_table(model, inputs, masks))
    tags.close()
    assert tags.open == []
    assert tags.seen <= KNOWN


def test_a_hostile_word_is_escaped() -> None:
    """A word that is markup is shown as text."""
    html = result_table("<b>", '"&', [[("<script>", 0.5)]])
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "&lt;b&gt;" in html
    assert "&quot;&amp;" in html


@pytest.mark.parametrize(
    ("score", "number", "width"),
    [
        (0.5, "0.5000", "width:50.0%"),
        (3e-11, "0.0000", "width:0.0%"),
        (1.5, "1.5000", "width:100.0%"),
        (-0.5, "-0.5000", "width:0.0%"),
        (math.nan, "no score", "width:0.0%"),
        (math.inf, "no score", "width:0.0%"),
    ],
    ids=["usual", "tiny", "above-one", "below-zero", "nan", "inf"],
)
def test_the_bar(score: float, number: str, width: str) -> None:
    """A bar is as wide as its probability, within the track; a score that is none is said to be none."""
    html = result_table("m", "t", [[("a", score)]])
    assert f">{number}</td>" in html
    assert width in html


def test_one_table_a_mask() -> None:
    """Several masks have a numbered table each, one mask has one without a number."""
    assert result_table("m", "t", [[], []]).count("<table ") == 2
    assert ">mask 2</caption>" in result_table("m", "t", [[], []])
    assert "<caption" not in result_table("m", "t", [[]])


def test_no_predictions_are_told() -> None:
    """A mask without predictions says so."""
    assert "no predictions" in result_table("m", "t", [[]])

"""The picture of a result: plain values in, lines out."""

from __future__ import annotations

import io
import math
from typing import Any

from rich.console import Console

from hf_fillmask import FillMaskResult, ModelInfo, Prediction
from hf_fillmask.cli._bar import percent
from hf_fillmask.cli._table import info_view, result_view


def drawn(view: object, width: int = 40) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, markup=False, emoji=False, highlight=False).print(view)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def result(*words: tuple[str, float], text: str = "a [MASK] b", **more: Any) -> FillMaskResult:
    mask = tuple(Prediction(score, 1, word, "") for word, score in words)
    return FillMaskResult(**{"masks": (mask,), "inputs": text, "model": "a/b", "mask_token": "[MASK]", **more})


def test_a_full_bar_is_certainty() -> None:
    """Bars are drawn in eighths of a cell against a probability of 1; what is more than nothing shows."""
    table = drawn(result_view("a [MASK] b", result(("x", 1.0), ("y", 0.5), ("z", 0.01), ("w", 1e-9), ("v", 0.0))), 32)
    assert table == [
        "a [MASK] b",
        "",
        "  x    100.0 %  ████████████████",
        "  y     50.0 %  ████████········",
        "  z      1.0 %  ▏···············",
        "  w  1.0e-07 %  ▏···············",
        "  v      0.0 %  ················",
        "",
        "a x b",
        "a/b, 1 attempt",
    ]


def test_percentages_have_digits_that_say_something() -> None:
    """Large ones have one digit after the point, small ones two that count; almost certain is not certain."""
    scores = [1.0, 0.99999, 0.98765, 0.001, 0.0004321, 3e-11, 0.0, math.nan]
    expected = ["100.0 %", "> 99.9 %", "98.8 %", "0.1 %", "0.043 %", "3.0e-09 %", "0.0 %", "no score"]
    assert [percent(score) for score in scores] == expected


def test_a_score_that_is_no_number_has_no_bar() -> None:
    """NaN is shown as what it is."""
    assert drawn(result_view("a [MASK] b", result(("x", math.nan))))[2] == "  x  no score  ·························"


def test_words_that_only_their_spaces_tell_apart() -> None:
    """Two tokens with the same word are shown in quotes, spaces and all; so is a token without a word."""
    lines = drawn(result_view("a [MASK] b", result((" x", 0.5), ("x", 0.3), (" y", 0.1), (" ", 0.1))))
    assert [line.split("  ")[1] for line in lines[2:6]] == ['" x"', '"x"', "y", '" "']


def test_text_of_a_server_cannot_steer_the_terminal() -> None:
    """Escape codes, line breaks, markup and turned text come out as what they are."""
    hostile = "\x1b]0;owned\x07[red]\u202e\n\ud800"
    lines = drawn(result_view("a [MASK]\x9b2J", result((hostile, 0.5), inputs="a [MASK]\x9b2J", model=hostile)), 70)
    escaped = r"\x1b]0;owned\x07[red]\u202e\n\ud800"
    assert lines[0] == r"a [MASK]\x9b2J"
    assert lines[2].startswith("  \\x1b]0;owned\\x07[red]\\u202e\\n…")
    assert lines[-2:] == [rf"a {escaped}\x9b2J", f"{escaped}, 1 attempt"]


def test_a_mask_without_predictions() -> None:
    """No predictions are said to be none, and the mask stays."""
    assert drawn(result_view("a [MASK] b", result())) == [
        "a [MASK] b",
        "",
        "  no predictions",
        "",
        "a [MASK] b",
        "a/b, 1 attempt",
    ]


def test_a_mask_that_nobody_knows() -> None:
    """Where nobody can tell which token was the mask, there is no filled text."""
    lines = drawn(result_view("a MASK b", result(("x", 0.5), text="a MASK b", mask_token=None)))
    assert lines[3:] == ["", "a/b, 1 attempt"]


def test_the_small_print() -> None:
    """What the call took: the server's time or its cache, attempts, seconds waited."""
    cached = result(("x", 0.5), cached=True, compute_time=0.5, attempts=2)
    slow = result(("x", 0.5), compute_time=1.234, waited=12.345)
    assert drawn(result_view("a [MASK] b", cached), 80)[-1] == "a/b, from the server's cache, 2 attempts"
    assert drawn(result_view("a [MASK] b", slow), 80)[-1] == "a/b, computed in 1.23 s, 1 attempt, waited 12.3 s"


def test_a_model_of_which_the_hub_knows_little() -> None:
    """What the Hub does not say is said to be so."""
    assert drawn(info_view(ModelInfo("a/b", inference="warm"))) == [
        "a/b",
        "  mask   the Hub does not say",
        "  task   the Hub does not say",
        "  state  warm",
    ]

"""Data frames: one row a prediction, the same columns in Arrow, pandas and Polars.

The libraries themselves are extras: tests/optional has a test with each.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import pytest

import hf_fillmask
from hf_fillmask import BatchItem, FillMaskError, FillMaskResult, Prediction, RateLimitError

TEXT = "[MASK] is the [MASK] of France."
BEST = Prediction(0.5, 3000, "Paris", "paris is the [MASK] of france.")
NEXT = Prediction(math.nan, 22479, "Lyon", "lyon is the [MASK] of france.")
RESULT = FillMaskResult(((BEST, NEXT), ()), TEXT, "org/model")
LIMITED = RateLimitError("slow down", status_code=429, model="org/model")
NAMES = ["index", "inputs", "model", "mask", "rank", "score", "token", "token_str", "sequence", "error", "message"]

FUNCTIONS = {"pyarrow": hf_fillmask.to_arrow, "pandas": hf_fillmask.to_pandas, "polars": hf_fillmask.to_polars}
EXTRAS = {"pyarrow": "arrow", "pandas": "pandas", "polars": "polars"}

Rows = Callable[[Any], list[dict[str, Any]]]


class StandIn:
    """Stands in for all three libraries: a frame is its columns, and it has every type."""

    schema = staticmethod(dict)
    array = staticmethod(lambda values, kind: values)
    table = staticmethod(lambda columns, schema: columns)
    DataFrame = staticmethod(lambda columns, schema=None: columns)

    def __getattr__(self, name: str) -> Callable[[], str]:
        return lambda: name


@pytest.fixture(params=FUNCTIONS)
def rows_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """Make a frame of results, and give its rows."""
    monkeypatch.setitem(sys.modules, request.param, StandIn())

    def rows_of(results: Any) -> list[dict[str, Any]]:
        columns: Any = FUNCTIONS[request.param](results)
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    return rows_of


def row(index: int, *values: Any, **more: Any) -> dict[str, Any]:
    """Return a row: the first columns by place, others by name, null where nothing is given."""
    nulls: dict[str, Any] = dict.fromkeys(NAMES)
    return nulls | dict(zip(NAMES, (index, *values), strict=False)) | more


def test_one_row_a_prediction(rows_of: Rows) -> None:
    """Predictions are rows, masks and ranks numbered from 1; a mask without any is a row, as is an error."""
    assert rows_of([RESULT, LIMITED]) == [
        row(0, TEXT, "org/model", 1, 1, 0.5, 3000, "Paris", BEST.sequence),
        row(0, TEXT, "org/model", 1, 2, None, 22479, "Lyon", NEXT.sequence),
        row(0, TEXT, "org/model", 2),
        row(1, None, "org/model", error="RateLimitError", message="slow down"),
    ]


def test_the_items_of_a_batch_keep_their_places(rows_of: Rows) -> None:
    """A batch item brings its own index and the text as its user wrote it, in whatever order the items come."""
    items = (BatchItem(9, "as I wrote it", error=FillMaskError("no")), BatchItem(4, "{mask}", result=RESULT))
    found = rows_of(iter(items))
    assert [(each["index"], each["inputs"]) for each in found] == [(9, "as I wrote it")] + [(4, "{mask}")] * 3
    assert found[0] == row(9, "as I wrote it", error="FillMaskError", message="no")


def test_one_alone_is_enough(rows_of: Rows) -> None:
    """A single result needs no list around it, although it is a sequence itself."""
    assert rows_of(RESULT) == rows_of([RESULT])


def test_what_no_frame_can_hold(rows_of: Rows) -> None:
    """Half a surrogate pair, which JSON may hold, becomes U+FFFD; everything else stays as it is."""
    odd = FillMaskResult(((Prediction(1.0, 1, "\ud800a", "é 🤗"),),), "\ud83e\udd17", "m")
    (found,) = rows_of([odd])
    assert (found["inputs"], found["token_str"], found["sequence"]) == ("🤗", "\ufffda", "é 🤗")


def test_nothing_is_an_empty_frame(rows_of: Rows) -> None:
    """No results make no rows."""
    assert rows_of([]) == []


def test_what_is_no_result_is_refused(rows_of: Rows) -> None:
    """Something else in the list is a TypeError that names it."""
    with pytest.raises(TypeError, match="expected results, errors or batch items, not str"):
        rows_of(["text"])


@pytest.mark.parametrize("library", FUNCTIONS)
def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    """Without its library a function says what to install."""
    monkeypatch.setitem(sys.modules, library, None)  # as good as not installed
    with pytest.raises(ImportError, match=rf"{library}: pip install 'hf-fillmask\[{EXTRAS[library]}\]'"):
        FUNCTIONS[library]([RESULT])

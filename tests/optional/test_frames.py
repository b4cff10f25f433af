"""Data frames of the libraries themselves: the same names, types and nulls in all three."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hf_fillmask import BatchItem, FillMaskResult, Prediction, RateLimitError, to_arrow, to_pandas, to_polars

TEXT = "[MASK] is the [MASK] of France."
BEST = Prediction(0.5, 3000, "Paris", "paris is the [MASK] of france.")
NEXT = Prediction(math.nan, 22479, "\ud800é", "lyon is the [MASK] of france.")
RESULTS = [
    FillMaskResult(((BEST, NEXT), ()), TEXT, "org/model"),
    BatchItem(7, "a text", error=RateLimitError("slow down", status_code=429, model="org/model")),
]
NAMES = ["index", "inputs", "model", "mask", "rank", "score", "token", "token_str", "sequence", "error", "message"]
KINDS = ["int64", "string", "string", "int32", "int32", "float64", "int64", *["string"] * 4]
ROWS = [
    (0, TEXT, "org/model", 1, 1, 0.5, 3000, "Paris", BEST.sequence, None, None),
    (0, TEXT, "org/model", 1, 2, None, 22479, "\ufffdé", NEXT.sequence, None, None),
    (0, TEXT, "org/model", 2, None, None, None, None, None, None, None),
    (7, "a text", "org/model", None, None, None, None, None, None, "RateLimitError", "slow down"),
]

both = pytest.mark.parametrize(("results", "rows"), [(RESULTS, ROWS), ([], [])], ids=["full", "empty"])


@both
def test_arrow(results: list[Any], rows: list[Any]) -> None:
    """An Arrow table."""
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = to_arrow(results)
    assert table.schema == pyarrow.schema([(n, getattr(pyarrow, k)()) for n, k in zip(NAMES, KINDS, strict=True)])
    assert [tuple(row.values()) for row in table.to_pylist()] == rows


@both
def test_pandas(results: list[Any], rows: list[Any]) -> None:
    """A pandas frame, whose types know nulls."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = to_pandas(results)
    assert list(frame.columns) == NAMES
    assert [str(kind).lower() for kind in frame.dtypes] == KINDS
    found = frame.itertuples(index=False, name=None)
    assert [tuple(None if value is pandas.NA else value for value in row) for row in found] == rows


@both
def test_polars(results: list[Any], rows: list[Any]) -> None:
    """A Polars frame."""
    pytest.importorskip("polars", reason="polars is not installed")
    frame = to_polars(results)
    assert frame.columns == NAMES
    assert [str(kind).lower() for kind in frame.dtypes] == KINDS
    assert frame.rows() == rows

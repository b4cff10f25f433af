"""Data frames: results as a table of Arrow, pandas or Polars, one row a prediction.

Rule: an edge. Each library is an extra, imported by the function that needs it; the columns are the same for all::

    index      int64    place of the text in its batch, or of the result among `results`
    inputs     string   the text: the user's own from a `BatchItem`, as sent from a result, null from a bare error
    model      string   the model, null if an error names none
    mask       int32    number of the mask in the text, from 1
    rank       int32    number of the prediction at its mask, from 1, the best
    score      float64  null where the server gave no number
    token      int64
    token_str  string
    sequence   string
    error      string   class of the error, null for a result
    message    string   what the error says, null for a result

A mask without predictions is one row whose columns from `rank` on are null, an error one row whose columns from `mask`
on are, `error` and `message` apart.
"""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownParameterType=false
# Whoever has the libraries gets their types, and a type checker that does not find one takes it for Any.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from ._batch import Filled
from ._errors import FillMaskError
from ._extras import needed
from ._values import BatchItem, FillMaskResult, Prediction

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["to_arrow", "to_pandas", "to_polars"]


@dataclass(frozen=True, slots=True)
class _Row:
    index: int
    inputs: str | None
    model: str | None
    mask: int | None = None
    rank: int | None = None
    score: float | None = None
    token: int | None = None
    token_str: str | None = None
    sequence: str | None = None
    error: str | None = None
    message: str | None = None


_TYPES = ("int64", "string", "string", "int32", "int32", "float64", "int64", *["string"] * 4)
_KINDS = dict(zip((field.name for field in fields(_Row)), _TYPES, strict=True))


def to_arrow(results: Filled | BatchItem | Iterable[Filled | BatchItem]) -> pyarrow.Table:
    """Return what a batch or some calls came back with as an Arrow table, one row a prediction.

    `results` holds results, errors or batch items, in any mixture; one alone will do as well. The columns are index,
    inputs, model, mask, rank, score, token, token_str, sequence, error and message, and they are there for no results,
    too. Half a surrogate pair, which JSON may hold and no data frame can, is written as U+FFFD.
    Raises ImportError where pyarrow is not installed, TypeError for what is neither result, error nor item.
    """
    pa = needed("pyarrow", extra="arrow")
    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in _KINDS.items()])
    table: pyarrow.Table = pa.table(_columns(results), schema)
    return table


def to_pandas(results: Filled | BatchItem | Iterable[Filled | BatchItem]) -> pandas.DataFrame:
    """Return what `to_arrow` does as a pandas data frame, with pandas' own nullable types; it needs no Arrow.

    Raises ImportError where pandas is not installed, TypeError as `to_arrow` does.
    """
    pd = needed("pandas", extra="pandas")
    columns = _columns(results)
    # Int64 and Float64 are the types that know nulls; int64 and float64 do not.
    kinds = {name: kind if kind == "string" else kind.capitalize() for name, kind in _KINDS.items()}
    frame: pandas.DataFrame = pd.DataFrame({name: pd.array(columns[name], kind) for name, kind in kinds.items()})
    return frame


def to_polars(results: Filled | BatchItem | Iterable[Filled | BatchItem]) -> polars.DataFrame:
    """Return what `to_arrow` does as a Polars data frame; it needs no Arrow.

    Raises ImportError where Polars is not installed, TypeError as `to_arrow` does.
    """
    pl = needed("polars", extra="polars")
    schema = {name: getattr(pl, kind.capitalize()) for name, kind in _KINDS.items()}
    frame: polars.DataFrame = pl.DataFrame(_columns(results), schema)
    return frame


def _columns(results: Filled | BatchItem | Iterable[Filled | BatchItem]) -> dict[str, list[Any]]:
    outcomes = [results] if isinstance(results, Filled | BatchItem) else results
    rows = [row for place, outcome in enumerate(outcomes) for row in _rows(place, outcome)]
    return {name: [getattr(row, name) for row in rows] for name in _KINDS}


def _rows(place: int, outcome: Filled | BatchItem | None) -> Iterator[_Row]:
    if isinstance(outcome, BatchItem):
        for row in _rows(outcome.index, outcome.result or outcome.error):
            yield replace(row, inputs=_held(outcome.inputs))
    elif isinstance(outcome, FillMaskResult):
        yield from _predicted(_Row(place, _held(outcome.inputs), _held(outcome.model)), outcome)
    elif isinstance(outcome, FillMaskError):
        yield _Row(place, None, _held(outcome.model), error=type(outcome).__name__, message=_held(outcome.message))
    else:
        raise TypeError(f"expected results, errors or batch items, not {type(outcome).__name__}")


def _predicted(row: _Row, result: FillMaskResult) -> Iterator[_Row]:
    for number, mask in enumerate(result.masks, 1):
        for rank, prediction in enumerate(mask, 1):
            yield replace(row, mask=number, rank=rank, **_filled(prediction))
        if not mask:
            yield replace(row, mask=number)


def _filled(prediction: Prediction) -> dict[str, Any]:
    return {name: _held(value) for name, value in prediction.to_dict().items()}


def _held(value: Any) -> Any:
    """Write half a surrogate pair, which JSON may hold and no data frame can, as U+FFFD."""
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

"""Arrow columns: the texts out of a table, and what became of them beside its other columns.

Rule: knows Arrow and this package's values, and sends nothing. The output columns are the same for every table.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from ._checks import text
from ._errors import DecodeError, FillMaskError
from ._extras import needed
from ._values import BatchItem

__all__ = ["NULL_TEXT", "Row", "checked_output", "joined", "output_schema", "row_of", "texts_of"]

pa: Any = needed("pyarrow", extra="arrow")

T = TypeVar("T")

_PREDICTION = pa.struct(
    [("score", pa.float64()), ("token", pa.int64()), ("token_str", pa.string()), ("sequence", pa.string())]
)
_MASKS = pa.list_(pa.list_(_PREDICTION))
_TEXT = {"string", "large_string", "string_view", "null"}  # a column of nothing but nulls may have no type yet


_OUTCOME = {"error": pa.string(), "status": pa.int64(), "attempts": pa.int64()}


class Row(NamedTuple):
    """What became of one text: the columns `output`, ``error``, ``status`` and ``attempts``."""

    masks: list[list[dict[str, Any]]] | None
    error: str | None
    status: int | None
    attempts: int


NULL_TEXT = Row(None, "the text is null", None, 0)


def row_of(item: BatchItem) -> Row:
    """Turn a result or an error into a row; an answer that Arrow cannot hold is an error as well."""
    result = item.result
    if result is None:
        return _failed(item.error)  # type: ignore[arg-type]  # one of the two is there
    masks = [[prediction.to_dict() for prediction in mask] for mask in result.masks]
    try:
        pa.scalar(masks, _MASKS)
    except (ValueError, OverflowError) as error:  # half a surrogate pair, or an id of more than 64 bits
        told = f"Arrow cannot hold the answer: {error}"
        return _failed(DecodeError(told, model=result.model, attempts=result.attempts))
    return Row(masks, None, 200, result.attempts)


def _failed(error: FillMaskError) -> Row:
    return Row(None, f"{type(error).__name__}: {error.summary}", getattr(error, "status_code", None), error.attempts)


def texts_of(table: Any, column: str, output: str) -> list[str | None]:
    """Return the texts of a table or record batch, chunks and dictionaries undone; refuse what cannot be filled."""
    if not isinstance(table, (pa.Table, pa.RecordBatch)):
        raise TypeError(f"expected a pyarrow.Table or RecordBatch, not {type(table).__name__}")
    places = table.schema.get_all_field_indices(column)
    if len(places) != 1:
        there = "several columns" if places else "no column"
        raise ValueError(f"the table has {there} {column!r}; its columns are {table.schema.names}")
    kind = table.schema.field(places[0]).type
    words = kind.value_type if pa.types.is_dictionary(kind) else kind
    if str(words) not in _TEXT:
        raise TypeError(f"the column {column!r} must hold texts, not {kind}")
    output_schema(table.schema, output)
    texts: list[str | None] = table.column(places[0]).to_pylist()
    return texts


def checked_output(name: str) -> str:
    """Accept a name for the column of predictions."""
    if name in _OUTCOME:
        raise ValueError(f"output must not be {name!r}: that column says what became of the row")
    return text("output", name)


def output_schema(schema: Any, output: str) -> Any:
    """Add the output columns to a schema; one that is there already is a ValueError."""
    for name, kind in {output: _MASKS, **_OUTCOME}.items():
        if name in schema.names:
            raise ValueError(f"the table has a column {name!r} already; rename it, or choose another output= for masks")
        schema = schema.append(pa.field(name, kind))
    return schema


def joined(table: T, rows: list[Row], output: str) -> T:
    """Set the rows beside the columns of a table or record batch, and return one of the same kind."""
    held: Any = table
    schema = output_schema(held.schema, output)
    new = [
        pa.array([row[place] for row in rows], schema.field(len(held.columns) + place).type)
        for place in range(len(Row._fields))
    ]
    both: T = type(held).from_arrays([*held.columns, *new], schema=schema)
    return both

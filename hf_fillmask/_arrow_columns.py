"""Arrow columns: the texts out of a table, and what became of them beside its other columns.

Rule: knows Arrow and this package's values, and sends nothing. The output columns are the same for every table.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from ._errors import DecodeError, FillMaskError
from ._extras import needed
from ._values import BatchItem, FillMaskResult

__all__ = ["NULL_TEXT", "Row", "joined", "output_schema", "row_of", "texts_of"]

pa: Any = needed("pyarrow", extra="arrow")

T = TypeVar("T")

_PREDICTION = pa.struct(
    [("score", pa.float64()), ("token", pa.int64()), ("token_str", pa.string()), ("sequence", pa.string())]
)
_MASKS = pa.list_(pa.list_(_PREDICTION))
_TEXT = {"string", "large_string", "string_view", "null"}  # a column of nothing but nulls may have no type yet


class Row(NamedTuple):
    """What became of one text: the columns `output`, ``error``, ``status`` and ``attempts``."""

    masks: list[list[dict[str, Any]]] | None
    error: str | None
    status: int | None
    attempts: int


NULL_TEXT = Row(None, "the text is null", None, 0)


def row_of(item: BatchItem) -> Row:
    """Turn a result or an error into a row; an answer that Arrow cannot hold is an error as well."""
    if item.result is None:
        return _failed(item.error or FillMaskError("nothing came back"))
    masks = [[prediction.to_dict() for prediction in mask] for mask in item.result.masks]
    try:
        pa.scalar(masks, _MASKS)
    except (ValueError, OverflowError) as error:  # half a surrogate pair, or an id of more than 64 bits
        return _failed(_unfit(item.result, error))
    return Row(masks, None, 200, item.result.attempts)


def _unfit(result: FillMaskResult, error: Exception) -> DecodeError:
    return DecodeError(f"Arrow cannot hold the answer: {error}", model=result.model, attempts=result.attempts)


def _failed(error: FillMaskError) -> Row:
    told = f"{type(error).__name__}: {error.summary}".encode(errors="replace").decode()
    return Row(None, told, getattr(error, "status_code", None), error.attempts)


def texts_of(table: Any, column: str) -> list[str | None]:
    """Return the texts of a table or record batch, chunks and dictionaries undone."""
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
    texts: list[str | None] = table.column(places[0]).to_pylist()
    return texts


def output_schema(schema: Any, output: str) -> Any:
    """Add the output columns to a schema; one that is there already is a ValueError."""
    kinds = {output: _MASKS, "error": pa.string(), "status": pa.int64(), "attempts": pa.int64()}
    for name, kind in kinds.items():
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

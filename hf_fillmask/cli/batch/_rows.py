"""A row of the input: from a line, or from the named values of a table, to the text that is asked and what goes along.

Rule: plain functions, and a row that cannot be read is a row all the same: one with a `problem`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._encode import encoded

__all__ = ["FIELDS", "Chunk", "Row", "broken_row", "json_row", "text_row", "values_row"]

FIELDS = ("id", "index", "inputs", "masks", "error", "request_id", "attempts")
"""The fields of an output row, in their order."""

_KINDS = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its place in the input from 0, its id as JSON, and its text, or the `problem` why there is none.

    `kept` are its further values as the members of a JSON object, each after a comma; `raw` is what it was made of, for
    the file of failed rows.
    """

    index: int
    id: bytes
    inputs: str | None
    kept: bytes = b""
    raw: Any = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A few rows, in order; `lines` were read for them, and `skipped` more rows were done before."""

    rows: list[Row]
    lines: int
    skipped: int


def text_row(index: int, line: bytes) -> Row | None:
    """Read a line of text; a blank one is no row."""
    if not line.strip():
        return None
    try:
        return Row(index, b"%d" % index, line.removesuffix(b"\r").decode(), raw=line)
    except UnicodeDecodeError as error:
        return broken_row(index, line, f"not UTF-8: {error.reason} at byte {error.start}")


def json_row(index: int, line: bytes, column: str) -> Row | None:
    """Read a line that holds a JSON object, its text under `column`; a blank one is no row."""
    if not line.strip():
        return None
    try:
        values = json.loads(line.decode())
    except UnicodeDecodeError as error:
        return broken_row(index, line, f"not UTF-8: {error.reason} at byte {error.start}")
    except (ValueError, RecursionError) as error:
        return broken_row(index, line, f"not JSON: {error}")
    if not isinstance(values, dict):
        return broken_row(index, line, "not a JSON object")
    return values_row(index, values, column, line)


def values_row(index: int, values: Mapping[str, Any], column: str, raw: Any) -> Row:
    """Make a row of named values: its text under `column`, its id under ``id`` or ``custom_id``, the rest is kept."""
    named = "custom_id" if values.get("id") is None and values.get("custom_id") is not None else "id"
    own = (column, named, "id")
    row_id = values.get(named)
    try:
        kept = b"".join([_member(name, value, values) for name, value in values.items() if name not in own])
        known = encoded(index if row_id is None else row_id)
    except RecursionError:
        return broken_row(index, raw, "nested too deeply")
    problem = _problem(values, column)
    return Row(index, known, None if problem else values[column], kept, raw, problem)


def broken_row(index: int, raw: Any, problem: str) -> Row:
    """Make a row of what cannot be read; its place is its id."""
    return Row(index, b"%d" % index, None, raw=raw, problem=problem)


def _member(name: str, value: Any, values: Mapping[str, Any]) -> bytes:
    """Write a kept value; one that is called as a field of ours is called ``input_…``."""
    if name in FIELDS:
        name = f"input_{name}"
        while name in values:
            name = f"input_{name}"
    return b",%b:%b" % (encoded(name), encoded(value))


def _problem(values: Mapping[str, Any], column: str) -> str | None:
    value = values.get(column)
    if isinstance(value, str):
        return None
    if value is None:
        return f'"{column}" is null' if column in values else f'there is no "{column}"'
    return f'"{column}" is {_KINDS.get(type(value), "no text")}, not a text'

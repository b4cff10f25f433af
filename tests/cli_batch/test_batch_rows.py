"""Rows: from the input's lines and values to what is asked and kept."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask.cli.batch._bitmap import Bitmap
from hf_fillmask.cli.batch._encode import encoded
from hf_fillmask.cli.batch._lines import blocks_of_lines, count_lines
from hf_fillmask.cli.batch._rows import Chunk, Row, json_row, text_row, values_row
from hf_fillmask.cli.batch._tables import CsvTable, LineTable


def done(*indices: int) -> Bitmap:
    bitmap = Bitmap()
    for index in indices:
        bitmap.add(index)
    return bitmap


def from_object(values: dict[str, Any], column: str = "inputs") -> Row:
    row = json_row(7, json.dumps(values).encode(), column)
    assert row is not None
    return row


@pytest.mark.parametrize(
    ("line", "text"),
    [(b"a [MASK]", "a [MASK]"), (b"a [MASK]\r", "a [MASK]"), (" é 😀 ".encode(), " é 😀 ")],
    ids=["plain", "from Windows", "spaces and more"],
)
def test_a_line_of_text(line: bytes, text: str) -> None:
    """A line is a text, spaces and all, without its end; its place is its id."""
    assert text_row(3, line) == Row(3, b"3", text, raw=line)


@pytest.mark.parametrize("line", [b"", b" \t\r"], ids=["empty", "blank"])
def test_a_blank_line_is_no_row(line: bytes) -> None:
    """Blank lines are nothing to ask, in text and in JSONL."""
    assert (text_row(0, line), json_row(0, line, "inputs")) == (None, None)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"inputs": "\xff"}', "not UTF-8: invalid start byte at byte 12"),
        (b'{"inputs": "a', "not JSON: Unterminated string"),
        (b"[" * 100_000, "not JSON: maximum recursion"),
        (b'["a"]', "not a JSON object"),
        (b'{"id": 1}', 'there is no "inputs"'),
        (b'{"inputs": null}', '"inputs" is null'),
        (b'{"inputs": ["a"]}', '"inputs" is a list, not a text'),
        (b'{"inputs": 5}', '"inputs" is a number, not a text'),
    ],
)
def test_a_bad_line_is_a_row_with_a_problem(line: bytes, problem: str) -> None:
    """What cannot be read is a row all the same, with its problem and its raw line."""
    row = json_row(2, line, "inputs")
    assert row is not None
    assert (row.inputs, row.raw) == (None, line)
    assert str(row.problem).startswith(problem)


def test_undecodable_text() -> None:
    """Bytes that are no UTF-8 are a problem, not the end."""
    row = text_row(2, b"\xff")
    assert row == Row(2, b"2", None, raw=b"\xff", problem="not UTF-8: invalid start byte at byte 0")


@pytest.mark.parametrize(
    ("values", "known"),
    [
        ({"id": "a", "inputs": "t"}, b'"a"'),
        ({"id": 5, "inputs": "t"}, b"5"),
        ({"id": ["x"], "inputs": "t"}, b'["x"]'),
        ({"custom_id": "c", "inputs": "t"}, b'"c"'),
        ({"id": None, "custom_id": "c", "inputs": "t"}, b'"c"'),
        ({"id": None, "inputs": "t"}, b"7"),
        ({"inputs": "t"}, b"7"),
    ],
)
def test_the_id(values: dict[str, Any], known: bytes) -> None:
    """The id is `id`, else `custom_id`, else the row's place; it is not kept a second time."""
    row = from_object(values)
    assert (row.id, row.kept) == (known, b"")


def test_more_values_are_kept() -> None:
    """Further keys go along under their names; one that is called as a field of ours gets a prefix that is free."""
    values = {"id": 1, "custom_id": 2, "inputs": "i", "text": "t", "input_inputs": 3, "error": None, "ü": [1.5]}
    row = from_object(values, column="text")
    expected = {"custom_id": 2, "input_input_inputs": "i", "input_inputs": 3, "input_error": None, "ü": [1.5]}
    assert row.inputs == "t"
    assert json.loads(b"{" + row.kept[1:] + b"}") == expected


def test_values_that_are_nested_too_deeply() -> None:
    """A value that Python cannot write is a problem of its row."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert values_row(0, {"inputs": "t", "more": value}, "inputs", None).problem == "nested too deeply"
    while value:
        value = value.pop()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("\ud800é", b'"\\ud800\xc3\xa9"'),
        ({"a": float("nan"), "b": [float("inf"), 1]}, b'{"a":null,"b":[null,1]}'),
        (b"\x00\xff", b'"AP8="'),
        (True, b"true"),
        ({"a": "\ud800"}, b'{"a":"\\ud800"}'),
        (__import__("datetime").date(2026, 1, 2), b'"2026-01-02"'),
        (__import__("decimal").Decimal("1.5"), b'"1.5"'),
    ],
    ids=["surrogate", "no numbers", "bytes", "true", "surrogate within", "date", "decimal"],
)
def test_what_json_lacks(value: Any, expected: bytes) -> None:
    """Every value comes out as JSON that any parser reads."""
    assert encoded(value) == expected


@given(st.lists(st.binary(max_size=5)), st.integers(1, 7))
def test_lines_of_any_blocks(lines: list[bytes], size: int) -> None:
    """However the bytes come in, the lines and their number are those of the whole."""
    data = b"\n".join(lines)
    expected = data.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert [line for block in blocks_of_lines(io.BytesIO(data).read, size) for line in block] == expected
    assert count_lines(io.BytesIO(data).read, lambda: None) == len(expected)


def test_lines_are_numbered_also_where_they_are_no_rows() -> None:
    """Blank lines and rows that are done count in the index."""
    chunks = list(LineTable(iter([[b"a", b"", b"b"], [b"c"]]), text_row).chunks(done(2)))
    expected = [Chunk([Row(0, b"0", "a", raw=b"a")], 3, 1), Chunk([Row(3, b"3", "c", raw=b"c")], 1, 0)]
    assert chunks == expected


def csv_rows(data: bytes, *is_done: int, size: int = 8) -> list[Row]:
    table = CsvTable(blocks_of_lines(io.BytesIO(data).read, size), "inputs")
    return [row for chunk in table.chunks(done(*is_done)) for row in chunk.rows]


def test_csv() -> None:
    """A record may go over several lines; blank ones count, those that are done are left out, short ones kept."""
    data = b'id,inputs,x\na,"one\r\n[MASK]",1\n\nb,two,2\nc,three\nd\n'
    rows = csv_rows(data, 2)
    assert [(row.index, row.id, row.inputs, row.kept, row.problem) for row in rows] == [
        (0, b'"a"', "one\r\n[MASK]", b',"x":"1"', None),
        (3, b'"c"', "three", b"", None),
        (4, b'"d"', None, b"", 'there is no "inputs"'),
    ]


def test_csv_that_is_broken() -> None:
    """A record with too many cells, bytes that are no UTF-8 or a field without end is bad; the next one is fine."""
    long = b"x" * (csv.field_size_limit() + 1)
    rows = csv_rows(b"inputs\na,b\n\xff\n" + long + b"\nfine\n", size=1 << 16)
    assert [row.problem for row in rows] == [
        "has 2 cells, and the header 1",
        "not UTF-8",
        "not CSV: field larger than field limit (131072)",
        None,
    ]


def test_csv_lines_are_counted() -> None:
    """The lines of all chunks are the lines of the file, its header included."""
    data = b'inputs\n"a\nb"\nc\n'
    table = CsvTable(blocks_of_lines(io.BytesIO(data).read, 4), "inputs")
    assert sum(chunk.lines for chunk in table.chunks(done())) == 4


@given(st.sets(st.integers(0, 5000)))
def test_a_bitmap_is_a_set(indices: set[int]) -> None:
    """A bitmap holds what was added, once, and nothing else."""
    bitmap = done(*indices)
    assert len(bitmap) == len(indices)
    assert {index for index in range(5100) if index in bitmap} == indices
    assert not any(bitmap.add(index) for index in indices)

"""How rows are read out of each format: lines of text or JSON, CSV, Parquet.

Rule: lazily, a chunk at a time, in order. A row that is done before is not looked at any closer.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from .._errors import Failure
from ._bitmap import Bitmap
from ._rows import Chunk, Row, broken_row, values_row

__all__ = ["CsvTable", "LineTable", "ParquetTable"]

Parse = Callable[[int, bytes], Row | None]
_PARQUET_ROWS = 1000


class LineTable:
    """A row a line; blank lines are none, but count in the index."""

    def __init__(self, blocks: Iterator[list[bytes]], parse: Parse) -> None:
        self._blocks = blocks
        self._parse = parse
        self._next = 0

    def chunks(self, done: Bitmap) -> Iterator[Chunk]:
        """Read the rows that are not `done`, those of a block of lines at a time."""
        return map(partial(self._chunk, done), self._blocks)

    def _chunk(self, done: Bitmap, lines: list[bytes]) -> Chunk:
        numbered = [(index, line) for index, line in enumerate(lines, self._next) if index not in done]
        rows = [row for index, line in numbered if (row := self._parse(index, line)) is not None]
        self._next += len(lines)
        return Chunk(rows, len(lines), len(lines) - len(numbered))


class CsvTable:
    """Records after a `header`; one may go over several lines, and blank ones are no rows but count in the index."""

    def __init__(self, blocks: Iterator[list[bytes]], column: str) -> None:
        self._lines = _DecodedLines(blocks)
        self._records = csv.reader(self._lines)
        self._column = column
        self._next = 0
        self.header: list[str] = next(self._records, [])
        self.is_utf_8 = not self._lines.undecodable  # as far as that was seen
        self._counted = 0

    def chunks(self, done: Bitmap) -> Iterator[Chunk]:
        """Read the records that are not `done`, those of a block of lines at a time."""
        return iter(partial(self._chunk, done), None)

    def _chunk(self, done: Bitmap) -> Chunk | None:
        rows: list[Row] = []
        skipped = 0
        while (cells := self._record()) is not None:
            if self._next in done:
                skipped += 1
            elif cells:
                rows.append(self._row(self._next, cells))
            self._next += 1
            if not self._lines.waiting:
                before, self._counted = self._counted, self._records.line_num
                return Chunk(rows, self._counted - before, skipped)
        return None

    def _record(self) -> list[str] | csv.Error | None:
        self._lines.undecodable = False
        try:
            return next(self._records, None)
        except csv.Error as error:  # a field over the limit of 128 KiB, or a bare carriage return
            return error

    def _row(self, index: int, cells: list[str] | csv.Error) -> Row:
        if isinstance(cells, csv.Error):
            return broken_row(index, [], f"not CSV: {cells}")
        if self._lines.undecodable:
            return broken_row(index, cells, "not UTF-8")
        if len(cells) > len(self.header):
            return broken_row(index, cells, f"has {len(cells)} cells, and the header {len(self.header)}")
        return values_row(index, dict(zip(self.header, cells, strict=False)), self._column, cells)


class _DecodedLines:
    """Lines as str, bytes that are no UTF-8 hidden in them; `waiting` are those that need no reading."""

    def __init__(self, blocks: Iterator[list[bytes]]) -> None:
        self._blocks = blocks
        self.waiting: deque[bytes] = deque()
        self.undecodable = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while not self.waiting:
            self.waiting.extend(next(self._blocks))
        line = self.waiting.popleft()
        try:
            return line.decode() + "\n"
        except UnicodeDecodeError:
            self.undecodable = True
            return line.decode(errors="surrogateescape") + "\n"


class ParquetTable:
    """The rows of pyarrow's `ParquetFile`; what it cannot read further on is a failure."""

    def __init__(self, file: Any, column: str, path: str) -> None:
        self._batches = file.iter_batches(batch_size=_PARQUET_ROWS)
        self._column = column
        self._path = path
        self._next = 0

    def chunks(self, done: Bitmap) -> Iterator[Chunk]:
        """Read the rows that are not `done`, a thousand at a time."""
        return iter(partial(self._chunk, done), None)

    def _chunk(self, done: Bitmap) -> Chunk | None:
        try:
            batch = next(self._batches, None)
        except (OSError, ValueError) as error:
            raise Failure(f"cannot read {self._path}: {error}") from error
        if batch is None:
            return None
        numbered = [(index, values) for index, values in enumerate(batch.to_pylist(), self._next) if index not in done]
        rows = [values_row(index, values, self._column, values) for index, values in numbered]
        self._next += batch.num_rows
        return Chunk(rows, batch.num_rows, batch.num_rows - len(numbered))

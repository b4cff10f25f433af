"""How rows are read out of each format: lines of text or JSON, CSV, Parquet.

Rule: lazily, a chunk at a time, in order. A row that is done before is not looked at any closer.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Container, Iterator
from typing import Any

from ._rows import Chunk, Row, broken_row, values_row

__all__ = ["CsvTable", "line_chunks", "parquet_chunks"]

Parse = Callable[[int, bytes, str], Row | None]
_PARQUET_ROWS = 1000


def line_chunks(blocks: Iterator[list[bytes]], parse: Parse, column: str, done: Container[int]) -> Iterator[Chunk]:
    """Read a row a line; blank lines are none, but count in the index."""
    first = 0
    for lines in blocks:
        numbered = [(index, line) for index, line in enumerate(lines, first) if index not in done]
        rows = [row for index, line in numbered if (row := parse(index, line, column)) is not None]
        yield Chunk(rows, len(lines), len(lines) - len(numbered))
        first += len(lines)


class CsvTable:
    """A CSV file with a header; a record may go over several lines, and blank ones are no rows but count."""

    def __init__(self, blocks: Iterator[list[bytes]]) -> None:
        self._blocks = blocks
        self._waiting: deque[bytes] = deque()
        self._undecodable = False
        self._records = csv.reader(self._lines())
        self.header: list[str] = next(self._records, [])

    def chunks(self, column: str, done: Container[int]) -> Iterator[Chunk]:
        """Read the records after the header, those of a block of lines at a time."""
        index, lines = 0, 0
        rows: list[Row] = []
        skipped = 0
        for cells in self._all_records():
            if index in done:
                skipped += 1
            elif cells:
                rows.append(self._row(index, cells, column))
            index += 1
            if not self._waiting:
                yield Chunk(rows, self._records.line_num - lines, skipped)
                rows, skipped, lines = [], 0, self._records.line_num

    def _all_records(self) -> Iterator[list[str] | csv.Error]:
        while True:
            self._undecodable = False
            try:
                yield next(self._records)
            except StopIteration:
                return
            except csv.Error as error:  # a field over the limit of 128 KiB, or a bare carriage return
                yield error

    def _row(self, index: int, cells: list[str] | csv.Error, column: str) -> Row:
        if isinstance(cells, csv.Error):
            return broken_row(index, [], f"not CSV: {cells}")
        if self._undecodable:
            return broken_row(index, cells, "not UTF-8")
        if len(cells) > len(self.header):
            return broken_row(index, cells, f"has {len(cells)} cells, and the header {len(self.header)}")
        return values_row(index, dict(zip(self.header, cells, strict=False)), column, cells)

    def _lines(self) -> Iterator[str]:
        for lines in self._blocks:
            self._waiting.extend(lines)
            while self._waiting:
                yield self._decoded(self._waiting.popleft()) + "\n"

    def _decoded(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            self._undecodable = True
            return line.decode(errors="surrogateescape")


def parquet_chunks(file: Any, column: str, done: Container[int]) -> Iterator[Chunk]:
    """Read the rows of pyarrow's `ParquetFile`."""
    first = 0
    for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
        numbered = [(index, values) for index, values in enumerate(batch.to_pylist(), first) if index not in done]
        rows = [values_row(index, values, column, values) for index, values in numbered]
        yield Chunk(rows, batch.num_rows, batch.num_rows - len(numbered))
        first += batch.num_rows

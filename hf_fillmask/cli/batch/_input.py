"""The input: which format it has, how it is told from another one, and its rows.

Rule: blocking, so it runs in a worker thread; a stream (standard input, a pipe) is read once and from its beginning,
and waiting for it ends when `check` raises. What is no input at all is told before anything is asked.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import select
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import PurePath
from typing import Any, BinaryIO

import click

from .._errors import Failure
from ._bitmap import Bitmap
from ._failed import FailedLines, FailedTable, cells_line
from ._lines import BLOCK, Check, blocks_of_lines, count_lines
from ._rows import Chunk, json_row, text_row
from ._tables import CsvTable, LineTable, ParquetTable

__all__ = ["FORMATS", "Failed", "Input", "format_of", "open_input"]

FORMATS = ("text", "jsonl", "csv", "parquet")

_SUFFIXES = {".txt": "text", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
_PEEK = 0.2  # seconds between two looks whether the command was stopped
_BOM = b"\xef\xbb\xbf"  # editors on Windows put it before the first line
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # and `>` of Windows PowerShell writes this; UTF-8 never begins so
_LONGEST = 1 << 26  # bytes; a longer line is no text, and would fill the memory

Failed = FailedLines | FailedTable


@dataclass(slots=True)
class Input:
    """An input that is open: what tells it from others, its rows, and where its failed rows can go.

    `chunks` takes the rows that are done; `count` gives the number of its lines, None where nobody knows.
    """

    format: str
    identity: dict[str, Any]
    chunks: Callable[[Bitmap], Iterator[Chunk]]
    failed: Callable[[str], Failed]
    count: Callable[[Check], int | None]
    resources: ExitStack

    def close(self) -> None:
        """Close the file."""
        self.resources.close()


def format_of(path: str, asked: str | None) -> str:
    """Tell the format by the suffix, unless it is `asked` for."""
    known = asked or _SUFFIXES.get(PurePath(path).suffix.lower())
    if known is None:
        which = "standard input has no name that tells its" if path == "-" else f"the name of {path} does not tell its"
        raise click.UsageError(f"{which} format; pass --format {{{','.join(FORMATS)}}}")
    return known


def open_input(path: str, asked: str | None, column: str, check: Check) -> Input:
    """Open `path`, '-' for standard input; what is wrong with it as a whole is wrong use."""
    kind = format_of(path, asked)
    resources = ExitStack()
    try:
        file = _opened(path, resources)
        if kind == "parquet":
            return _parquet(path, file, column, resources)
        return _lines(kind, path, file, column, resources, check)
    except OSError as error:
        resources.close()
        raise click.UsageError(f"cannot read {_called(path)}: {error.strerror or error}") from error
    except BaseException:
        resources.close()
        raise


def _called(path: str) -> str:
    return "standard input" if path == "-" else path


def _opened(path: str, resources: ExitStack) -> BinaryIO:
    if path != "-":
        # Elsewhere a named pipe without a writer reads as if it were at its end.
        opener = _opened_at_once if sys.platform == "linux" else None
        return resources.enter_context(open(path, "rb", buffering=0, opener=opener))
    stdin = sys.stdin
    if stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  # so it is where it was closed
        raise click.UsageError("'-' asks for standard input, which is closed")
    return stdin.buffer


def _opened_at_once(path: str, flags: int) -> int:
    """Open a named pipe before anybody writes to it: `_reader` waits with an eye on `check`, and this could not."""
    fd = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(fd, True)
    return fd


def _lines(kind: str, path: str, file: BinaryIO, column: str, resources: ExitStack, check: Check) -> Input:
    blocks = blocks_of_lines(_reader(path, file, check))
    first = next(blocks, [])
    if first and first[0].startswith(_UTF_16):
        raise click.UsageError(f"{_called(path)} is UTF-16; make it UTF-8: iconv -f UTF-16 -t UTF-8")
    identity = _identity(path, file, first)
    first[:1] = [line.removeprefix(_BOM) for line in first[:1]]
    all_blocks = chain([first] if first else [], blocks)
    count = _unknown if identity["size"] is None else partial(_count, path)
    if kind != "csv":
        parse = text_row if kind == "text" else partial(json_row, column=column)
        return Input(kind, identity, LineTable(all_blocks, parse).chunks, FailedLines, count, resources)
    table = CsvTable(all_blocks, column)
    if not table.header:
        raise click.UsageError(f"{_called(path)} is empty; CSV begins with a header")
    if not table.is_utf_8:
        raise click.UsageError(
            f"{_called(path)} is not UTF-8, its header at least; make it so: iconv -f WINDOWS-1252 -t UTF-8"
        )
    _has(column, table.header, path)
    failed = partial(FailedLines, header=cells_line(table.header), encode=cells_line)
    return Input(kind, identity, table.chunks, failed, count, resources)


def _parquet(path: str, file: BinaryIO, column: str, resources: ExitStack) -> Input:
    if not _is_regular(file):
        raise click.UsageError("Parquet is read from a file, not from a stream")
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise Failure("Parquet needs pyarrow, which is not installed", "run: pip install pyarrow") from error
    try:
        table = resources.enter_context(parquet.ParquetFile(path))
    except ValueError as error:  # pyarrow's own errors are some
        raise click.UsageError(f"cannot read {path}: {error}") from error
    _has(column, table.schema_arrow.names, path)
    chunks, rows = ParquetTable(table, column, path).chunks, table.metadata.num_rows
    failed = partial(FailedTable, schema=table.schema_arrow)
    return Input("parquet", _identity(path, file, []), chunks, failed, lambda _: rows, resources)


def _has(column: str, columns: list[str], path: str) -> None:
    if column not in columns:
        raise click.UsageError(f'{_called(path)} has no column "{column}", but: {", ".join(columns)}; pass --column')


def _reader(path: str, file: BinaryIO, check: Check) -> Callable[[int], bytes]:
    """Give a function that reads what is there, and waits for more with an eye on `check`."""
    try:
        fd = file.fileno()
    except OSError:  # no file of the system's
        return file.read
    waits = not _is_regular(file) and os.name == "posix"
    begun = 0  # bytes of the line that is being read, about

    def read(size: int) -> bytes:
        nonlocal begun
        try:
            while waits and not select.select([fd], [], [], _PEEK)[0]:
                check()
            block = os.read(fd, size)
        except OSError as error:
            raise Failure(f"cannot read {_called(path)}: {error.strerror}") from error
        begun = 0 if b"\n" in block else begun + len(block)
        if begun > _LONGEST:
            raise Failure(
                f"cannot read {_called(path)}: a line is longer than {_LONGEST >> 20} MiB", "is it a file of texts?"
            )
        return block

    return read


def _is_regular(file: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except OSError:
        return False


def _identity(path: str, file: BinaryIO, first: list[bytes]) -> dict[str, Any]:
    """Tell a file by its size, its first and its last 64 KiB; a stream can only be told by its first line."""
    if path == "-" or not _is_regular(file):
        return {"size": None, "head": _hash(first[0][:BLOCK] if first else b""), "tail": None}
    with open(path, "rb") as again:
        size = again.seek(0, os.SEEK_END)
        again.seek(max(0, size - BLOCK))
        tail = again.read(BLOCK)
        again.seek(0)
        return {"size": size, "head": _hash(again.read(BLOCK)), "tail": _hash(tail)}


def _hash(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _unknown(check: Check) -> None:  # noqa: ARG001 - as the other ways to count
    return None


def _count(path: str, check: Check) -> int:
    with open(path, "rb", buffering=0) as file:
        return count_lines(file.read, check)

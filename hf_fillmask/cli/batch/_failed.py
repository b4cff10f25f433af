"""The file of failed rows, in the input's own format, ready to be an input.

Rule: it is written beside its name and takes it at the end of a run, so it never holds half of what failed.
"""

from __future__ import annotations

import csv
import importlib
import io
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._disk import replace_by

__all__ = ["FailedLines", "FailedTable", "cells_line"]


def cells_line(cells: Sequence[str]) -> bytes:
    """Write a record of CSV, without its end; bytes that were no UTF-8 come out as they were."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue().encode(errors="surrogateescape")


class _Beside:
    """A file that is written beside its name, which it takes when it is whole."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open(f"{os.path.realpath(path)}.partial", "wb")  # noqa: SIM115 - closed by `close`

    def commit(self) -> None:
        """Give the file its name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        replace_by(self._file.name, self._path)

    def close(self) -> None:
        """Leave what stood under the name before, unless the file was committed."""
        self._file.close()
        if os.path.exists(self._file.name):
            os.unlink(self._file.name)


class FailedLines(_Beside):
    """Failed rows as lines, each `raw` made a line by `encode`, after a `header` that is not empty."""

    def __init__(self, path: str, header: bytes = b"", encode: Callable[[Any], bytes] = bytes) -> None:
        super().__init__(path)
        self._encode = encode
        self.write([header] if header else [], encode=bytes)

    def write(self, raws: Sequence[Any], encode: Callable[[Any], bytes] | None = None) -> None:
        """Add rows."""
        self._file.write(b"".join((encode or self._encode)(raw) + b"\n" for raw in raws))


class FailedTable(_Beside):
    """Failed rows as a Parquet file of the input's `schema`."""

    def __init__(self, path: str, schema: Any) -> None:
        super().__init__(path)
        self._schema = schema
        self._arrow: Any = importlib.import_module("pyarrow")
        self._writer: Any = importlib.import_module("pyarrow.parquet").ParquetWriter(self._file, schema)

    def write(self, raws: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""
        if raws:
            self._writer.write_table(self._arrow.Table.from_pylist(list(raws), schema=self._schema))

    def commit(self) -> None:
        """Give the file its name."""
        self._writer.close()
        super().commit()

    def close(self) -> None:
        """Leave what stood under the name before, unless the file was committed."""
        self._writer.close()
        super().close()

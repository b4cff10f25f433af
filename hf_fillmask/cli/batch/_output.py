"""The output as a file: when it may be written to, and what stands in it already.

Rule: blocking, so it runs in a worker thread. At every moment a kill leaves a file that `--resume` understands: the
rows go before the manifest that names them, and the manifest before the first row that it is for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from .._errors import Failure
from ._disk import is_locked_for_us, same_file, sync_data, write_all, write_whole
from ._lines import Check
from ._manifest import differences, dumped, loaded
from ._scan import Scan, scan

__all__ = ["Mode", "OutputFile", "Refused", "is_file", "manifest_path", "open_output", "refuse_existing"]

Mode = Literal["new", "resume", "overwrite"]

_CHOICE = "pass --resume to go on with it, or --overwrite to begin anew"


class Refused(Failure):
    """The output may not be written to like this: exit code 2, with a hint."""

    exit_code = 2


@dataclass(slots=True)
class OutputFile:
    """An output that is open and locked, with what stood in it."""

    path: str
    file: BinaryIO
    found: Scan

    def write(self, data: bytes) -> None:
        """Append `data`."""
        write_all(self.file, data)

    def sync(self) -> None:
        """Bring it to the disk."""
        sync_data(self.file.fileno())

    def close(self) -> None:
        """Close and unlock it."""
        self.file.close()


def is_file(path: str) -> bool:
    """Tell an output that can be resumed from a stream: standard output, a pipe, a device."""
    return path != "-" and (os.path.isfile(path) or not os.path.exists(path))


def manifest_path(path: str) -> str:
    """Name the manifest of an output."""
    return f"{path}.manifest.json"


def refuse_existing(path: str, mode: Mode) -> None:
    """Refuse what `open_output` would refuse, before anything else is done."""
    if mode == "new" and os.path.exists(path):
        raise Refused(f"{path} exists", _CHOICE)


def open_output(path: str, mode: Mode, made_of: dict[str, Any], check: Check) -> OutputFile:
    """Open and lock an output, cut off what is torn, and have the manifest beside it."""
    path = os.path.realpath(path)
    try:
        file = _locked(path, mode)
        try:
            return _prepared(path, file, mode, made_of, check)
        except BaseException:
            file.close()
            raise
    except FileExistsError as error:
        raise Refused(f"{path} exists", _CHOICE) from error
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror}") from error


def _locked(path: str, mode: Mode, lock: Callable[[int], bool] = is_locked_for_us) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | (os.O_EXCL if mode == "new" else 0)
    while True:
        file = open(os.open(path, flags, 0o666), "r+b", buffering=0)  # noqa: SIM115 - the run closes it
        if not lock(file.fileno()):
            file.close()
            raise Refused(f"another run writes to {path}", "wait for it, or choose another output")
        if same_file(file.fileno(), path):
            return file
        file.close()


def _prepared(path: str, file: BinaryIO, mode: Mode, made_of: dict[str, Any], check: Check) -> OutputFile:
    with suppress(FileNotFoundError):
        os.unlink(f"{path}.partial")  # of a run that was killed while it tidied up
    if mode == "resume" and file.seek(0, os.SEEK_END):
        _compare(path, made_of)
        found = scan(file, check)
        file.truncate(found.end)
    else:
        found = Scan()
        file.truncate(0)
        os.fsync(file.fileno())
        write_whole(manifest_path(path), dumped(made_of))
    file.seek(found.end)
    return OutputFile(path, file, found)


def _compare(path: str, made_of: dict[str, Any]) -> None:
    manifest = manifest_path(path)
    try:
        with open(manifest, "rb") as file:
            before = loaded(file.read())
    except FileNotFoundError:
        raise Refused(f"{path} has no manifest beside it, so nobody knows what it was made of", _CHOICE) from None
    if before is None:
        raise Refused(f"{manifest} is no manifest", "restore it, or pass --overwrite to begin anew")
    if changed := differences(before, made_of):
        raise Refused(
            f"{path} was made otherwise: {'; '.join(changed)}", "use what it was made with, or another output"
        )

"""What keeps a file whole on disk: locks, and files that appear at once or not at all.

Rule: nothing is renamed before its bytes are on the disk, and no lock is believed before the name was looked at again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import BinaryIO

__all__ = ["is_locked_for_us", "replace_by", "same_file", "sync_data", "write_all", "write_whole"]


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write `data` to a file without a buffer, which may take it in parts."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def write_whole(path: str, data: bytes) -> None:
    """Write a file that has either its old content or `data`, whatever happens."""
    beside = f"{path}.partial"
    with open(beside, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    replace_by(beside, path)


def replace_by(beside: str, path: str) -> None:
    """Let the file `beside`, which is on the disk, take the name `path`."""
    path = os.path.realpath(path)
    os.replace(beside, path)
    with suppress(OSError):  # not every system opens folders
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def sync_data(fd: int) -> None:
    """Bring what was written to the disk, but not the times."""
    getattr(os, "fdatasync", os.fsync)(fd)


def is_locked_for_us(fd: int) -> bool:
    """Lock an open file for this process, until it is closed; False if another one has it.

    Where there are no locks (Windows, some network file systems) there is nobody to ask.
    """
    try:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        pass
    return True


def same_file(fd: int, path: str) -> bool:
    """Tell whether `path` still names the open file: another run may have put a tidied one in its place."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False

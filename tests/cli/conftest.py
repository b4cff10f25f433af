"""What the command line's tests share: ways to run the command, and a server for it to ask."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hf_fillmask.__main__ import main
from hf_fillmask.emulator import create_app, serving

from ..shell.helpers import no_surroundings

__all__ = ["no_surroundings"]

_UNWANTED = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "PYTHONIOENCODING")


@dataclass(frozen=True)
class Run:
    """What came of one run of the command: its exit code and all that it wrote."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The JSON objects on standard output, one a line."""
        return [json.loads(line) for line in self.out.split("\n")[:-1]]


@pytest.fixture(autouse=True)
def environment(no_surroundings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's settings matters: no token, no proxy, no colour, 80 columns."""
    for name in _UNWANTED:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """An emulator on a real socket; each model that no test has named yet is cold."""
    with serving(create_app(load_seconds=0)) as base_url:
        yield base_url


@pytest.fixture
def pointed(emulator: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The emulator, as the environment's default server and Hub."""
    monkeypatch.setenv("HF_FILLMASK_BASE_URL", emulator)
    monkeypatch.setenv("HF_ENDPOINT", emulator)
    return emulator


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Run the command in this process, its streams no terminals."""

    def invoke(*argv: str, stdin: bytes | None = b"", encoding: str = "utf-8") -> Run:
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding, newline="\n") for _ in range(2))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", None if stdin is None else io.TextIOWrapper(io.BytesIO(stdin), encoding))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            code = main(argv)
            err.flush()
        return Run(code, *(stream.buffer.getvalue().decode(encoding) for stream in (out, err)))

    return invoke


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Run the command in this process before a terminal; `out` is all that the terminal was sent."""
    pty = pytest.importorskip("pty")

    def person(*argv: str, encoding: str = "utf-8", typed: str | None = None) -> Run:
        master, slave = pty.openpty()
        received: list[bytes] = []
        reader = threading.Thread(target=_collect, args=(master, received))
        reader.start()
        if typed is not None:
            os.write(master, typed.encode(encoding))
        with monkeypatch.context() as patch, open(slave, "r+b", buffering=0) as terminal:
            for name in ("stdin", "stdout", "stderr"):
                patch.setattr(sys, name, io.TextIOWrapper(terminal, encoding, write_through=True))
            code = main(argv)
            for stream in (sys.stdin, sys.stdout, sys.stderr):
                stream.detach()
        reader.join()
        os.close(master)
        return Run(code, b"".join(received).decode(encoding).replace("\r\n", "\n"), "")

    return person


@pytest.fixture
def plain() -> Callable[[str], str]:
    """Take out of a terminal's text what steers it."""
    return lambda text: re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", text)


@pytest.fixture
def terminal_text() -> Callable[[int], str]:
    """Read what a terminal is sent until nobody holds its other end."""

    def terminal_text(master: int) -> str:
        received: list[bytes] = []
        _collect(master, received)
        return b"".join(received).decode()

    return terminal_text


@pytest.fixture
def process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command as a process of its own."""

    def process(*argv: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hf_fillmask", *argv]
        return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=30, check=False, **options)

    return process


def _collect(master: int, received: list[bytes]) -> None:
    with contextlib.suppress(OSError):  # Linux says so when the other end is closed; others read nothing
        received.extend(iter(lambda: os.read(master, 65536), b""))

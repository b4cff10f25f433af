"""Runs that are killed: whatever the moment, the resumed run ends like one that nobody disturbed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..shell.scripted_server import ScriptedServer
from .helpers import essence, numbered, rows_of, written_by

pytestmark = pytest.mark.slow

ROWS = 160


def start(server: ScriptedServer, folder: Path, *argv: str) -> subprocess.Popen[bytes]:
    """Start the command as a process of its own."""
    command = [sys.executable, "-m", "hf_fillmask", "batch", "in.txt", "--base-url", server.url, "--model", "m"]
    return subprocess.Popen([*command, *argv], cwd=folder, stderr=subprocess.PIPE)


def wait_for_requests(server: ScriptedServer, count: int) -> None:
    server.wait_for(lambda server: len(server.requests) >= count)


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, err = process.communicate(timeout=30)
    return process.returncode, err.decode()


@pytest.mark.parametrize(
    ("seed", "options"),
    [(1, ()), (2, ("--ordered",)), (3, ("--inputs-per-request", "8"))],
    ids=["as done", "ordered", "lists"],
)
def test_killed_again_and_again(server: ScriptedServer, tmp_path: Path, seed: int, options: tuple[str, ...]) -> None:
    """Killed by SIGKILL after any number of requests, any number of times, a run loses no row and has none twice."""
    chance = random.Random(seed)
    (tmp_path / "in.txt").write_text(numbered(ROWS))
    for _ in range(2 if options else 3):
        before = len(server.requests)
        process = start(server, tmp_path, "-o", "out.jsonl", "--resume", "--errors", "bad.txt", *options)
        wanted = before + chance.randrange(1, ROWS // 4 if not options else 30)
        wait_for_requests(server, wanted)
        process.kill()
        finish(process)
    code, err = finish(start(server, tmp_path, "-o", "out.jsonl", "--resume", "--errors", "bad.txt", *options))
    assert (code, "Traceback" in err) == (1, False)
    assert finish(start(server, tmp_path, "-o", "whole.jsonl", *options))[0] == 1
    rows = rows_of(tmp_path / "out.jsonl")
    assert essence(rows) == essence(rows_of(tmp_path / "whole.jsonl"))
    assert not options or options[0] != "--ordered" or [row["index"] for row in rows] == list(range(ROWS))
    bad = [line for line in numbered(ROWS).splitlines() if "bad" in line]
    assert sorted((tmp_path / "bad.txt").read_text().splitlines()) == sorted(bad)
    assert sorted(os.listdir(tmp_path)) == [
        "bad.txt",
        "in.txt",
        "out.jsonl",
        "out.jsonl.manifest.json",
        "whole.jsonl",
        "whole.jsonl.manifest.json",
    ]


def test_ctrl_c(server: ScriptedServer, tmp_path: Path) -> None:
    """SIGINT ends a run with 130; what it says is done is in the file; a second run meanwhile is refused."""
    (tmp_path / "in.txt").write_text(numbered(20_000))
    process = start(server, tmp_path, "-o", "out.jsonl")
    wait_for_requests(server, 101)
    code, err = finish(start(server, tmp_path, "-o", "out.jsonl", "--resume"))
    assert (code, err.startswith("error: another run writes to ")) == (2, True)
    process.send_signal(signal.SIGINT)
    code, err = finish(process)
    assert (code, written_by(err)) == (130, len(rows_of(tmp_path / "out.jsonl")))
    assert written_by(err) > 0

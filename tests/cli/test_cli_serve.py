"""`hf-fillmask serve`: the emulator in the foreground."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

Invoke = Callable[..., Any]


def test_serve_until_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line names the address, ready for a shell; Ctrl-C ends the server with 130."""
    from hf_fillmask.__main__ import main

    reading, writing = os.pipe()
    told: list[str] = []
    with open(reading, encoding="utf-8") as lines, open(writing, "w", encoding="utf-8") as out:
        visitor = threading.Thread(target=visit, args=(lines, told))
        visitor.start()
        monkeypatch.setattr(sys, "stdout", out)
        code = main(["serve", "--port", "0", "--load-seconds", "0.5", "--token", "hf_key"])
        visitor.join()
    line, answer = told
    url = line.split("HF_ENDPOINT=")[1]
    assert code == 130
    assert line == f"The emulator listens; use it with: export HF_FILLMASK_BASE_URL={url} HF_ENDPOINT={url}"
    assert answer == "hf_fillmask"


def visit(lines: Any, told: list[str]) -> None:
    """Be the user: read the address, look at it, press Ctrl-C."""
    told.append(lines.readline().rstrip("\n"))
    url = told[0].rpartition("=")[2]
    told.append(httpx.get(url, trust_env=False).json()["emulator"])
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_a_port_that_is_taken(invoke: Invoke) -> None:
    """A taken port is one line and a hint, exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = invoke("serve", "--port", str(port))
    error, hint = run.err.splitlines()
    assert (run.code, run.out) == (1, "")
    assert error.startswith(f"error: cannot listen on 127.0.0.1:{port}: Address already in use")
    assert hint == "hint: choose another --host or --port"


def test_ctrl_c_of_a_process() -> None:
    """As a process of its own it ends the same way, without a traceback."""
    command = [sys.executable, "-m", "hf_fillmask", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as server:
        assert server.stdout is not None
        url = server.stdout.readline().rstrip("\n").rpartition("=")[2]
        assert httpx.get(url, trust_env=False).status_code == 200
        server.send_signal(signal.SIGINT)
        _, err = server.communicate(timeout=10)
    assert server.returncode == 130
    assert "Traceback" not in err

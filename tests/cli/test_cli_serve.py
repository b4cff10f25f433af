"""`hf-fillmask serve`: the emulator in the foreground."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TextIO

import httpx
import pytest

from hf_fillmask.__main__ import main

from ..emulator.stand_in import installed

Invoke = Callable[..., Any]

WARM_OR_LOADING = "--warm leaves nothing to load; take either --warm or --load-seconds"


@contextmanager
def visited(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Have a user before the server of the block, who reads the address, looks at it and presses Ctrl-C.

    Afterwards the list holds the line with the address, the name of what answered there, and all that was told later.
    """
    told: list[str] = []
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as lines:
        visitor = threading.Thread(target=visit, args=(lines, told))
        visitor.start()
        with open(writing, "w", encoding="utf-8") as out, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            yield told
        visitor.join()
        told.append(lines.read())


def visit(lines: TextIO, told: list[str]) -> None:
    """Be the user."""
    told.append(lines.readline().rstrip("\n"))
    url = told[0].rpartition("=")[2]
    told.append(httpx.get(url, trust_env=False).json()["emulator"])
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_serve_until_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line names the address, ready for a shell; Ctrl-C ends the server with 130."""
    with visited(monkeypatch) as told:
        code = main(["serve", "--port", "0", "--load-seconds", "0.5", "--token", "hf_key"])
    line, answer, rest = told
    url = line.split("HF_ENDPOINT=")[1]
    assert code == 130
    assert line == f"The emulator listens; use it with: export HF_FILLMASK_BASE_URL={url} HF_ENDPOINT={url}"
    assert (answer, rest) == ("hf_fillmask", "")


def test_a_port_that_is_taken(invoke: Invoke) -> None:
    """A taken port is one line and a hint, exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = invoke("serve", "--port", str(port))
    error, hint = run.err.splitlines()
    assert (run.code, run.out) == (1, "")
    assert error.startswith(f"error: cannot listen on 127.0.0.1:{port}: Address already in use")
    assert hint == "hint: choose another --host or --port"


def test_wrong_faults(invoke: Invoke) -> None:
    """A fault that cannot be read is wrong use, and the message says how faults are written."""
    run = invoke("serve", "--fault", "503x2", "--fault", "503x")
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("error: '503x' cannot be read: what follows the x is no number of times; a fault is")


def test_warm_or_loading(invoke: Invoke) -> None:
    """Warm models load nothing."""
    run = invoke("serve", "--warm", "--load-seconds", "3")
    assert (run.code, run.err.splitlines()[0]) == (2, "error: " + WARM_OR_LOADING)


def test_ctrl_c_of_a_process() -> None:
    """As a process of its own it ends the same way, without a traceback; its log goes to standard error."""
    command = [sys.executable, "-m", "hf_fillmask", "serve", "--port", "0", "--warm", "--fault", "418:body=tea"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as server:
        assert server.stdout is not None
        url = server.stdout.readline().rstrip("\n").rpartition("=")[2]
        ask = {"inputs": "Paris is the capital of [MASK]."}
        answers = [httpx.post(f"{url}/models/org/bert", json=ask, trust_env=False) for _ in range(2)]
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=10)
    assert server.returncode == 130
    assert [(answer.status_code, answer.text[:3]) for answer in answers] == [(418, "tea"), (200, '[{"')]
    assert "Traceback" not in err
    # Who pipes the first line into a shell wants no second one.
    assert (out, err.count("POST /models/org/bert")) == ("", 2)


def test_a_model_of_yours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The second line names the model for other commands; Ctrl-C ends the process without waiting for the model."""

    def end(code: int) -> NoReturn:
        raise SystemExit(code)

    installed(monkeypatch)
    monkeypatch.setattr(os, "_exit", end)
    (tmp_path / "my-bert").mkdir()
    with visited(monkeypatch) as told, pytest.raises(SystemExit) as ended:
        main(["serve", "--port", "0", "--model", str(tmp_path / "my-bert")])
    assert ended.value.code == 130
    assert told[2] == "The model is my-bert; name it with: --model my-bert\n"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--model", "./nothing"], "model must be a folder with a model, or the id of one on the Hub, not './nothing'"),
        (["--model", "a/b", "--load-seconds", "1"], "--load-seconds is for the built-in model"),
        (["--model", "a/b", "--corpus", __file__], "corpus is for the built-in model"),
        (["--model", "a/b", "--warm"], "warm is for the built-in model"),
        (["--model", "a/b", "--fault", "cold=5"], "a fault cold is for the built-in model"),
    ],
)
def test_a_model_that_cannot_be_served(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, options: list[str], error: str
) -> None:
    """What contradicts itself, or leads nowhere, is wrong use."""
    installed(monkeypatch)
    run = invoke("serve", *options)
    assert (run.code, run.out) == (2, "")
    assert error in run.err


def test_a_model_without_its_extra(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "transformers", None)
    run = invoke("serve", "--model", "org/bert")
    assert (run.code, run.out) == (2, "")
    assert "pip install 'hf-fillmask[transformers]'" in run.err

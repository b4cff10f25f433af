"""The command as a process: exit codes, pipes, signals and missing extras, as a shell sees them."""

from __future__ import annotations

import io
import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from hf_fillmask.__main__ import main
from hf_fillmask.emulator import serving

pytestmark = pytest.mark.slow

Process = Callable[..., "subprocess.CompletedProcess[str]"]
Invoke = Callable[..., Any]

COLD = ["fill", "--emulator", "--load-seconds", "600", "a [MASK]"]


def start(*argv: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "hf_fillmask", *argv]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, encoding="utf-8", **{**streams, **options})


def without(module: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process that lacks `module`."""
    code = f"import sys; sys.modules[{module!r}] = None\nfrom hf_fillmask.__main__ import main\nsys.exit(main())"
    command = [sys.executable, "-c", code, *argv]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=30, check=False)


def test_a_result(process: Process, pointed: str) -> None:
    """A result is exit code 0 and one line."""
    run = process("fill", "--model", "process/bert", "Paris is the [MASK] of France.")
    assert (run.returncode, run.stdout.count("\n")) == (0, 1)


def test_an_error(process: Process, pointed: str) -> None:
    """An error of the tree is exit code 1, without a traceback."""
    run = process("fill", "--model", "a/does-not-exist", "a [MASK]")
    assert run.returncode == 1
    assert run.stderr.startswith("error: a/does-not-exist: HTTP 404")


def test_wrong_use(process: Process) -> None:
    """Wrong use is exit code 2."""
    assert process("fill", "--top-k", "many", "a").returncode == 2


def test_a_reader_that_goes_away(pointed: str) -> None:
    """`| head -1` ends the command quietly."""
    with start("fill", "--model", "head/bert", "-") as command:
        assert command.stdin is not None
        assert command.stdout is not None
        command.stdin.write("".join(f"{number} [MASK]\n" for number in range(2000)))
        command.stdin.close()
        first = command.stdout.readline()
        command.stdout.close()
        assert command.stderr is not None
        err = command.stderr.read()
    assert first.startswith('{"inputs": "0 [MASK]"')
    assert command.returncode == 0
    assert [line.split(" is ")[1].split()[0] for line in err.splitlines()] == ["loading,", "warm"]


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", -signal.SIGTERM)], ids=["ctrl-c", "kill"])
def test_a_signal_during_a_cold_start(name: str, code: int) -> None:
    """Ctrl-C during a cold start is exit code 130 and no further word; SIGTERM just ends the process."""
    with start(*COLD) as command:
        assert command.stderr is not None
        assert command.stderr.readline() == "FacebookAI/xlm-roberta-base is loading, server's estimate 600 s\n"
        command.send_signal(signal.Signals[name])
        out, err = command.communicate(timeout=10)
    assert (command.returncode, out, err) == (code, "", "")


def test_ctrl_c_at_a_terminal(plain: Callable[[str], str], terminal_text: Callable[[int], str]) -> None:
    """The live line is gone when Ctrl-C was pressed, and the cursor is where it was."""
    pty = pytest.importorskip("pty")
    import fcntl
    import termios

    master, slave = pty.openpty()
    take_terminal = partial(fcntl.ioctl, slave, termios.TIOCSCTTY, 0)
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), slave)
    with start(*COLD, start_new_session=True, preexec_fn=take_terminal, **streams) as command:
        os.close(slave)
        received = ""
        while "server's estimate" not in received:
            received += os.read(master, 4096).decode()
        os.write(master, b"\x03")
        after = terminal_text(master)
    os.close(master)
    assert command.returncode == 130
    assert plain(after.rpartition("\x1b[2K")[2]).strip() == ""
    assert (received + after).rfind("\x1b[?25h") > (received + after).rfind("\x1b[?25l")


def test_ctrl_c_while_the_command_is_loaded(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who presses Ctrl-C before the command has begun sees no traceback either."""

    class Interrupting:
        def find_spec(self, name: str, path: object, target: object = None) -> None:
            assert name == "hf_fillmask.cli"
            signal.raise_signal(signal.SIGINT)

    monkeypatch.delitem(sys.modules, "hf_fillmask.cli", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    run = invoke("--version")
    assert (run.code, run.out, run.err) == (130, "", "")


@pytest.mark.parametrize("before", ["invoke", "person"])
def test_ctrl_c_within(before: str, request: pytest.FixtureRequest) -> None:
    """Ctrl-C while a request is under way is exit code 130; at a terminal a new line is begun."""

    async def interrupting(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"  # a server takes the failure at its start for "no lifespan"
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        await receive()  # the request
        await receive()  # its end: the client is gone

    with serving(interrupting) as url:
        run = request.getfixturevalue(before)("fill", "--base-url", url, "a [MASK]")
    assert (run.code, run.out) == (130, "\n" if before == "person" else "")


@pytest.mark.parametrize(
    ("module", "argv", "extra"),
    [
        ("click", ["fill", "a"], "cli"),
        ("rich", ["--help"], "cli"),
        ("starlette", ["serve"], "cli,emulator"),
        ("uvicorn", ["fill", "--emulator", "a"], "cli,emulator"),
    ],
)
def test_a_missing_extra(module: str, argv: list[str], extra: str) -> None:
    """Without its extra, the command says in one line how to install it."""
    run = without(module, *argv)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        f"hf-fillmask: this needs {module}, which is not installed; run: pip install 'hf-fillmask[{extra}]'\n"
    )


def test_a_missing_extra_within(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator's extra is missed only by the commands that need it."""
    for name in [name for name in sys.modules if name.startswith("hf_fillmask.emulator")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert invoke("--version").code == 0
    run = invoke("fill", "--emulator", "a [MASK]")
    assert (run.code, run.err.count("\n")) == (1, 1)
    assert run.err.endswith("pip install 'hf-fillmask[cli,emulator]'\n")


def test_a_package_that_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of our own that is missing is no extra: that is told as what it is."""
    monkeypatch.setitem(sys.modules, "hf_fillmask.cli", None)
    with pytest.raises(ModuleNotFoundError, match=r"hf_fillmask\.cli"):
        main(["--version"])


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m hf_fillmask` is `hf-fillmask`."""
    monkeypatch.delitem(sys.modules, "hf_fillmask.__main__")
    monkeypatch.setattr(sys, "argv", ["anything", "--version"])
    with pytest.raises(SystemExit) as exit_code:
        runpy.run_module("hf_fillmask", run_name="__main__")
    assert exit_code.value.code == 0
    assert capsys.readouterr().out.startswith("hf-fillmask ")


@pytest.mark.parametrize("reader", ["gone", "closed"])
def test_an_output_that_nobody_reads(reader: str, pointed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that went away is no failure; an output that was closed from the start is one."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as out:
        monkeypatch.setattr(sys, "stdout", out if reader == "gone" else None)
        code = main(["fill", "--model", "unread/bert", "a [MASK]", "b [MASK]"])
    assert code == (0 if reader == "gone" else 1)


def test_news_that_nobody_reads(
    pointed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The news of a cold start have no reader: the results come all the same."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as err:
        monkeypatch.setattr(sys, "stderr", err)
        code = main(["fill", "--model", "no-news/bert", "a [MASK]"])
    assert (code, capsys.readouterr().out.count("\n")) == (0, 1)


class Full(io.StringIO):
    """A stream on a disk without space."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Output that cannot be written is an error in one line."""
    monkeypatch.setattr(sys, "stdout", Full())
    assert main(["--version"]) == 1
    assert capsys.readouterr().err == "error: No space left on device\n"


def test_an_error_that_nobody_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code is right, even if the line has nowhere to go."""
    monkeypatch.setattr(sys, "stderr", Full())
    assert main(["fill"]) == 2

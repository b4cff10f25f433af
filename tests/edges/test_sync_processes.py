"""The sync client in programs of its own: forks, interrupts, and the end of the interpreter."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from ..shell.scripted_server import LONGEST_WAIT, Received, ScriptedServer, Wire, scripted
from .sync_client import Portals, client_of, word

pytestmark = pytest.mark.slow


def run(code: str, *arguments: str, timeout: float = 15) -> subprocess.CompletedProcess[str]:
    """Run a program of its own; one that hangs fails the test."""
    command = [sys.executable, "-W", "default::ResourceWarning", "-c", PRELUDE + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


PRELUDE = """
import os, sys, threading, time
from hf_fillmask import FillMaskClient
def make(**options):
    return FillMaskClient("org/model", base_url=sys.argv[1], token=False, **options)
def word(client):
    return client.fill_mask("a [MASK]")[0].token_str
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
"""

FORGOTTEN = """
client = make()
say(word(client))
"""

FORGOTTEN_BUSY = """
client = make()
say(word(client))
def work():
    try:
        client.fill_mask("hold [MASK]")
    except RuntimeError as error:
        say(error)
thread = threading.Thread(target=work, daemon=True)
thread.start()
client.fill_mask("held? [MASK]")
"""

FORKED = """
client = make()
say("parent", word(client))
for code in ("call", "call and exit", "exit", "close", "forget"):
    pid = os.fork()
    if not pid:
        if code.startswith("call"):
            say("child", word(client))
        if code == "close":
            client.close()
        if code == "forget":
            import gc
            del client
            gc.collect()
        if code == "call":
            os._exit(0)
        sys.exit(0)
    say(code, os.waitpid(pid, 0)[1])
say("parent", word(client))
"""

FORKED_AGAIN = """
client = make()
say(word(client))
if not os.fork():
    say(word(client))
    if not os.fork():
        import gc
        say(word(client))
        gc.collect()
        sys.exit(0)
    os.wait()
    sys.exit(0)
os.wait()
say(word(client))
"""

FORKED_THREADS = """
sys.setswitchinterval(1e-6)
client = make()
say(word(client))
failed = 0
for _ in range(10):
    if not os.fork():
        start, words, errors = threading.Barrier(16), [], []
        def work():
            start.wait()
            try:
                words.append(word(client))
            except BaseException as error:
                errors.append(error)
        threads = [threading.Thread(target=work) for _ in range(16)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        if errors:
            say(repr(errors[0]))
        os._exit(len(errors))
    failed += os.wait()[1] != 0
say("failed", failed)
"""

MULTIPROCESSING = """
import multiprocessing, pickle
def work(client):
    return word(client)
if __name__ == "__main__":
    client = make()
    say(word(client))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        say(*pool.map(work, [client] * 4))
    queue = multiprocessing.get_context("fork").Queue()
    process = multiprocessing.get_context("fork").Process(target=lambda: queue.put(word(client)))
    process.start()
    say(queue.get(timeout=10))
    process.join()
    say(process.exitcode)
    say(word(client))
"""

CTRL_C = """
client = make()
try:
    client.fill_mask("hold [MASK]")
except KeyboardInterrupt:
    say(time.monotonic())
say(word(client))
"""

NO_LOOP = """
import resource
client = make()
resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
try:
    word(client)
except OSError as error:
    say(type(error).__name__)
resource.setrlimit(resource.RLIMIT_NOFILE, (100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
say(word(client))
"""

AT_EXIT = """
import atexit
def late():
    try:
        say(word(client))
    except RuntimeError as error:
        say("RuntimeError")
client = make()
atexit.register(late)
"""


def test_forgotten_at_exit(server: ScriptedServer) -> None:
    """A script that ends without closing its client ends, in silence, and closes its connections."""
    ended = run(FORGOTTEN, server.url)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "word\n", "")
    server.wait_until_idle()


def test_forgotten_at_exit_with_a_call_under_way() -> None:
    """A call in a daemon thread does not hold up the end of the program."""

    def script(request: Received, wire: Wire) -> None:
        if request.inputs.startswith("hold"):
            wire.wait_until_gone()
        elif request.inputs.startswith("held?"):
            server.wait_for(lambda server: any(request.inputs.startswith("hold ") for request in server.requests))
            wire.warm()
        else:
            wire.warm()

    with scripted(script) as server:
        ended = run(FORGOTTEN_BUSY, server.url)
        server.wait_until_idle()
    assert (ended.returncode, ended.stdout.splitlines()[0]) == (0, "word")
    assert "Traceback" not in ended.stderr


def assert_silent(ended: subprocess.CompletedProcess[str]) -> None:
    """Hold that nothing of ours complains; asyncio warns of the sockets that a fork has copied."""
    assert "was not closed" not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
class TestFork:
    """A forked child has the client, but not its thread."""

    def test_each_way_to_end_a_child(self, server: ScriptedServer) -> None:
        """A child calls, closes, forgets or just ends; none hangs, warns, or disturbs the parent's connection."""
        ended = run(FORKED, server.url)
        assert ended.stdout.splitlines() == [
            *("parent word", "child word", "call 0", "child word", "call and exit 0", "exit 0", "close 0", "forget 0"),
            "parent word",
        ]
        assert ended.returncode == 0
        assert_silent(ended)
        assert server.most_open <= 3
        server.wait_until_idle()

    def test_a_child_of_a_child(self, server: ScriptedServer) -> None:
        """Each generation has a portal of its own."""
        ended = run(FORKED_AGAIN, server.url)
        assert (ended.returncode, ended.stdout.split()) == (0, ["word"] * 4)
        assert_silent(ended)

    def test_many_threads_of_a_child(self, server: ScriptedServer) -> None:
        """Threads that make a child's first calls at the same time share one new portal."""
        ended = run(FORKED_THREADS, server.url)
        assert (ended.returncode, ended.stdout.splitlines()) == (0, ["word", "failed 0"])

    def test_multiprocessing(self, server: ScriptedServer) -> None:
        """A client travels to the workers of a pool, and a forked worker may use the one that it finds."""
        ended = run(MULTIPROCESSING, server.url)
        assert (ended.returncode, ended.stdout.split()) == (0, [*["word"] * 6, "0", "word"]), ended.stderr

    def test_a_client_with_another_process_id(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, portals: Portals
    ) -> None:
        """A process that is not the one that made the portal makes a new one, and leaves the old one alone."""
        with client_of(server) as client:
            word(client)
            first = portals()
            monkeypatch.setattr(os, "getpid", lambda: -1)
            word(client)
            assert len(portals() - first) == 1
            assert server.open == 2
        monkeypatch.undo()
        assert portals() == first
        del client
        gc.collect()
        server.wait_until_idle()


def test_ctrl_c_in_a_program() -> None:
    """A program that is interrupted in a cold start has its KeyboardInterrupt within a second, and may go on."""
    sent: list[float] = []
    process: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def script(request: Received, wire: Wire) -> None:
        if not request.inputs.startswith("hold"):
            wire.warm()
        elif not request.waits:
            wire.loading()
        else:
            started.wait(LONGEST_WAIT)
            sent.append(time.monotonic())
            process[0].send_signal(signal.SIGINT)
            wire.wait_until_gone()
            sent.append(time.monotonic())

    with scripted(script) as server:
        command = [sys.executable, "-c", PRELUDE + CTRL_C, server.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            process.append(child)
            started.set()
            told, errors = child.communicate(timeout=20)
    interrupted, after = told.split()
    assert (after, errors, child.returncode) == ("word", "", 0)
    assert float(interrupted) - sent[0] < 1
    assert sent[1] - sent[0] < 1


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of this kind here")
def test_a_loop_that_cannot_start(server: ScriptedServer) -> None:
    """If the system gives no event loop, the call says so instead of waiting for ever, and the next may work."""
    ended = run(NO_LOOP, server.url)
    assert (ended.returncode, ended.stdout.split()) == (0, ["OSError", "word"]), ended.stderr


def test_a_call_at_exit(server: ScriptedServer) -> None:
    """A first call that comes when the interpreter is ending works or is a RuntimeError, but does not hang."""
    ended = run(AT_EXIT, server.url)
    assert (ended.returncode, ended.stdout.strip() in ("word", "RuntimeError")) == (0, True)

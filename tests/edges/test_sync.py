"""The sync client in all its surroundings: scripts, loops, threads, forks, interrupts, and its end."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import gc
import inspect
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
import trio

from hf_fillmask import AsyncFillMaskClient, ColdStart, DeadlineExceededError, FillMaskClient, ModelLoadingError
from hf_fillmask._portal import Portal

from ..shell.helpers import MODEL, PATIENCE, TEXT, TOKEN, mocked
from ..shell.scripted_server import LONGEST_WAIT, PREDICTION, Received, ScriptedServer, Wire, scripted

pytestmark = pytest.mark.slow

Portals = Callable[[], set[threading.Thread]]


def client_of(server: ScriptedServer, **options: Any) -> FillMaskClient:
    """Return a sync client of a scripted server."""
    return FillMaskClient(MODEL, **{"base_url": server.url, "token": False, "max_connections": 8, **options})


def answer(request: Received, wire: Wire) -> None:
    """Answer as a warm model, and as the Hub."""
    if request.method == "GET":
        wire.reply(200, {"mask_token": "[MASK]"})
    else:
        wire.warm()


def cold(request: Received, wire: Wire) -> None:
    """Answer as a cold model that is warm for who waits."""
    if request.waits:
        wire.warm()
    else:
        wire.loading()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Serve a warm model."""
    with scripted(answer) as server:
        yield server


def word(client: FillMaskClient) -> str:
    """Make one call."""
    return client.fill_mask(TEXT)[0].token_str


def every_portal() -> set[threading.Thread]:
    """Find the threads of all sync clients that are alive."""
    return {thread for thread in threading.enumerate() if thread.name == "hf_fillmask portal"}


@pytest.fixture
def portals() -> Portals:
    """Find the threads of the test's own sync clients; a table elsewhere keeps its client for its process."""
    others = every_portal()
    return lambda: every_portal() - others


# --- the facade itself


def methods(cls: type) -> dict[str, inspect.Signature]:
    """Return the signatures of a client's public methods, as their users see them."""
    names = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__"}
    found = {"__init__": inspect.signature(cls)}
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith("_") or name in names or name in names.values():
            found[names.get(name, name)] = inspect.signature(method)
    return found


def test_the_signatures_are_the_same() -> None:
    """Each method of the async client is there, with the same arguments and defaults, and no other."""
    ours, theirs = methods(FillMaskClient), methods(AsyncFillMaskClient)
    assert set(ours) == set(theirs)
    assert {name: list(ours[name].parameters.values()) for name in ours} == {
        name: list(theirs[name].parameters.values()) for name in theirs
    }


def test_a_plain_script(server: ScriptedServer, portals: Portals) -> None:
    """Calls work in a with block, on one connection, and the client shows model and address."""
    with client_of(server) as client:
        results = [client.fill_mask(TEXT, top_k=1), client.fill_mask(TEXT)]
        assert repr(client) == f"FillMaskClient(model='{MODEL}', base_url='{server.url}')"
    assert [result[0].token_str for result in results] == ["word", "word"]
    server.wait_until_idle()
    assert not portals()


def test_errors_are_those_of_the_async_client(server: ScriptedServer) -> None:
    """An error comes out as itself, with a traceback to the caller's own line."""
    with client_of(server) as client, pytest.raises(ValueError, match="top_k") as caught:
        client.fill_mask(TEXT, top_k=0)
    assert caught.traceback[0].path.name == "test_sync.py"


def test_an_unused_client_has_no_thread(server: ScriptedServer, portals: Portals) -> None:
    """The event loop starts at the first call, and a client that was never used closes without one."""
    with client_of(server):
        assert not portals()


def test_a_closed_client(server: ScriptedServer) -> None:
    """Every use of a closed client is a RuntimeError that says so; closing again does nothing."""
    client = client_of(server)
    with client:
        word(client)
    client.close()
    for way in (lambda: client.fill_mask(TEXT), client.model_info, client.__enter__):
        with pytest.raises(RuntimeError, match="this client is closed"):
            way()


def test_model_info(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """The Hub is asked through the same portal."""
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    with client_of(server) as client:
        assert client.model_info().mask_token == "[MASK]"


# --- loops and threads


def test_inside_a_running_asyncio_loop(server: ScriptedServer) -> None:
    """A notebook's cell runs in a running loop; so does this call."""

    async def cell() -> str:
        with client_of(server) as client:
            return word(client)

    assert asyncio.run(cell()) == "word"


def test_inside_a_running_trio_loop(server: ScriptedServer) -> None:
    """A sync call within trio works as well."""

    async def cell() -> str:
        with client_of(server) as client:
            return word(client)

    assert trio.run(cell) == "word"


def test_one_client_in_many_loops(server: ScriptedServer) -> None:
    """A sync client belongs to no loop of its callers."""

    async def cell(client: FillMaskClient) -> str:
        return word(client)

    with client_of(server) as client:
        assert [asyncio.run(cell(client)) for _ in range(2)] == ["word", "word"]


def test_sixteen_threads(server: ScriptedServer, portals: Portals) -> None:
    """Threads share one client, one portal, and its connections, from the first call on."""
    start = threading.Barrier(16)

    def work(client: FillMaskClient) -> list[str]:
        start.wait(PATIENCE)
        return [word(client) for _ in range(20)]

    with client_of(server) as client, ThreadPoolExecutor(16) as threads:
        found = list(threads.map(work, [client] * 16))
        assert len(portals()) == 1
    assert found == [["word"] * 20] * 16
    assert (len(server.requests), server.most_open <= 8) == (320, True)


def test_one_wake_up_for_all_threads() -> None:
    """Threads that find a model cold wait for one wake-up."""
    start = threading.Barrier(16)

    def work(client: FillMaskClient) -> str:
        start.wait(PATIENCE)
        return word(client)

    with scripted(cold) as server, client_of(server) as client, ThreadPoolExecutor(16) as threads:
        # The one who waits is answered at once, so the model may be woken more than once here, but not by everybody.
        assert list(threads.map(work, [client] * 16)) == ["word"] * 16


def test_closing_while_other_threads_call() -> None:
    """Calls that run in other threads end with a clear error, and close() waits for them."""
    with scripted(lambda request, wire: wire.wait_until_gone()) as server, ThreadPoolExecutor(4) as threads:
        client = client_of(server)
        calls = [threads.submit(word, client) for _ in range(4)]
        server.wait_for(lambda server: len(server.requests) >= 1)
        client.close()
        for call in calls:
            with pytest.raises(RuntimeError, match="closed"):
                call.result(PATIENCE)
        server.wait_until_idle()


def test_a_call_from_a_callback_of_its_own() -> None:
    """A call, and a close, from the client's own event loop would wait for itself: an error names the async client."""
    errors: list[str] = []

    def callback(news: ColdStart) -> None:
        for way in (lambda: client.fill_mask(TEXT), client.__enter__, client.close):
            with pytest.raises(RuntimeError) as caught:
                way()
            errors.append(str(caught.value))

    with scripted(cold) as server, client_of(server, on_cold_start=callback) as client:
        assert word(client) == "word"
    assert ["AsyncFillMaskClient" in error for error in errors] == [True, True, False] * 2
    assert "cannot be closed from a callback" in errors[2]


def test_a_call_from_a_callback_of_another() -> None:
    """Another client's callback is a place like any other."""
    words: list[str] = []

    def callback(news: ColdStart) -> None:
        words.append(word(other))

    with (
        scripted(cold) as server,
        client_of(server) as other,
        client_of(server, on_cold_start=callback) as client,
    ):
        assert word(client) == "word"
    assert words == ["word", "word"]


VISITOR: contextvars.ContextVar[str] = contextvars.ContextVar("VISITOR", default="nobody")


def test_context_variables_reach_the_call() -> None:
    """What is set around a call is seen in its callbacks and in the hooks of a client of the user's."""
    seen: list[str] = []

    async def hook(request: httpx.Request) -> None:
        seen.append(f"hook {VISITOR.get()}")

    def reply(request: httpx.Request) -> httpx.Response:
        if "x-wait-for-model" in request.headers:
            return httpx.Response(200, json=[PREDICTION])
        return httpx.Response(503)

    injected = mocked(reply)
    injected.event_hooks = {"request": [hook]}
    told = lambda news: seen.append(f"{news.phase} {VISITOR.get()}")  # noqa: E731
    with FillMaskClient(MODEL, http_client=injected, on_cold_start=told) as client:
        VISITOR.set("me")
        word(client)
        contextvars.copy_context().run(VISITOR.set, "somebody else")
        word(client)
    assert seen == ["hook me", "waiting me", "hook me", "warm me", "hook me", "waiting me", "hook me", "warm me"]


# --- limits


def test_a_deadline() -> None:
    """A deadline ends a held call, and closes its connection."""
    with scripted(lambda request, wire: wire.wait_until_gone()) as server:
        with client_of(server) as client, pytest.raises(DeadlineExceededError):
            client.fill_mask(TEXT, deadline=0.1)
        server.wait_until_idle()


def test_a_lasting_503() -> None:
    """A model that does not wake is a ModelLoadingError here, too."""
    with (
        scripted(lambda request, wire: wire.loading()) as server,
        client_of(server) as client,
        pytest.raises(ModelLoadingError),
    ):
        word(client)
    assert len(server.requests) == 2


def interrupted_by(server: ScriptedServer, signal_after: Callable[[], None]) -> threading.Thread:
    """Send this process a Ctrl-C as soon as a waiting request is held."""

    def send() -> None:
        server.wait_for(lambda server: any(request.waits for request in server.requests))
        signal_after()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_an_interrupt_during_a_cold_start() -> None:
    """Ctrl-C is a KeyboardInterrupt within a second, the request is cancelled, and the client can be used again."""
    gone = threading.Event()
    sent_at: list[float] = []

    def script(request: Received, wire: Wire) -> None:
        if request.inputs != TEXT:
            wire.warm()
        elif request.waits:
            wire.wait_until_gone()
            gone.set()
        else:
            wire.loading()

    with scripted(script) as server, client_of(server) as client:
        thread = interrupted_by(server, lambda: sent_at.append(time.monotonic()))
        with pytest.raises(KeyboardInterrupt):
            word(client)
        assert time.monotonic() - sent_at[0] < 1
        assert gone.wait(PATIENCE)
        thread.join()
        assert client.fill_mask("next")[0].token_str == "word"
        assert len(server.requests) == 3


# --- processes


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


# --- the end of a portal


def test_a_forgotten_client_is_collected(server: ScriptedServer, portals: Portals) -> None:
    """A client that nobody holds any more ends its thread and its connections by itself."""
    word(client_of(server))
    gc.collect()
    server.wait_until_idle()
    assert not portals()


def test_collected_in_its_own_loop(portals: Portals) -> None:
    """Garbage is collected anywhere: also in the portal's own thread, which cannot wait for itself."""
    said_farewell = threading.Event()

    async def farewell() -> None:
        said_farewell.set()

    async def running() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    gc.disable()
    try:
        portal = Portal(farewell)
        loop = portal.call(running)
        (thread,) = portals()
        circle: list[Any] = [portal]
        circle.append(circle)
        del portal, circle
        loop.call_soon_threadsafe(gc.collect)
        assert said_farewell.wait(PATIENCE)
        thread.join(PATIENCE)
    finally:
        gc.enable()
    assert not thread.is_alive()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_portal_whose_loop_has_died(portals: Portals) -> None:
    """A loop that was ended by force has nothing left to stop."""

    async def die() -> None:
        raise SystemExit

    farewell = AsyncMock()
    portal = Portal(farewell)
    with pytest.raises(SystemExit):
        portal.call(die)
    for thread in portals():
        thread.join(PATIENCE)
    portal.close()
    assert not portals()
    farewell.assert_not_called()


def test_closing_an_unused_portal() -> None:
    """A portal that never started has nothing to stop."""
    farewell = AsyncMock()
    portal = Portal(farewell)
    portal.close()
    assert not portal.inside
    farewell.assert_not_called()


# --- travelling


@pytest.mark.parametrize(
    "travel",
    [
        pytest.param(lambda client: pickle.loads(pickle.dumps(client)), id="pickle"),
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
    ],
)
def test_a_client_travels_as_its_configuration(
    server: ScriptedServer, travel: Callable[[Any], Any], portals: Portals
) -> None:
    """What arrives, even of a client in use, is another one that works, with the same settings and nothing shared."""
    with client_of(server, timeout=5, headers={"X-Mine": "1"}) as client:
        word(client)
        with travel(client) as other:
            assert word(other) == "word"
            assert len(portals()) == 2
            assert other.configuration() == client.configuration()
        assert word(client) == "word"
    assert server.most_open == 2


def test_the_token_travels_only_on_request() -> None:
    """A pickle never holds a passed token; a copy in the same program keeps it."""
    client = FillMaskClient(MODEL, token=TOKEN)
    assert TOKEN.encode() not in pickle.dumps(client)
    assert TOKEN not in repr(client)
    assert client.configuration()["token"] is None
    assert copy.copy(client).configuration(include_token=True)["token"] == TOKEN


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, pickle.dumps], ids=["copy", "deepcopy", "pickle"])
def test_an_injected_client_does_not_travel(travel: Callable[[Any], Any]) -> None:
    """A client with an HTTP client of the user's cannot be made again elsewhere."""
    client = FillMaskClient(MODEL, http_client=mocked(lambda _: httpx.Response(200)))
    with pytest.raises(TypeError, match="http_client"):
        travel(client)

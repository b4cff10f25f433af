"""The sync client: the async one's methods, errors, limits and interrupts, and how it travels."""

from __future__ import annotations

import copy
import inspect
import pickle
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from hf_fillmask import AsyncFillMaskClient, DeadlineExceededError, FillMaskClient, ModelLoadingError

from ..shell.helpers import MODEL, PATIENCE, TEXT, TOKEN, every_way_to_travel, mocked
from ..shell.scripted_server import Received, ScriptedServer, Wire, scripted
from .sync_client import Portals, client_of, word

pytestmark = pytest.mark.slow


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


# --- travelling


@every_way_to_travel
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


@every_way_to_travel
def test_an_injected_client_does_not_travel(travel: Callable[[Any], Any]) -> None:
    """A client with an HTTP client of the user's cannot be made again elsewhere."""
    client = FillMaskClient(MODEL, http_client=mocked(lambda _: httpx.Response(200)))
    with pytest.raises(TypeError, match="http_client"):
        travel(client)

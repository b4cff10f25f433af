"""A real socket, as a user sees it."""

import contextlib
import logging
import signal
import socket
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from hf_fillmask.emulator import create_app, run, serving

MODEL = "/models/google-bert/bert-base-uncased"
ASK = {"inputs": "Paris is the capital of [MASK]."}


@pytest.fixture(autouse=True)
def uvicorn_loggers() -> Iterator[None]:
    """Leave uvicorn's loggers as they were."""
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")]
    before = [(logger.level, logger.handlers[:], logger.propagate) for logger in loggers]
    yield
    for logger, (level, handlers, propagate) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers
        logger.propagate = propagate


def test_a_cold_start_over_a_socket(corpus: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A server on a free port says 503, then answers the request that waits; and prints nothing."""
    with serving(create_app(corpus=corpus, load_seconds=0.05)) as base_url:
        cold = httpx.post(base_url + MODEL, json=ASK)
        warm = httpx.post(base_url + MODEL, json=ASK, headers={"x-wait-for-model": "true"})
    assert base_url.startswith("http://127.0.0.1:")
    assert (cold.status_code, warm.status_code) == (503, 200)
    assert warm.json()[0]["token_str"] == "france"
    assert capfd.readouterr() == ("", "")


def test_a_held_request_does_not_keep_the_server(corpus: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Leaving the block ends the server soon, cutting off whoever is still held, and the port is closed."""
    request = b"POST /predict HTTP/1.1\r\nhost: x\r\nx-wait-for-model: true\r\ncontent-length: 0\r\n\r\n"
    with serving(create_app(corpus=corpus, load_seconds=600)) as base_url:
        address = ("127.0.0.1", httpx.URL(base_url).port or 0)
        with socket.create_connection(address) as held:
            held.sendall(request)
            # Answered, so the one before it has arrived as well.
            assert httpx.get(base_url).status_code == 200
            leaving = time.monotonic()
    assert time.monotonic() - leaving < 3
    assert capfd.readouterr() == ("", "")
    with pytest.raises(httpx.ConnectError):
        httpx.get(base_url)


def test_no_thread_stays(corpus: Path) -> None:
    """When the block is left, by an error too, the server's thread has ended."""
    before = set(threading.enumerate())
    with pytest.raises(KeyError), serving(create_app(corpus=corpus)):
        raise KeyError
    started = set(threading.enumerate()) - before
    assert "hf_fillmask emulator" not in {thread.name for thread in started}


def test_a_port_in_use_is_an_error(corpus: Path) -> None:
    """Nobody is left waiting for a server that could not take its port."""
    app = create_app(corpus=corpus)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            serving(app, port=port).__enter__()
        with pytest.raises(OSError, match="in use"):
            run(app, port=port)


def test_a_failed_start_is_an_error() -> None:
    """An application that does not start is reported, not waited for."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "on purpose"})

    with pytest.raises(RuntimeError, match="did not start"):
        serving(app).__enter__()


def test_ipv6_addresses_stand_in_brackets(corpus: Path) -> None:
    """The base URL of a server on an IPv6 address is a URL."""
    with serving(create_app(corpus=corpus), host="::1") as base_url:
        assert base_url.startswith("http://[::1]:")
        assert httpx.get(base_url).status_code == 200


@pytest.mark.parametrize("listens", [True, False])
def test_run_serves_until_ctrl_c(listens: bool) -> None:
    """In the foreground the server runs until it is interrupted, then returns; the base URL is told before."""
    told: list[str] = []

    @contextlib.asynccontextmanager
    async def interrupting(app: Starlette) -> AsyncGenerator[None, None]:
        signal.raise_signal(signal.SIGINT)
        yield
        told.append("ended")

    run(Starlette(lifespan=interrupting), port=0, on_listening=told.append if listens else None)
    *urls, last = told
    assert [url.startswith("http://127.0.0.1:") for url in urls] == [True] * listens
    assert last == "ended"


def test_a_request_that_is_cut_off_shows_no_traceback(corpus: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C while a request is held ends the server without a word about it."""
    request = b"POST /predict HTTP/1.1\r\nhost: x\r\nx-wait-for-model: true\r\ncontent-length: 0\r\n\r\n"
    visitors: list[threading.Thread] = []

    def visit(base_url: str) -> None:
        with socket.create_connection(("127.0.0.1", httpx.URL(base_url).port or 0)) as held:
            held.sendall(request)
            assert httpx.get(base_url).status_code == 200
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            assert b"500" in held.recv(100)

    def begin(base_url: str) -> None:
        visitors.append(threading.Thread(target=visit, args=[base_url]))
        visitors[0].start()

    run(create_app(corpus=corpus, load_seconds=600), port=0, on_listening=begin)
    visitors[0].join()
    err = capfd.readouterr().err
    assert "timeout graceful shutdown exceeded" in err
    assert "Traceback" not in err
    assert logging.getLogger("uvicorn.error").filters == []

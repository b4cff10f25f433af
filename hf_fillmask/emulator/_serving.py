"""The emulator on a real socket: in a thread beside a program, or in the foreground for the command line.

The socket is bound here, before the server starts: so its address is known, and nobody can take the port in between.
"""

import contextlib
import copy
import logging
import socket
import threading
from asyncio import CancelledError
from collections.abc import Callable, Generator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import LOGGING_CONFIG

from ._wire import BreakableProtocol

__all__ = ["run", "serving"]

# Requests still held after this long are cut off when the server stops. uvicorn declares an int, and
# takes a fraction.
_GRACE_SECONDS = 0.2


@contextlib.contextmanager
def serving(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> Generator[str, None, None]:
    """Serve `app` from a thread while the block runs; yield the base URL, `http://127.0.0.1:PORT`.

    Port 0 is any free one. The server prints nothing and installs no signal handler. Leaving the block stops it;
    requests held open are cut off.

    Raises:
        OSError: the address cannot be bound.
        RuntimeError: the server does not start; `__cause__` says why, if the server said.

    """
    with _bound(host, port) as listener:
        base_url = _url(listener)
        # uvicorn's loggers are the process's own: no handlers and no lines from us, and errors only if they are fatal.
        config = uvicorn.Config(app, http=BreakableProtocol, log_config=None, log_level="critical")
        config.timeout_graceful_shutdown = _GRACE_SECONDS  # type: ignore[assignment]  # see there
        server = _ThreadedServer(config, listener)
        server.begin()
        try:
            yield base_url
        finally:
            server.end()


def run(
    app: ASGIApp,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    on_listening: Callable[[str], None] | None = None,
) -> None:
    """Serve `app` in this thread until Ctrl-C, with uvicorn's own lines on standard error.

    `on_listening` is called once with the base URL, when connections are taken.

    Raises:
        OSError: the address cannot be bound.

    """
    with _bound(host, port) as listener:
        config = uvicorn.Config(app, http=BreakableProtocol, log_config=_on_stderr())
        config.timeout_graceful_shutdown = _GRACE_SECONDS  # type: ignore[assignment]  # see there
        server = uvicorn.Server(config)
        if on_listening is not None:
            on_listening(_url(listener))
        # uvicorn stops cleanly and raises the signal again: that was the user's wish, not an error.
        with contextlib.suppress(KeyboardInterrupt), _silent_on_cut_requests():
            server.run(sockets=[listener])


@contextlib.contextmanager
def _silent_on_cut_requests() -> Generator[None, None, None]:
    """Keep uvicorn from showing a traceback for each request that the end of the server cuts off."""

    def is_news(record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], CancelledError))

    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(is_news)
    try:
        yield
    finally:
        logger.removeFilter(is_news)


class _ThreadedServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self._listener = listener
        self._settled = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._serve_in_thread, name="hf_fillmask emulator", daemon=True)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._settled.set()

    def begin(self) -> None:
        self._thread.start()
        self._settled.wait()
        if not self.started:
            raise RuntimeError("the emulator's server did not start") from self._failure

    def end(self) -> None:
        self.should_exit = True
        self._thread.join()

    def _serve_in_thread(self) -> None:
        try:
            self.run(sockets=[self._listener])
        except BaseException as failure:
            # SystemExit too: it is uvicorn's way to say that the start failed.
            self._failure = failure
        finally:
            self._settled.set()


def _on_stderr() -> dict[str, Any]:
    """Return uvicorn's settings of its log, whose lines about requests would go to standard output."""
    settings = copy.deepcopy(LOGGING_CONFIG)
    settings["handlers"]["access"]["stream"] = "ext://sys.stderr"
    return settings


def _bound(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # Unlike a bare socket: the port is free again at once when the server has stopped.
    return socket.create_server(address, family=family, backlog=2048)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

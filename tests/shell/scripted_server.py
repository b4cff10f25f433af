"""A server of our own on a real socket, in threads, that can do all that a good HTTP server would never do.

Each request is handed to `script(request, wire)`; the script says what goes on the wire, byte by byte if it likes.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

PREDICTION = {"score": 0.5, "token": 7, "token_str": "word", "sequence": "a word"}
LOADING = {"error": "Model x is currently loading", "estimated_time": 20.0}
LONGEST_WAIT = 10  # seconds; who waits longer for something here never gets it


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def inputs(self) -> str:
        """The text that is asked for."""
        return str(json.loads(self.body)["inputs"])

    @property
    def waits(self) -> bool:
        """Whether this is the attempt that waits for the model."""
        return self.headers.get("x-wait-for-model") == "true"


class Wire:
    """One connection, for a script to write to."""

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self.connection = connection
        self.alive = True
        self._stopping = stopping

    def send(self, data: bytes) -> None:
        """Put bytes on the wire."""
        self.connection.sendall(data)

    def reply(self, status: int, body: Any = b"", **headers: str) -> None:
        """Answer properly: bytes as they are, anything else as JSON."""
        packed = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if isinstance(body, bytes) else {"content_type": "application/json"}
        lines = [f"HTTP/1.1 {status} Status"]
        fields = kind | {"content_length": str(len(packed))} | headers
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + packed)

    @contextmanager
    def one_packet(self) -> Iterator[None]:
        """Keep what is sent in a block, and let it go out together at its end; Linux only."""
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        yield
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    def warm(self) -> None:
        """Answer as a warm model."""
        self.reply(200, [PREDICTION])

    def loading(self) -> None:
        """Answer as a cold model."""
        self.reply(503, LOADING)

    def close(self) -> None:
        """Close the connection when the script ends."""
        self.alive = False

    def reset(self) -> None:
        """Reset the connection when the script ends."""
        self.alive = False
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def pause(self, seconds: float) -> None:
        """Let a slow server's time pass, but no longer than until it stops."""
        self._stopping.wait(seconds)

    def wait_until_gone(self) -> None:
        """Block until the client closes its side."""
        with suppress(OSError):
            self.connection.recv(1)
        self.alive = False


Script = Callable[[Received, Wire], None]


def warm(request: Received, wire: Wire) -> None:
    """Answer as a warm model: a script."""
    wire.warm()


def cold(request: Received, wire: Wire) -> None:
    """Answer as a cold model that is warm for who waits: a script."""
    if request.waits:
        wire.warm()
    else:
        wire.loading()


class ScriptedServer:
    """Keeps what it received, in order, and how many connections are open now and were at most."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.requests: list[Received] = []
        self.accepted = 0
        self.open = 0
        self.most_open = 0
        self.changed = threading.Condition()
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._tls = tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._connections: set[socket.socket] = set()
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.changed:
                self.open += 1
                self.accepted += 1
                self._connections.add(connection)
                self.most_open = max(self.most_open, sum(map(_is_open, self._connections)))
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            connection = self._secured(connection)
            self._talk(connection)
        # A plain close() would leave the socket open while the stream still refers to it.
        connection.close()
        with self.changed:
            self.open -= 1
            self._connections.discard(connection)
            self.changed.notify_all()

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self._tls is None:
            return connection
        secured = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self.changed:
            self._connections.discard(connection)
            self._connections.add(secured)
        return secured

    def _talk(self, connection: socket.socket) -> None:
        wire = Wire(connection, self._stopping)
        with connection.makefile("rb") as stream:
            while wire.alive:
                request = _read(stream)
                if request is None:
                    break
                with self.changed:
                    self.requests.append(request)
                    self.changed.notify_all()
                self.script(request, wire)

    def wait_for(self, condition: Callable[[ScriptedServer], bool]) -> None:
        """Block until `condition` holds; call it from a worker thread."""
        with self.changed:
            held = self.changed.wait_for(lambda: condition(self), timeout=LONGEST_WAIT)
        assert held, f"never came true; {self.open} connections open, {len(self.requests)} requests"

    def wait_until_idle(self) -> None:
        """Block until every connection is closed."""
        self.wait_for(lambda server: server.open == 0)

    def stop(self) -> None:
        """Close everything and wait for the threads."""
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self.changed:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)


def _is_open(connection: socket.socket) -> bool:
    """Whether the client has not closed its side; the thread of the connection may be slow to see it."""
    try:
        return socket.socket.recv(connection, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""  # TLS itself cannot peek
    except BlockingIOError:
        return True
    except OSError:
        return False


def _read(stream: Any) -> Received | None:
    line = stream.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (field := stream.readline()) not in (b"\r\n", b""):
        name, _, value = field.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    body = stream.read(length)
    return Received(method, path, headers, body) if len(body) == length else None  # cancelled on the way


@contextmanager
def scripted(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Run a server for the length of a block, over TLS if it is given a context."""
    server = ScriptedServer(script, tls)
    try:
        yield server
    finally:
        server.stop()

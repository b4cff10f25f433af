"""A loopback server that costs little: it answers each POST after a delay, lists of texts with lists of answers.

Run it as a process of its own; it prints its port and ends when its standard input closes.
`--hold` is how many requests it works on at a time (others queue), `--refuse` how many in flight are too many (429).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

PREDICTIONS = [
    {"score": 0.2, "token": n, "token_str": "word", "sequence": "paris is the capital of word."} for n in range(5)
]
ONE = json.dumps(PREDICTIONS).encode()


class State:
    """What all connections share."""

    def __init__(self, delay: float, hold: int, refuse: int) -> None:
        self.delay = delay
        self.refuse = refuse
        self.in_flight = 0
        self.work = asyncio.Semaphore(hold)
        self.served = 0
        self.refused = 0


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection, just enough of it."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.Transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        asyncio.ensure_future(self.answer(head, rest[:length]))  # noqa: RUF006 - ends with the connection

    async def answer(self, head: bytes, body: bytes) -> None:
        state = self.state
        if head.startswith(b"POST /stats"):
            self.write(b"200 OK", json.dumps({"served": state.served, "refused": state.refused}).encode())
            state.served = state.refused = 0
            return
        state.in_flight += 1
        try:
            if state.in_flight > state.refuse:
                state.refused += 1
                self.write(b"429 Too Many Requests", b'{"error":"Rate limit reached."}')
                return
            if state.delay:
                async with state.work:
                    await asyncio.sleep(state.delay)
            state.served += 1
            self.write(b"200 OK", answer_to(body))
        finally:
            state.in_flight -= 1

    def write(self, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
        self.transport.write(head + body)


def answer_to(body: bytes) -> bytes:
    """Give the fixed predictions: once, or once a text of a list (a list of one is collapsed)."""
    if not body.startswith(b'{"inputs":['):
        return ONE
    count = len(json.loads(body)["inputs"])
    return ONE if count == 1 else b"[" + b",".join([ONE] * count) + b"]"


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--hold", type=int, default=1_000_000)
    parser.add_argument("--refuse", type=int, default=1_000_000)
    arguments = parser.parse_args()
    state = State(arguments.delay, arguments.hold, arguments.refuse)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(state), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())

"""What the tests of shell and edges share: clients, a worker thread, and a look at all that an error shows."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import anyio.to_thread
import httpx
import pytest
import trio
from trio.testing import MockClock

from hf_fillmask import AsyncFillMaskClient

from .httpx2_client import client_class, mock_client

MODEL = "org/model"
TEXT = "Paris is the [MASK] of France."
TOKEN = "hf_NobodyMaySeeThis"
PATIENCE = 10.0  # seconds after which a test that should have gone on has failed

every_way_to_travel = pytest.mark.parametrize(
    "travel",
    [
        pytest.param(lambda client: pickle.loads(pickle.dumps(client)), id="pickle"),
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
    ],
)

T = TypeVar("T")


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the tokens, addresses and proxies of whoever runs the tests out of them."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_ENDPOINT", "HF_FILLMASK_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))


def client_of(server: Any, **options: Any) -> AsyncFillMaskClient:
    """Return a client of a scripted server; eight at a time, since a test needs no more."""
    options = {"base_url": server.url, "token": False, "max_connections": 8, **options}
    return client_class(options)(MODEL, **options)


def mocked(handler: Callable[[httpx.Request], Any]) -> httpx.AsyncClient:
    """Return an HTTP client of the user's whose answers are the handler's."""
    client: httpx.AsyncClient = mock_client(handler)
    return client


async def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Let a worker thread block, and not the event loop."""
    return await anyio.to_thread.run_sync(function, *args, abandon_on_cancel=True)


def run_program(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own, warnings shown."""
    command = [sys.executable, "-W", "default", "-c", code, *arguments]
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=30, check=False
    )


def chain(error: BaseException) -> Iterator[BaseException]:
    """Go through an error and everything that is linked to it, suppressed contexts too."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += [link.__cause__, link.__context__]


def everything_shown_by(error: BaseException) -> str:
    """Gather what a log, a debugger or a crash reporter could show of an error, local variables included."""
    shown: list[str] = []
    for link in chain(error):
        report = traceback.TracebackException.from_exception(link, capture_locals=True)
        shown += [*report.format(), repr(link), str(link), repr(vars(link)), repr(link.args)]
    shown.append(repr(pickle.dumps(error)))
    return "\n".join(shown)


def virtual_time() -> tuple[str, dict[str, Any]]:
    """Return an `anyio_backend`: trio, on a clock that jumps to the next deadline whenever nothing else is to do."""
    return "trio", {"clock": MockClock(autojump_threshold=0)}


class Ahead(asyncio.SelectorEventLoop):
    """An event loop of asyncio whose clock can be put forward, as trio's `MockClock` can."""

    ahead = 0.0  # seconds

    def time(self) -> float:
        """Return the seconds of the clock."""
        return super().time() + self.ahead


def clocks_to_put_forward() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return an `anyio_backend` of each kind, whose clocks go as all clocks do, until `put_forward` is called."""
    return {"asyncio": ("asyncio", {"loop_factory": Ahead}), "trio": ("trio", {"clock": MockClock(rate=1.0)})}


def put_forward(seconds: float) -> None:
    """Let so much time pass at once, for all that the running event loop holds."""
    if trio.lowlevel.in_trio_run():
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, MockClock)
        clock.jump(seconds)
    else:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Ahead)
        loop.ahead += seconds

"""The pages run against one emulator, and see nothing of the surroundings that they run in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from hf_fillmask.emulator import create_app, serving

from ..shell.helpers import no_surroundings

__all__ = ["no_surroundings"]


class Watched:
    """An application whose requests are counted as they come."""

    def __init__(self, app: ASGIApp) -> None:
        self.url = ""
        self._app = app
        self._alarms: list[tuple[int, threading.Event]] = []
        self._seen = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""
        self._seen += scope["type"] == "http"
        for at, alarm in self._alarms:
            if self._seen >= at:
                alarm.set()
        await self._app(scope, receive, send)

    def after(self, requests: int) -> threading.Event:
        """Give an event that is set when so many more requests have come."""
        alarm = threading.Event()
        self._alarms.append((self._seen + requests, alarm))
        return alarm


@contextmanager
def served() -> Iterator[Watched]:
    """Serve an emulator whose models are all cold."""
    app = Watched(create_app(load_seconds=0.05))
    with serving(app) as app.url:
        yield app


@pytest.fixture(scope="session")
def shared() -> Iterator[Watched]:
    """One emulator for all pages: what it learns from costs a second."""
    with served() as app:
        yield app


@pytest.fixture
def watched(request: pytest.FixtureRequest, shared: Watched) -> Iterator[Watched]:
    """Give the shared emulator, or a fresh one to a slow test: there, a page is read for the second time."""
    if request.node.get_closest_marker("slow") is None:
        yield shared
    else:
        with served() as app:
            yield app


@pytest.fixture
def emulator(watched: Watched, no_surroundings: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the emulator be the server and the Hub, as a reader who follows the tutorial does, in a folder of its own."""
    monkeypatch.setenv("HF_FILLMASK_BASE_URL", watched.url)
    monkeypatch.setenv("HF_ENDPOINT", watched.url)
    monkeypatch.chdir(tmp_path)

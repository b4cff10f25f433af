"""The end of a portal: forgotten, collected, died or never used."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any
from unittest.mock import AsyncMock

import pytest

from hf_fillmask._portal import Portal

from ..shell.helpers import PATIENCE
from ..shell.scripted_server import ScriptedServer
from .sync_client import Portals, client_of, word

pytestmark = pytest.mark.slow


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

"""The tests of the edges see nothing of the surroundings that they run in; those of the sync client have a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..shell.helpers import no_surroundings
from ..shell.scripted_server import ScriptedServer, scripted
from .sync_client import Portals, answer, every_portal

__all__ = ["no_surroundings", "portals", "server"]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Serve a warm model."""
    with scripted(answer) as server:
        yield server


@pytest.fixture
def portals() -> Portals:
    """Find the threads of the test's own sync clients; a table elsewhere keeps its client for its process."""
    others = every_portal()
    return lambda: every_portal() - others

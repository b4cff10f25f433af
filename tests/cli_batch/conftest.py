"""What the tests of `hf-fillmask batch` share: the ways to run the command, and a server that answers at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..cli.conftest import environment, invoke, person, plain
from ..shell.helpers import no_surroundings
from ..shell.scripted_server import ScriptedServer, scripted
from .helpers import answering

__all__ = ["environment", "invoke", "no_surroundings", "person", "plain", "server"]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A warm server that derives each answer from its text."""
    with scripted(answering) as server:
        yield server

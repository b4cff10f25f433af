"""What the tests of the sync client share: one that asks a scripted server, and a call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from hf_fillmask import FillMaskClient

from ..shell.helpers import MODEL, TEXT
from ..shell.scripted_server import Received, ScriptedServer, Wire

Portals = Callable[[], set[threading.Thread]]


def client_of(server: ScriptedServer, **options: Any) -> FillMaskClient:
    """Return a sync client of a scripted server."""
    return FillMaskClient(MODEL, **{"base_url": server.url, "token": False, "max_connections": 8, **options})


def answer(request: Received, wire: Wire) -> None:
    """Answer as a warm model, and as the Hub."""
    if request.method == "GET":
        wire.reply(200, {"mask_token": "[MASK]"})
    else:
        wire.warm()


def word(client: FillMaskClient) -> str:
    """Make one call."""
    return client.fill_mask(TEXT)[0].token_str


def every_portal() -> set[threading.Thread]:
    """Find the threads of all sync clients that are alive."""
    return {thread for thread in threading.enumerate() if thread.name == "hf_fillmask portal"}

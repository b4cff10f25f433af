"""TLS handshakes that are given up: httpcore forgets that their connection is open, and the peer waits on.

Here for a user's own client; what is ours is closed with its channel.

Rule: knows no HTTP library, only httpcore's "trace" extension, which is told of each step of a request.
"""

from __future__ import annotations

from typing import Any

import anyio

__all__ = ["traced"]


def traced(url: str) -> dict[str, Any]:
    """Return the extensions of a request to `url`; a trace costs some 20 us a request, so only https has one."""
    return {"trace": _Handshake()} if url[:5].lower() == "https" else {}


class _Handshake:
    """Closes the connection of a handshake that was cancelled or has failed; closing twice does nothing."""

    def __init__(self) -> None:
        self._stream: Any = None

    async def __call__(self, step: str, told: dict[str, Any]) -> None:
        if step == "connection.connect_tcp.complete":
            self._stream = told["return_value"]
        elif step == "connection.start_tls.failed" and self._stream is not None:
            with anyio.CancelScope(shield=True):
                await self._stream.aclose()

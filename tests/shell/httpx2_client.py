"""The same tests on the other HTTP library: with ``HF_FILLMASK_HTTP=httpx2`` the tests' clients send through it.

Tests that use respx stay on httpx: respx does not see what goes through httpx2.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import anyio
import httpx
import pytest

from hf_fillmask import AsyncFillMaskClient

ASKED_FOR = os.environ.get("HF_FILLMASK_HTTP") == "httpx2"
LIBRARY: Any = import_module("httpx2") if find_spec("httpx2") else None

needs_httpx2 = pytest.mark.skipif(LIBRARY is None, reason="httpx2 is not installed")
own_connections = pytest.mark.skipif(ASKED_FOR, reason="about the connections of the client itself")


class Httpx2Client(AsyncFillMaskClient):
    """A client that was given an `httpx2.AsyncClient`, which goes when it goes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.given = LIBRARY.AsyncClient(trust_env=False, limits=LIBRARY.Limits())
        super().__init__(*args, http_client=self.given, **options)

    async def aclose(self) -> None:
        """Close what was given, too: nobody else in a test does."""
        try:
            await super().aclose()
        finally:
            if self._lifetime.closed:  # it was not refused
                with anyio.CancelScope(shield=True):
                    await self.given.aclose()


def client_class(options: dict[str, Any]) -> type[AsyncFillMaskClient]:
    """Choose the class of a test's client; one with a transport of its own keeps it."""
    return Httpx2Client if ASKED_FOR and not {"http_client", "transport"} & options.keys() else AsyncFillMaskClient


def mock_client(handler: Callable[[Any], Any]) -> Any:
    """Return an HTTP client whose answers are the handler's, which makes them of httpx's type."""
    if not ASKED_FOR:
        return httpx.AsyncClient(transport=httpx.MockTransport(handler))

    async def answer(request: Any) -> Any:
        made = handler(request)
        made = await made if inspect.isawaitable(made) else made

        class Body(LIBRARY.AsyncByteStream):  # type: ignore[misc]  # found at run time
            async def __aiter__(self) -> AsyncIterator[bytes]:
                async for chunk in made.stream:
                    yield chunk

        return LIBRARY.Response(made.status_code, headers=made.headers.raw, stream=Body())

    return LIBRARY.AsyncClient(transport=LIBRARY.MockTransport(answer))

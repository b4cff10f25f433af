"""Which server a command talks to: the one that the options name, or an emulator in this process.

Rule: nothing of the user's environment reaches the emulator (no token, no proxy), and nothing of it the environment.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import click
import httpx

from .._address import is_url
from .._client import AsyncFillMaskClient
from ._errors import wrong_use

__all__ = ["LOAD_SECONDS", "Server", "connected", "server_of"]

LOAD_SECONDS = 3.0  # of a cold model in the emulator: long enough to be seen


@dataclass(frozen=True, slots=True)
class Server:
    """A server's address and the token for it, None for what the client finds by itself; or the emulator's."""

    base_url: str | None
    token: str | Literal[False] | None
    is_emulator: bool = False


def server_of(
    model: str | None,
    *,
    emulator: bool,
    load_seconds: float | None = None,
    base_url: str | None = None,
    token: str | None,
) -> AbstractContextManager[Server]:
    """Choose the server of `model`, and refuse what contradicts `emulator`."""
    if emulator and base_url is not None:
        raise click.UsageError("--emulator and --base-url name two servers; choose one")
    if emulator and model is not None and is_url(model):
        raise click.UsageError("--emulator takes the id of a model, not the URL of an endpoint")
    if load_seconds is not None and not emulator:
        raise click.UsageError("--load-seconds is for --emulator")
    if not emulator:
        return nullcontext(Server(base_url, token))
    return _emulated(token, LOAD_SECONDS if load_seconds is None else load_seconds)


@contextmanager
def _emulated(token: str | None, load_seconds: float) -> Generator[Server]:
    from ..emulator import create_app, serving

    with wrong_use():
        emulator = create_app(load_seconds=load_seconds)
    with serving(emulator) as base_url:
        yield Server(base_url, False if token is None else token, is_emulator=True)


@asynccontextmanager
async def connected(server: Server, model: str | None, **settings: Any) -> AsyncGenerator[AsyncFillMaskClient]:
    """Open a client of `server`; `settings` are further arguments of `AsyncFillMaskClient`."""
    async with AsyncExitStack() as stack:
        if server.is_emulator:
            # Without trust_env: a proxy would be asked for an address of this machine.
            settings["http_client"] = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
            settings["hub_url"] = server.base_url
        with wrong_use():
            client = AsyncFillMaskClient(model, base_url=server.base_url, token=server.token, **settings)
        yield await stack.enter_async_context(client)

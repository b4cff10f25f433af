"""The life of a client: its event loop, and its end."""

from __future__ import annotations

import gc
import threading
import warnings

import anyio
import httpx
import pytest

from hf_fillmask import AsyncFillMaskClient, ColdStart

from .helpers import MODEL, PATIENCE, TEXT, client_of, in_thread, mocked, run_program
from .httpx2_client import own_connections
from .scripted_server import PREDICTION, Received, ScriptedServer, Wire, scripted, warm

pytestmark = pytest.mark.slow


# --- event loops


def test_a_second_event_loop(anyio_backend_name: str) -> None:
    """A client that was used in one loop says so in another, for every way of using it, instead of hanging."""

    async def use(client: AsyncFillMaskClient) -> None:
        await client.fill_mask(TEXT)

    async def again(client: AsyncFillMaskClient) -> None:
        for way in (lambda: client.fill_mask(TEXT), client.model_info, client.__aenter__, client.aclose):
            with pytest.raises(RuntimeError, match="first used in another event loop"):
                await way()

    with scripted(warm) as server:
        client = client_of(server)
        anyio.run(use, client, backend=anyio_backend_name)
        anyio.run(again, client, backend=anyio_backend_name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del client
            gc.collect()
        server.wait_until_idle()
        assert len(server.requests) == 1


def test_made_outside_of_a_loop(anyio_backend_name: str) -> None:
    """A client may be made where no loop runs, and is used in the first that it meets."""
    with scripted(warm) as server:
        client = client_of(server)

        async def use() -> int:
            async with client:
                return (await client.fill_mask(TEXT))[0].token

        assert anyio.run(use, backend=anyio_backend_name) == 7


@own_connections
def test_forgotten_clients_warn(anyio_backend_name: str) -> None:
    """A client that was used and not closed gives a ResourceWarning that names it, and no error, when it is freed."""

    async def use(server: ScriptedServer) -> None:
        await client_of(server).fill_mask(TEXT)

    with scripted(warm) as server:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            anyio.run(use, server, backend=anyio_backend_name)
            gc.collect()
            texts, categories = [str(warning.message) for warning in caught], {warning.category for warning in caught}
            caught.clear()  # a warning keeps the client that it warns of
            gc.collect()
        server.wait_until_idle()
    assert categories == {ResourceWarning}
    assert len([text for text in texts if text.startswith("AsyncFillMaskClient(model='org/model'")]) == 1


@pytest.mark.parametrize("kind", ["unused", "closed", "injected", "refused"])
def test_clients_that_need_no_warning(anyio_backend_name: str, kind: str) -> None:
    """What holds no connection of ours is freed in silence: pytest makes an error of any warning."""

    async def use(server: ScriptedServer) -> None:
        if kind == "unused":
            client_of(server)
        elif kind == "refused":
            with pytest.raises(ValueError, match="timeout"):
                client_of(server, timeout=-1)
        elif kind == "closed":
            client = client_of(server)
            await client.fill_mask(TEXT)
            await client.aclose()
        else:
            async with mocked(lambda _: httpx.Response(200, json=[PREDICTION])) as injected:
                await client_of(server, http_client=injected).fill_mask(TEXT)

    with scripted(warm) as server:
        anyio.run(use, server, backend=anyio_backend_name)
        gc.collect()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend_name(request: pytest.FixtureRequest) -> str:
    """Run what starts its own loops on both."""
    return str(request.param)


FORGETFUL = """
import anyio, sys
from hf_fillmask import AsyncFillMaskClient
kept = []
async def main():
    client = AsyncFillMaskClient("org/model", base_url=sys.argv[1], token=False)
    kept.append(client)
    print((await client.fill_mask("a [MASK]"))[0].token_str)
anyio.run(main, backend=sys.argv[2])
"""


def test_forgotten_at_exit(anyio_backend_name: str) -> None:
    """A program that ends with an open client warns, and never says that its event loop is closed."""
    with scripted(warm) as server:
        ended = run_program(FORGETFUL, server.url, anyio_backend_name)
    assert (ended.returncode, ended.stdout) == (0, "word\n")
    assert "was not closed" in ended.stderr
    assert "Event loop is closed" not in ended.stderr
    assert "Traceback" not in ended.stderr


# --- closing


@pytest.mark.anyio
async def test_a_closed_client() -> None:
    """Every use of a closed client is a RuntimeError that says so; closing again does nothing."""
    with scripted(warm) as server:
        client = client_of(server)
        async with client as entered:
            assert entered is client
            await client.fill_mask(TEXT)
        await client.aclose()
        for way in (lambda: client.fill_mask(TEXT), client.model_info, client.__aenter__):
            with pytest.raises(RuntimeError, match="closed"):
                await way()
        server.wait_until_idle()
        assert len(server.requests) == 1


@pytest.mark.anyio
async def test_closing_an_unused_client() -> None:
    """A client that was never used has nothing to close."""
    await AsyncFillMaskClient(MODEL).aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("injected", [True, False], ids=["injected", "own connections"])
async def test_closing_while_calls_run(injected: bool) -> None:
    """Calls that run, wait for a model or for a place end with a clear error, and closing waits for them."""
    gone, errors, news = threading.Event(), list[RuntimeError](), list[ColdStart]()

    def script(request: Received, wire: Wire) -> None:
        if not request.waits:
            wire.loading()
        else:
            wire.wait_until_gone()
            gone.set()

    http_client = httpx.AsyncClient() if injected else None
    with scripted(script) as server, anyio.fail_after(PATIENCE):
        client = client_of(server, http_client=http_client, on_cold_start=news.append)

        async def one() -> None:
            with pytest.raises(RuntimeError, match="was closed while the call ran") as caught:
                await client.fill_mask(TEXT)
            errors.append(caught.value)

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(one)
            await in_thread(server.wait_for, lambda server: len(server.requests) == 2)
            await anyio.wait_all_tasks_blocked()
            await client.aclose()
            assert await in_thread(gone.wait, PATIENCE)
        assert (len(errors), len(server.requests)) == (20, 2)
        assert [told.phase for told in news] == ["waiting", "failed"]
        if http_client is not None:
            assert not http_client.is_closed
            await http_client.aclose()


@pytest.mark.anyio
async def test_closing_is_not_cancelled() -> None:
    """A client is closed even in a scope that is cancelled."""
    with scripted(warm) as server:
        with anyio.CancelScope() as scope:
            async with client_of(server) as client:
                await client.fill_mask(TEXT)
                scope.cancel()
        await in_thread(server.wait_until_idle)
        with pytest.raises(RuntimeError, match="closed"):
            await client.fill_mask(TEXT)

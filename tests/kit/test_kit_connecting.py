"""The ways to the emulator: clients that it makes, an address, the environment; and what is left of them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import httpx
import pytest

from hf_fillmask import AsyncFillMaskClient, AuthenticationError, FillMaskClient
from hf_fillmask.emulator import FillMaskEmulator

TEXT = "Paris is the [MASK] of France."
MODEL = "google-bert/bert-base-uncased"


def names() -> list[str]:
    """Name the threads of this package."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("hf_fillmask")]


@pytest.mark.anyio
async def test_a_client_may_be_forgotten(recwarn: pytest.WarningsRecorder) -> None:
    """An async client within the process leaves nothing, closed or not: no socket, no thread, no warning."""
    before = names()
    with FillMaskEmulator() as emulator:
        client = emulator.async_client()
        assert (await client.fill_mask(TEXT))[0].word == "capital"
        del client
        assert names() == before
    assert recwarn.list == []


def test_a_sync_client() -> None:
    """A sync client works within the process, faults and all, and ends with the emulator."""
    before = names()
    with FillMaskEmulator() as emulator:
        client = emulator.client()
        emulator.reset()
        emulator.cold(model=MODEL)
        assert client.fill_mask(TEXT)[0].word == "capital"
        with emulator.client("org/bert", max_retries=0) as other:
            assert other.fill_mask(TEXT)[0].word == "capital"
        assert [(request.model, request.waits) for request in emulator.requests] == [
            *((MODEL, waits) for waits in (False, False, True)),
            ("org/bert", False),
        ]
    assert names() == before
    with pytest.raises(RuntimeError, match="closed"):
        client.fill_mask(TEXT)


@pytest.mark.anyio
async def test_several_loops_ask_one_emulator(emulator: FillMaskEmulator) -> None:
    """An event loop, the one of a sync client and the server's get on, and share what is scripted."""
    emulator.fail(500, times=3)
    statuses = []
    async with emulator.async_client() as here:
        with FillMaskClient(MODEL, base_url=emulator.url) as there:
            results = await here.fill_mask_batch([TEXT], return_errors=True)
            results += emulator.client().fill_mask_batch([TEXT], return_errors=True)
            results += there.fill_mask_batch([TEXT], return_errors=True)
            statuses = [result.status_code for result in results]  # type: ignore[union-attr]  # errors, as scripted
            assert (await here.fill_mask(TEXT))[0].word == there.fill_mask(TEXT)[0].word == "capital"
    assert statuses == [500] * 3


def test_an_address_only_if_it_is_asked_for() -> None:
    """Nothing listens before the first look at `url`, which stays the same, and nothing after the end."""
    emulator = FillMaskEmulator()
    before = names()
    emulator.cold()
    assert names() == before
    url = emulator.url
    assert url == emulator.url
    assert httpx.get(url).json()["emulator"] == "hf_fillmask"
    emulator.close()
    emulator.close()
    assert names() == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_a_client_that_finds_its_way(
    emulator: FillMaskEmulator, no_surroundings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that makes its own client is led to the emulator, past any proxy, and its found token is not."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    emulator.patch(monkeypatch)
    with FillMaskClient(MODEL) as client:
        assert client.fill_mask(TEXT)[0].word == "capital"
        assert client.model_info().mask_token == "[MASK]"
    assert [request.token for request in emulator.requests] == [None]
    assert os.environ["NO_PROXY"] == "example.org,127.0.0.1"


def test_a_client_with_a_token(tmp_path: Path) -> None:
    """An emulator may insist on its token, and know words of its own."""
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("The gizmo hums.\n", encoding="utf-8")
    with FillMaskEmulator(token="hf_right", corpus=corpus) as emulator:
        assert emulator.client(token="hf_right").fill_mask("The [MASK] hums.")[0].word == "gizmo"
        for client in (emulator.client(token="hf_wrong"), emulator.client()):
            with pytest.raises(AuthenticationError):
                client.fill_mask("The [MASK] hums.")


@pytest.mark.anyio
async def test_options_of_a_client(emulator: FillMaskEmulator) -> None:
    """The arguments of a client pass through, and come before the emulator's own."""
    async with httpx.AsyncClient(transport=emulator.transport) as mine:
        client = emulator.async_client(None, base_url="https://other.test", http_client=mine)
        assert repr(client) == repr(AsyncFillMaskClient(base_url="https://other.test"))
        assert (await client.fill_mask(TEXT, model=MODEL))[0].word == "capital"

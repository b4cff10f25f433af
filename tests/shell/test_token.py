"""The token: where it is found, where it goes, and that nothing shows it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from hf_fillmask import AsyncFillMaskClient

from .helpers import MODEL, TEXT, TOKEN
from .mocked_wire import BASE, ENDPOINT, sent, warm
from .scripted_server import LOADING

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("base_url", "goes"),
    [
        pytest.param("https://huggingface.co", "both", id="the Hub"),
        pytest.param("https://router.huggingface.co/hf-inference", "both", id="router"),
        pytest.param("https://abc.eu.endpoints.huggingface.cloud", "both", id="endpoint"),
        pytest.param("https://api.example", "explicit", id="other host"),
        pytest.param("https://evilhuggingface.co", "explicit", id="host that ends alike"),
        pytest.param("https://huggingface.co.evil.example", "explicit", id="host that begins alike"),
        pytest.param("https://huggingface.cloud", "explicit", id="not an endpoint"),
        pytest.param("http://127.0.0.1:8000", "explicit", id="loopback"),
        pytest.param("http://localhost:8000", "explicit", id="localhost"),
        pytest.param("http://[::1]:8000", "explicit", id="loopback v6"),
        pytest.param("http://huggingface.co", "never", id="plain http"),
        pytest.param("http://localhost.evil.example", "never", id="plain http, named alike"),
        pytest.param("http://10.0.0.1", "never", id="plain http, private net"),
    ],
)
@pytest.mark.parametrize("source", ["explicit", "implicit"])
@pytest.mark.parametrize("by", ["base_url", "model"])
async def test_where_the_token_goes(
    wire: respx.MockRouter, monkeypatch: pytest.MonkeyPatch, source: str, base_url: str, goes: str, by: str
) -> None:
    """A found token goes to Hugging Face alone, a passed one over https or to this machine."""
    route = wire.post(url__startswith=base_url).mock(side_effect=warm)
    if source == "implicit":
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    options: dict[str, Any] = {"token": TOKEN if source == "explicit" else None}
    options |= {"base_url": base_url, "model": MODEL} if by == "base_url" else {"model": base_url}
    if source == "explicit" and goes == "never":
        with pytest.raises(ValueError, match="plain http"):
            AsyncFillMaskClient(**options)
        return
    async with AsyncFillMaskClient(**options) as client:
        await client.fill_mask(TEXT)
    expected = f"Bearer {TOKEN}" if goes in ("both", source) else None
    assert sent(route)[0].headers.get("authorization") == expected


async def test_a_passed_token_is_checked_at_each_call(wire: respx.MockRouter) -> None:
    """A call with another endpoint's URL is refused, too, if the token would go over plain http."""
    route = wire.route().mock(side_effect=warm)
    async with AsyncFillMaskClient(MODEL, base_url=BASE, token=TOKEN) as client:
        with pytest.raises(ValueError, match="plain http"):
            await client.fill_mask(TEXT, model="http://endpoint.example/")
    assert not route.called


@pytest.mark.parametrize(
    ("environment", "files", "found"),
    [
        pytest.param(
            {"HF_TOKEN": " hf_a\n", "HUGGING_FACE_HUB_TOKEN": "hf_b"}, {"token": "hf_c"}, "hf_a", id="HF_TOKEN"
        ),
        pytest.param({"HF_TOKEN": " ", "HUGGING_FACE_HUB_TOKEN": "hf_b"}, {}, "hf_b", id="HUGGING_FACE_HUB_TOKEN"),
        pytest.param({}, {"token": "hf_c\n"}, "hf_c", id="HF_HOME"),
        pytest.param({"HF_TOKEN_PATH": "{}/other"}, {"token": "hf_c", "other": " hf_d "}, "hf_d", id="HF_TOKEN_PATH"),
        pytest.param(
            {"HF_HOME": "", "XDG_CACHE_HOME": "{}/xdg"}, {"xdg/huggingface/token": "hf_e"}, "hf_e", id="XDG_CACHE_HOME"
        ),
        pytest.param({}, {"token": "\n"}, None, id="empty file"),
        pytest.param({}, {}, None, id="nothing"),
        pytest.param({"HF_TOKEN": "hf_a", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}, {}, None, id="switched off"),
    ],
)
async def test_where_the_token_is_found(
    wire: respx.MockRouter,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    environment: dict[str, str],
    files: dict[str, str],
    found: str | None,
) -> None:
    """The token is looked up in huggingface_hub's places and order."""
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    route = wire.post().mock(side_effect=warm)
    async with AsyncFillMaskClient(MODEL) as client:
        await client.fill_mask(TEXT)
    expected = None if found is None else f"Bearer {found}"
    assert sent(route)[0].headers.get("authorization") == expected


@pytest.mark.parametrize(
    ("token", "error"),
    [
        pytest.param(5, TypeError, id="a number"),
        pytest.param(True, TypeError, id="True"),
        pytest.param(f"Bearer {TOKEN}", ValueError, id="with its scheme"),
        pytest.param(f"{TOKEN}\nx: y", ValueError, id="with a header"),
        pytest.param(f"{TOKEN}é", ValueError, id="not ASCII"),
    ],
)
def test_what_is_no_token(token: Any, error: type[Exception]) -> None:
    """What cannot be a token is refused at construction, and not repeated in the message."""
    with pytest.raises(error) as caught:
        AsyncFillMaskClient(MODEL, token=token)
    assert TOKEN not in str(caught.value)


async def test_a_token_of_false_sends_none(wire: respx.MockRouter, monkeypatch: pytest.MonkeyPatch) -> None:
    """With token=False not even a token in the environment is sent."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    route = wire.post().mock(side_effect=warm)
    async with AsyncFillMaskClient(MODEL, token=False) as client:
        await client.fill_mask(TEXT)
    assert "authorization" not in sent(route)[0].headers


@pytest.mark.parametrize("kind", ["directory", "binary"])
async def test_a_token_file_that_cannot_be_read(
    wire: respx.MockRouter, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """A token file that is none is told in the log, and no token is sent."""
    path = tmp_path / "token"
    path.mkdir() if kind == "directory" else path.write_bytes(b"\xff\xfe")
    route = wire.post().mock(side_effect=warm)
    async with AsyncFillMaskClient(MODEL) as client:
        await client.fill_mask(TEXT)
    assert "authorization" not in sent(route)[0].headers
    assert "cannot be read, no token is sent" in caplog.text


async def test_the_token_is_in_no_log(wire: respx.MockRouter, caplog: pytest.LogCaptureFixture) -> None:
    """Not even the libraries' debug logs show the token."""
    caplog.set_level(logging.DEBUG)
    wire.post(ENDPOINT).mock(side_effect=[httpx.Response(503, json=LOADING), warm()])
    async with AsyncFillMaskClient(MODEL, base_url=BASE, token=TOKEN) as client:
        await client.fill_mask(TEXT)
        shown = f"{client!r} {vars(client)!r} {caplog.text}"
    assert "cold start, warm after" in caplog.text
    assert "the server's estimate: 20 s" in caplog.text
    assert TOKEN not in shown

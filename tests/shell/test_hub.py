"""What the Hub is asked: by which address, with which token, and through which redirects."""

from __future__ import annotations

import pytest
import respx

import hf_fillmask
from hf_fillmask import APIError, AsyncFillMaskClient

from .helpers import MODEL, TOKEN
from .mocked_wire import BASE, HUB, HUB_PAGE, sent

pytestmark = pytest.mark.anyio


async def test_model_info_asks_the_hub(wire: respx.MockRouter) -> None:
    """One GET for four fields, with the token, since the client talks to Hugging Face."""
    page = {
        "mask_token": "<mask>",
        "pipeline_tag": "fill-mask",
        "inference": "warm",
        "inferenceProviderMapping": {"hf-inference": {"status": "live"}},
    }
    route = wire.get(HUB_PAGE).respond(json=page)
    async with AsyncFillMaskClient(MODEL, token=TOKEN) as client:
        info = await client.model_info()
    (request,) = sent(route)
    fields = ["mask_token", "pipeline_tag", "inference", "inferenceProviderMapping"]
    assert request.url.params.get_list("expand[]") == fields
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert "content-type" not in request.headers
    assert (info.mask_token, info.pipeline_tag, info.warm) == ("<mask>", "fill-mask", True)
    assert info.providers == {"hf-inference": {"status": "live"}}


async def test_another_servers_token_does_not_go_to_the_hub(wire: respx.MockRouter) -> None:
    """A token for a server of the user's own is nothing that the Hub may see."""
    route = wire.get(HUB_PAGE).respond(json={})
    async with AsyncFillMaskClient(base_url=BASE, token=TOKEN) as client:
        await client.model_info(MODEL)
    assert "authorization" not in sent(route)[0].headers


async def test_a_found_token_does_not_go_to_a_moved_hub(
    wire: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HF_ENDPOINT moves the Hub; a token that was found does not move along."""
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    route = wire.get(f"https://mirror.example/api/models/{MODEL}").respond(json={})
    async with AsyncFillMaskClient() as client:
        info = await client.model_info(MODEL)
    assert "authorization" not in sent(route)[0].headers
    assert (info.mask_token, info.warm, info.providers) == (None, False, {})


@pytest.mark.parametrize(
    ("location", "final", "authorization"),
    [
        pytest.param("/api/models/new/name", f"{HUB}/api/models/new/name", f"Bearer {TOKEN}", id="relative"),
        pytest.param("https://mirror.example/x", "https://mirror.example/x", None, id="other origin"),
        pytest.param("http://huggingface.co/x", "http://huggingface.co/x", None, id="plain http"),
        pytest.param("https://huggingface.co:444/x", "https://huggingface.co:444/x", None, id="other port"),
    ],
)
async def test_the_hub_redirects(wire: respx.MockRouter, location: str, final: str, authorization: str | None) -> None:
    """A redirect of the Hub is followed; the token stays at its origin."""
    wire.get(HUB_PAGE).respond(307, headers={"location": location})
    route = wire.get(final).respond(json={"mask_token": "<mask>"})
    async with AsyncFillMaskClient(token=TOKEN) as client:
        info = await client.model_info(MODEL)
    assert (info.model, info.mask_token) == (MODEL, "<mask>")
    assert sent(route)[0].headers.get("authorization") == authorization


async def test_the_token_does_not_come_back(wire: respx.MockRouter) -> None:
    """A way that leads away from the Hub and back to it does not bring the token back."""
    wire.get(HUB_PAGE).respond(307, headers={"location": "https://mirror.example/x"})
    wire.get("https://mirror.example/x").respond(307, headers={"location": f"{HUB}/x"})
    route = wire.get(f"{HUB}/x").respond(json={})
    async with AsyncFillMaskClient(token=TOKEN) as client:
        await client.model_info(MODEL)
    assert "authorization" not in sent(route)[0].headers


@pytest.mark.parametrize(
    ("location", "requests"),
    [
        pytest.param("", 1, id="nowhere"),
        pytest.param(f"/api/models/{MODEL}", 6, id="in a circle"),
        pytest.param("https://user:secret@mirror.example/", 1, id="with a password"),
        pytest.param("ftp://mirror.example/", 1, id="not HTTP"),
    ],
)
async def test_a_redirect_that_leads_nowhere(wire: respx.MockRouter, location: str, requests: int) -> None:
    """A redirect that cannot be followed is an APIError after a bounded number of requests."""
    route = wire.get(HUB_PAGE).respond(307, headers={"location": location} if location else {})
    async with AsyncFillMaskClient() as client:
        with pytest.raises(APIError) as caught:
            await client.model_info(MODEL)
    assert caught.value.status_code == 307
    assert len(sent(route)) == requests


async def test_the_hubs_own_503_is_no_cold_start(wire: respx.MockRouter) -> None:
    """A Hub that is down is a ServerError after one request: there is nothing to wake."""
    route = wire.get(HUB_PAGE).respond(503, text="down")
    async with AsyncFillMaskClient() as client:
        with pytest.raises(hf_fillmask.ServerError, match="down"):
            await client.model_info(MODEL)
    assert len(sent(route)) == 1

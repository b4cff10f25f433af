"""Discovery: the Hub's list of fill-mask models, page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from hf_fillmask import AsyncFillMaskClient, FillMaskClient, ModelInfo, ServerError
from hf_fillmask.emulator import create_app

from .helpers import TOKEN, in_thread, mocked

pytestmark = pytest.mark.anyio

HUB = "https://huggingface.co"
MIRROR = "https://mirror.example"


class Hub:
    """A Hub that gives one model a page, and links to the next."""

    def __init__(self, pages: int = 3, **links: str) -> None:
        self.requests: list[httpx.Request] = []
        self._pages = pages
        self._links = links

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        page = int(request.url.params.get("cursor", 1))
        link = self._links.get(f"after_{page}", f"/api/models?cursor={page + 1}" if page < self._pages else "")
        headers = {"link": f'<{link}>; rel="next"'} if link else {}
        model = {"id": f"org/model-{page}"} | ({"inference": "warm"} if page % 2 else {})
        return httpx.Response(200, json=[model], headers=headers)


async def listed(hub: Callable[[httpx.Request], Any], client: dict[str, Any], **query: Any) -> list[str]:
    """Return the ids of the models that a client finds."""
    async with mocked(hub) as injected, AsyncFillMaskClient(**client, http_client=injected) as asking:
        return [info.model for info in await asking.models(**query)]


async def test_the_query() -> None:
    """One GET for the models that Hugging Face serves, with the fields that are read, and with the token."""
    hub = Hub(pages=1)
    assert await listed(hub, {"token": TOKEN}, search="a b&c", warm=True, limit=7) == ["org/model-1"]
    (request,) = hub.requests
    assert str(request.url).startswith(f"{HUB}/api/models?")
    assert request.url.params.multi_items() == [
        ("pipeline_tag", "fill-mask"),
        ("inference_provider", "hf-inference"),
        ("limit", "7"),
        ("inference", "warm"),
        ("search", "a b&c"),
        *(("expand[]", name) for name in ("mask_token", "pipeline_tag", "inference", "inferenceProviderMapping")),
    ]
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


async def test_another_servers_token_does_not_go_to_the_hub() -> None:
    """A token for a server of the user's own is nothing that the Hub may see."""
    hub = Hub()
    await listed(hub, {"token": TOKEN, "base_url": "https://api.example"})
    assert [request.headers.get("authorization") for request in hub.requests] == [None] * 3


@pytest.mark.parametrize(
    ("query", "expected", "requests"),
    [
        pytest.param({}, [1, 2, 3], 3, id="all"),
        pytest.param({"limit": 2}, [1, 2], 2, id="as many as wanted"),
        pytest.param({"warm": True}, [1, 3], 3, id="warm, though the Hub does not sort them out"),
    ],
)
async def test_pages(query: dict[str, Any], expected: list[int], requests: int) -> None:
    """Pages are asked for until there are enough models, or no further page."""
    hub = Hub()
    assert await listed(hub, {}, **query) == [f"org/model-{number}" for number in expected]
    assert len(hub.requests) == requests


async def test_a_page_at_another_origin() -> None:
    """A list ends where it goes on at another origin: nothing is asked there, and no token goes there."""
    hub = Hub(after_1=f"{MIRROR}/api/models?cursor=2")
    assert await listed(hub, {"token": TOKEN}) == ["org/model-1"]
    assert len(hub.requests) == 1


async def test_a_list_that_moved() -> None:
    """A redirect is followed without the token, and pages at the new origin are not asked for."""
    seen: list[tuple[str, bool]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, "authorization" in request.headers))
        if request.url.host == "huggingface.co":
            return httpx.Response(307, headers={"location": f"{MIRROR}/api/models"})
        return httpx.Response(200, json=[{"id": "org/model"}], headers={"link": "</api/models?cursor=2>; rel=next"})

    assert await listed(answer, {"token": TOKEN}) == ["org/model"]
    assert seen == [("huggingface.co", True), ("mirror.example", False)]


async def test_a_list_without_an_end() -> None:
    """A Hub whose pages go round in a circle is left after 100 of them."""
    hub = Hub(after_1="/api/models?cursor=1")
    assert await listed(hub, {}, limit=1000) == ["org/model-1"] * 100


async def test_a_hub_that_is_down() -> None:
    """The Hub's errors are those of any other call, and name the Hub where others name a model."""
    with pytest.raises(ServerError, match=f"{HUB}: HTTP 500: down") as caught:
        await listed(lambda request: httpx.Response(500, text="down"), {})
    assert caught.value.model == HUB


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ({"search": 5}, TypeError),
        ({"warm": "yes"}, TypeError),
        ({"limit": 0}, ValueError),
        ({"limit": 1.5}, TypeError),
    ],
    ids=repr,
)
async def test_wrong_use(query: dict[str, Any], kind: type[Exception]) -> None:
    """Wrong arguments are refused before anything is sent."""
    hub = Hub()
    with pytest.raises(kind, match=next(iter(query))):
        await listed(hub, {}, **query)
    assert hub.requests == []


async def test_the_emulators_list() -> None:
    """The emulator answers as the Hub does, its pages included; what was named warm is marked."""
    app = create_app(load_seconds=0, warm=["org/my-bert"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as injected:
        asked = AsyncFillMaskClient(base_url="http://e", hub_url="http://e", token=False, http_client=injected)
        async with asked as client:
            whole = await client.models()
            assert await client.models(limit=3) == whole[:3]
            (mine,) = await client.models("my-BERT", warm=True)
    served = {"hf-inference": {"status": "live", "providerId": "org/my-bert", "task": "fill-mask"}}
    assert mine == whole[-1] == ModelInfo("org/my-bert", "[MASK]", "fill-mask", "warm", served)
    assert [info.model for info in whole if info.warm] == ["org/my-bert"]
    assert len(whole) > 5


async def test_the_sync_client_lists_models() -> None:
    """The sync client finds the same."""

    def call() -> list[ModelInfo]:
        with FillMaskClient(http_client=mocked(Hub())) as client:
            return client.models("org", warm=True, limit=1)

    assert await in_thread(call) == [ModelInfo("org/model-1", inference="warm")]

"""What goes on the wire: requests and their headers."""

from __future__ import annotations

import json
import platform
from typing import Any

import httpx
import pytest
import respx

import hf_fillmask
from hf_fillmask import APIError, AsyncFillMaskClient, ModelLoadingError, RequestTimeoutError

from .helpers import MODEL, TEXT, mocked
from .mocked_wire import BASE, ENDPOINT, sent, warm
from .scripted_server import LOADING

pytestmark = pytest.mark.anyio

WAIT_HEADERS = ("x-wait-for-model", "x-scale-up-timeout")


async def test_a_warm_call_is_one_request(wire: respx.MockRouter) -> None:
    """A call on a warm model is one POST without wait headers."""
    route = wire.post(ENDPOINT).mock(side_effect=warm)
    async with AsyncFillMaskClient(MODEL, base_url=BASE) as client:
        result = await client.fill_mask(TEXT)
    (request,) = sent(route)
    assert request.content == json.dumps({"inputs": TEXT}, separators=(",", ":")).encode()
    assert not any(name in request.headers for name in WAIT_HEADERS)
    assert (result.attempts, result.waited, result.inputs, result.model) == (1, 0.0, TEXT, MODEL)


async def test_a_cold_call_is_exactly_two_requests(wire: respx.MockRouter) -> None:
    """First the plain request, then the same one with both wait headers."""
    route = wire.post(ENDPOINT).mock(side_effect=[httpx.Response(503, json=LOADING), warm()])
    async with AsyncFillMaskClient(MODEL, base_url=BASE, cold_start_timeout=90.7) as client:
        result = await client.fill_mask(TEXT)
    first, second = sent(route)
    assert [name for name in WAIT_HEADERS if name in first.headers] == []
    assert [second.headers[name] for name in WAIT_HEADERS] == ["true", "90"]
    assert first.content == second.content
    assert dict(first.headers) == {k: v for k, v in second.headers.items() if k not in WAIT_HEADERS}
    assert result.attempts == 2


async def test_a_lasting_503_is_two_requests(wire: respx.MockRouter) -> None:
    """The retry happens once: a second 503 is an error with the first one's estimate."""
    second = httpx.Response(503, json={"error": "still loading", "estimated_time": 1.0})
    route = wire.post(ENDPOINT).mock(side_effect=[httpx.Response(503, json=LOADING), second])
    async with AsyncFillMaskClient(MODEL, base_url=BASE) as client:
        with pytest.raises(ModelLoadingError, match="still loading") as caught:
            await client.fill_mask(TEXT)
    assert len(sent(route)) == 2
    assert (caught.value.estimated_time, caught.value.attempts, caught.value.status_code) == (20.0, 2, 503)


async def test_raise_sends_one_request(wire: respx.MockRouter) -> None:
    """With cold_start="raise" a 503 is an error at once, and nobody is told of a wake-up."""
    route = wire.post(ENDPOINT).respond(503, json=LOADING)
    news: list[hf_fillmask.ColdStart] = []
    async with AsyncFillMaskClient(MODEL, base_url=BASE, cold_start="raise", on_cold_start=news.append) as client:
        with pytest.raises(ModelLoadingError) as caught:
            await client.fill_mask(TEXT)
    assert len(sent(route)) == 1
    assert (caught.value.estimated_time, caught.value.waited, news) == (20.0, 0.0, [])


@pytest.mark.parametrize(
    ("timeout", "whole"),
    [
        pytest.param(0.3, "1", id="at least one"),
        pytest.param(59.99, "59", id="cut"),
        pytest.param(300, "300", id="as is"),
    ],
)
async def test_scale_up_timeout_is_whole_seconds(wire: respx.MockRouter, timeout: float, whole: str) -> None:
    """The header is a whole number of seconds, at least 1; a call's own timeout counts."""
    route = wire.post(ENDPOINT).mock(side_effect=[httpx.Response(503), warm()])
    async with AsyncFillMaskClient(MODEL, base_url=BASE) as client:
        await client.fill_mask(TEXT, cold_start_timeout=timeout)
    assert sent(route)[1].headers["x-scale-up-timeout"] == whole


async def test_the_standing_headers(wire: respx.MockRouter) -> None:
    """Content type and accept are exactly what recorded servers take, and the user agent names us."""
    route = wire.post(ENDPOINT).mock(side_effect=warm)
    async with AsyncFillMaskClient(MODEL, base_url=BASE) as client:
        await client.fill_mask(TEXT)
    headers = sent(route)[0].headers
    version = ".".join(platform.python_version_tuple()[:2])
    assert headers["content-type"] == "application/json"
    assert headers["accept"] == "application/json"
    assert headers["user-agent"] == f"hf_fillmask/{hf_fillmask.__version__}; python/{version}"
    assert "x-use-cache" not in headers
    assert "authorization" not in headers
    assert "cookie" not in headers


@pytest.mark.parametrize(
    ("of_client", "of_call", "header"),
    [
        pytest.param(True, None, None, id="default"),
        pytest.param(False, None, "false", id="client"),
        pytest.param(True, False, "false", id="call"),
        pytest.param(False, True, None, id="call over client"),
    ],
)
async def test_use_cache(wire: respx.MockRouter, of_client: bool, of_call: bool | None, header: str | None) -> None:
    """Only a call that wants a fresh answer sends x-use-cache."""
    route = wire.post(ENDPOINT).mock(side_effect=warm)
    async with AsyncFillMaskClient(MODEL, base_url=BASE, use_cache=of_client) as client:
        await client.fill_mask(TEXT, use_cache=of_call)
    assert sent(route)[0].headers.get("x-use-cache") == header


@pytest.mark.parametrize(
    ("options", "parameters"),
    [
        pytest.param({}, None, id="left out"),
        pytest.param({"top_k": 3}, {"top_k": 3}, id="top_k"),
        pytest.param({"targets": ["a", "b"]}, {"targets": ["a", "b"], "top_k": 2}, id="targets ask for all"),
        pytest.param({"targets": ("a", "b"), "top_k": 1}, {"targets": ["a", "b"], "top_k": 1}, id="both"),
    ],
)
async def test_parameters(wire: respx.MockRouter, options: dict[str, Any], parameters: Any) -> None:
    """Parameters that are not given are left out, never sent as null."""
    route = wire.post(ENDPOINT).mock(side_effect=warm)
    async with AsyncFillMaskClient(MODEL, base_url=BASE) as client:
        await client.fill_mask(TEXT, **options)
    expected = {"inputs": TEXT} | ({} if parameters is None else {"parameters": parameters})
    assert json.loads(sent(route)[0].content) == expected


async def test_extra_headers_go_with_each_request(wire: respx.MockRouter) -> None:
    """A header of the user's is on both requests of a cold call, and may replace the user agent."""
    route = wire.post(ENDPOINT).mock(side_effect=[httpx.Response(503), warm()])
    headers = {"X-HF-Bill-To": "my-org", "User-Agent": "mine"}
    async with AsyncFillMaskClient(MODEL, base_url=BASE, headers=headers) as client:
        await client.fill_mask(TEXT)
    found = [(request.headers["x-hf-bill-to"], request.headers["user-agent"]) for request in sent(route)]
    assert found == [("my-org", "mine")] * 2


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"top_k": 0}, id="top_k=0"),
        pytest.param({"top_k": "5"}, id="top_k as text"),
        pytest.param({"targets": []}, id="no targets"),
        pytest.param({"targets": "word"}, id="targets as text"),
        pytest.param({"model": "a/../b"}, id="dots"),
        pytest.param({"model": "a\nb"}, id="newline"),
        pytest.param({"timeout": 0}, id="timeout=0"),
        pytest.param({"deadline": float("nan")}, id="deadline=nan"),
        pytest.param({"inputs": 5}, id="inputs no text"),
    ],
)
async def test_wrong_use_sends_nothing(wire: respx.MockRouter, options: dict[str, Any]) -> None:
    """Wrong arguments are a ValueError or a TypeError before anything is sent."""
    route = wire.route().mock(side_effect=warm)
    async with AsyncFillMaskClient(MODEL, base_url=BASE) as client:
        with pytest.raises((ValueError, TypeError)):
            await client.fill_mask(**{"inputs": TEXT, **options})
    assert not route.called


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("own", [True, False], ids=["own connections", "injected client"])
async def test_a_post_never_follows_a_redirect(wire: respx.MockRouter, status: int, own: bool) -> None:
    """A redirected POST is an APIError that names the new address, even if the user's client follows redirects."""
    elsewhere = wire.route(host="evil.example").mock(side_effect=warm)
    wire.post(ENDPOINT).respond(status, headers={"location": "https://evil.example/"})
    injected = None if own else httpx.AsyncClient(follow_redirects=True)
    async with AsyncFillMaskClient(MODEL, base_url=BASE, http_client=injected) as client:
        with pytest.raises(APIError, match=r"https://evil\.example/") as caught:
            await client.fill_mask(TEXT)
    if injected is not None:
        await injected.aclose()
    assert caught.value.status_code == status
    assert not elsewhere.called


async def test_a_timeout_of_the_library_is_ours(wire: respx.MockRouter) -> None:
    """An HTTP client that gives up by itself ends in our own error, and is not asked again."""
    calls: list[httpx.Request] = []

    def give_up(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        raise httpx.ReadTimeout("enough", request=request)

    async with mocked(give_up) as injected, AsyncFillMaskClient(MODEL, http_client=injected) as client:
        with pytest.raises(RequestTimeoutError, match="gave up: enough"):
            await client.fill_mask(TEXT)
    assert len(calls) == 1

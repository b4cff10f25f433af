"""What goes on the wire: requests, headers, and where the token goes."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

import hf_fillmask
from hf_fillmask import APIError, AsyncFillMaskClient, ModelLoadingError, RequestTimeoutError

from .helpers import MODEL, TEXT, TOKEN, mocked
from .scripted_server import LOADING, PREDICTION

pytestmark = pytest.mark.anyio

BASE = "https://api.example/hf"
ENDPOINT = f"{BASE}/models/{MODEL}"
HUB = "https://huggingface.co"
HUB_PAGE = f"{HUB}/api/models/{MODEL}"
WAIT_HEADERS = ("x-wait-for-model", "x-scale-up-timeout")


@pytest.fixture
def wire() -> Iterator[respx.MockRouter]:
    """Stand in for the network, under the client's own connections."""
    with respx.mock(assert_all_called=False) as router:
        yield router


def warm(_: httpx.Request | None = None) -> httpx.Response:
    """Answer as a warm model."""
    return httpx.Response(200, json=[PREDICTION])


def sent(route: respx.Route) -> list[httpx.Request]:
    """Return the requests that a route got."""
    return [call.request for call in route.calls]


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


# --- the token


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


# --- redirects and the Hub


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

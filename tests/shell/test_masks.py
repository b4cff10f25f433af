"""Masks: the client writes the one that the model wants, and learns it from the server or the Hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest
import respx

from hf_fillmask import AsyncFillMaskClient, ConnectError, MaskNotFoundError

from .helpers import PATIENCE
from .scripted_server import LOADING, PREDICTION

pytestmark = pytest.mark.anyio

XLM = "FacebookAI/xlm-roberta-base"
OTHER = "org/other"
BASE = "https://api.example"
HUB = "https://huggingface.co/api/models/"
THEIRS = "The answer to the universe is [MASK]."
OURS = "The answer to the universe is <mask>."
PLACEHOLDER = "The answer to the universe is {mask}."


class Model:
    """A model with the mask ``<mask>``, and the texts that it was asked."""

    def __init__(self, *, says_so_in: str = "error", status: int = 400) -> None:
        self.texts: list[str] = []
        self.status = status
        self.says_so_in = says_so_in

    def __call__(self, request: httpx.Request) -> httpx.Response:
        text = json.loads(request.content)["inputs"]
        self.texts.append(text)
        if "<mask>" in text:
            return httpx.Response(200, json=[PREDICTION])
        told = "No mask_token (<mask>) found on the input"
        body: dict[str, Any] = {"error": told}
        if self.says_so_in == "warnings":
            body = {"error": "unknown error", "warnings": [f"There was an inference error: {told}"]}
        return httpx.Response(self.status, json=body)


@pytest.fixture
def network() -> Iterator[respx.MockRouter]:
    """Stand in for the network."""
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
def model(network: respx.MockRouter) -> Model:
    """Serve one model at two ids."""
    model = Model()
    network.post(f"{BASE}/models/{XLM}").mock(side_effect=model)
    network.post(f"{BASE}/models/{OTHER}").mock(side_effect=model)
    return model


def client_of(**options: Any) -> AsyncFillMaskClient:
    """Return a client of the model."""
    return AsyncFillMaskClient(XLM, **{"base_url": BASE, "max_retries": 0, **options})


@pytest.mark.parametrize(("says_so_in", "status"), [("error", 400), ("warnings", 500)])
async def test_the_specifications_own_example(network: respx.MockRouter, says_so_in: str, status: int) -> None:
    """[MASK] to a model that wants <mask> works in two requests, and in one the next time."""
    model = Model(says_so_in=says_so_in, status=status)
    network.post(f"{BASE}/models/{XLM}").mock(side_effect=model)
    async with client_of() as client:
        first = await client.fill_mask(THEIRS)
        second = await client.fill_mask(THEIRS)
    assert model.texts == [THEIRS, OURS, OURS]
    assert [(result.inputs, result.attempts) for result in (first, second)] == [(OURS, 2), (OURS, 1)]
    assert first.filled() == "The answer to the universe is word."


async def test_a_learnt_mask_belongs_to_its_model(model: Model) -> None:
    """What one model's server said is not applied to another model."""
    async with client_of() as client:
        await client.fill_mask(THEIRS)
        await client.fill_mask(THEIRS, model=OTHER)
    assert model.texts == [THEIRS, OURS, THEIRS, OURS]


async def test_a_cold_start_and_a_mask_in_one_call(network: respx.MockRouter) -> None:
    """A call that waits and then learns the mask counts all its requests."""
    model = Model()

    def answer(request: httpx.Request) -> httpx.Response:
        return model(request) if route.call_count else httpx.Response(503, json=LOADING)

    route = network.post(f"{BASE}/models/{XLM}").mock(side_effect=answer)
    async with client_of() as client:
        result = await client.fill_mask(THEIRS)
    assert (model.texts, result.attempts) == ([THEIRS, OURS], 3)


async def test_a_text_of_the_models_own_mask_is_not_touched(model: Model) -> None:
    """Another family's mask beside the model's own may be meant literally."""
    text = "[MASK] is written <mask>."
    async with client_of() as client:
        await client.fill_mask(THEIRS)
        await client.fill_mask(text)
    assert model.texts[-1] == text


async def test_a_text_without_a_mask(model: Model) -> None:
    """The server's word is kept, and names the mask to write; the next time nothing is sent."""
    async with client_of() as client:
        with pytest.raises(MaskNotFoundError, match=r"No mask_token .* Write <mask>") as asked:
            await client.fill_mask("no mask")
        with pytest.raises(MaskNotFoundError, match="the mask of this model is <mask>") as unasked:
            await client.fill_mask("no mask")
    assert (asked.value.status_code, asked.value.mask_token) == (400, "<mask>")
    assert (unasked.value.status_code, unasked.value.mask_token) == (None, "<mask>")
    assert (unasked.value.model, model.texts) == (XLM, ["no mask"])


async def test_an_empty_text_is_sent(model: Model) -> None:
    """Texts are the server's to judge, also when the mask is known."""
    async with client_of() as client:
        for _ in range(2):
            with pytest.raises(MaskNotFoundError) as caught:
                await client.fill_mask("")
            assert caught.value.status_code == 400
    assert model.texts == ["", ""]


async def test_no_translation(model: Model) -> None:
    """With translate_mask=False texts are sent as they are, and errors come back as they are."""
    async with client_of(translate_mask=False) as client:
        for text in (THEIRS, PLACEHOLDER, THEIRS):
            with pytest.raises(MaskNotFoundError) as caught:
                await client.fill_mask(text)
            assert caught.value.mask_token == "<mask>"
    assert model.texts == [THEIRS, PLACEHOLDER, THEIRS]


async def test_the_placeholder_asks_the_hub_once(network: respx.MockRouter, model: Model) -> None:
    """{mask} becomes the model's mask; the Hub is asked once a model, however many ask at a time."""
    page = network.get(url__startswith=f"{HUB}{XLM}").respond(json={"mask_token": "<mask>"})
    async with client_of() as client, anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(client.fill_mask, PLACEHOLDER)
    assert (page.call_count, model.texts) == (1, [OURS] * 5)


async def test_a_learnt_mask_needs_no_hub(network: respx.MockRouter, model: Model) -> None:
    """What the server said is enough for {mask}, too."""
    page = network.get(url__startswith=HUB).respond(json={})
    async with client_of() as client:
        await client.fill_mask(THEIRS)
        await client.fill_mask(PLACEHOLDER)
    assert (page.call_count, model.texts) == (0, [THEIRS, OURS, OURS])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"json": {"mask_token": None}}, id="null"),
        pytest.param({"json": {}}, id="nothing"),
        pytest.param({"status_code": 404, "json": {"error": "Repository not found"}}, id="404"),
        pytest.param({"status_code": 503}, id="503"),
        pytest.param({"text": "<html>"}, id="no JSON"),
    ],
)
async def test_a_hub_that_does_not_know(
    network: respx.MockRouter, model: Model, answer: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """{mask} is then sent as it is, and the mask is learnt from the server's error."""
    page = network.get(url__startswith=HUB).respond(**answer)
    async with client_of() as client:
        first = await client.fill_mask(PLACEHOLDER)
        second = await client.fill_mask(PLACEHOLDER)
    assert model.texts == [PLACEHOLDER, OURS, OURS]
    assert (first.attempts, second.attempts, page.call_count) == (2, 1, 1)


async def test_a_hub_out_of_reach(network: respx.MockRouter, model: Model) -> None:
    """A look-up that only saves a request never fails the call."""
    network.get(url__startswith=HUB).mock(side_effect=httpx.ConnectError("no route"))
    async with client_of() as client:
        result = await client.fill_mask(PLACEHOLDER)
        with pytest.raises(ConnectError, match=r"no answer from https://huggingface\.co: no route"):
            await client.model_info()
    assert result.inputs == OURS


async def test_an_endpoint_is_not_looked_up(network: respx.MockRouter) -> None:
    """The Hub knows no endpoint's URL: {mask} is learnt from its error."""
    model, page = Model(), network.get(url__startswith=HUB).respond(json={})
    network.post("https://endpoint.example/predict").mock(side_effect=model)
    async with client_of() as client:
        result = await client.fill_mask(PLACEHOLDER, model="https://endpoint.example/predict")
        with pytest.raises(ValueError, match="the Hub knows models by their ids"):
            await client.model_info("https://endpoint.example/predict")
    assert (result.inputs, page.call_count, model.texts) == (OURS, 0, [PLACEHOLDER, OURS])


async def test_look_ups_of_different_models_do_not_wait_for_each_other(network: respx.MockRouter, model: Model) -> None:
    """A Hub that is slow for one model does not hold up the calls on another."""
    asked, answered = anyio.Event(), anyio.Event()

    async def slow(_: httpx.Request) -> httpx.Response:
        asked.set()
        await answered.wait()
        return httpx.Response(200, json={"mask_token": "<mask>"})

    network.get(url__startswith=f"{HUB}{XLM}").mock(side_effect=slow)
    network.get(url__startswith=f"{HUB}{OTHER}").respond(json={"mask_token": "<mask>"})
    with anyio.fail_after(PATIENCE):
        async with client_of() as client, anyio.create_task_group() as group:
            group.start_soon(client.fill_mask, PLACEHOLDER)
            await asked.wait()
            with anyio.move_on_after(1) as scope:
                await client.fill_mask(PLACEHOLDER, model=OTHER)
            answered.set()
    assert not scope.cancelled_caught


async def test_a_wrong_mask_is_learnt_once(network: respx.MockRouter) -> None:
    """A server that names the mask that the text already has gets the text once: the error is the answer."""
    told = httpx.Response(400, json={"error": "No mask_token ([MASK]) found on the input"})
    route = network.post(f"{BASE}/models/{XLM}").mock(return_value=told)
    async with client_of() as client:
        with pytest.raises(MaskNotFoundError):
            await client.fill_mask(THEIRS)
    assert route.call_count == 1


async def test_a_mask_error_that_names_no_mask_to_write(network: respx.MockRouter) -> None:
    """After the one translation a second mask error is raised: there is no third request."""
    answers = [
        httpx.Response(400, json={"error": f"No mask_token ({mask}) found on the input"}) for mask in ("<mask>", "<x>")
    ]
    route = network.post(f"{BASE}/models/{XLM}").mock(side_effect=answers)
    async with client_of() as client:
        with pytest.raises(MaskNotFoundError) as caught:
            await client.fill_mask(THEIRS)
    assert (route.call_count, caught.value.attempts) == (2, 2)

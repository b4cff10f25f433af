"""Every fault, as an application meets it: through a client, within the process and over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from hf_fillmask import (
    APIError,
    AsyncFillMaskClient,
    AuthenticationError,
    ConnectError,
    CutAnswerError,
    DecodeError,
    ModelLoadingError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
)
from hf_fillmask.emulator import FillMaskEmulator, create_app

from ..shell.helpers import virtual_time

pytestmark = pytest.mark.anyio

Connect = Callable[..., AsyncFillMaskClient]

TEXT = "Paris is the [MASK] of France."
MODEL, OTHER = "google-bert/bert-base-uncased", "FacebookAI/roberta-base"


async def word(client: AsyncFillMaskClient, text: str = TEXT, **options: Any) -> str:
    """Ask for the best word."""
    return (await client.fill_mask(text, **options))[0].word


async def test_nothing_is_wrong_by_itself(emulator: FillMaskEmulator, connect: Connect) -> None:
    """Without a word from the test, every model is warm and answers at the first request."""
    async with connect() as client:
        results = [await client.fill_mask("Paris is the {mask} of France.", model=model) for model in (MODEL, OTHER)]
    assert [(result[0].word, result.attempts) for result in results] == [("capital", 1)] * 2


async def test_cold_until_somebody_waits(emulator: FillMaskEmulator, connect: Connect) -> None:
    """A cold model refuses whoever does not wait, however often, and answers at once when one does."""
    emulator.cold()
    async with connect(cold_start="raise") as hasty, connect() as patient:
        for _ in range(3):
            with pytest.raises(ModelLoadingError, match="is currently loading") as refused:
                await hasty.fill_mask(TEXT)
        answered = await patient.fill_mask(TEXT)
        assert await word(hasty) == "capital"
    assert refused.value.estimated_time == 20.0
    assert (answered.attempts, [request.waits for request in emulator.requests]) == (2, [False] * 4 + [True, False])


@pytest.mark.parametrize("anyio_backend", [virtual_time()], ids=["trio"])
async def test_cold_for_some_seconds() -> None:
    """A load takes as long as was said, on the clock of the event loop: a test may skip it."""
    with FillMaskEmulator() as emulator:
        emulator.cold(90)
        async with emulator.async_client() as client:
            result = await client.fill_mask(TEXT)
        assert result.waited == pytest.approx(90, abs=0.5)
        assert (result.attempts, emulator.requests[1].waits) == (2, True)


async def test_one_model_may_be_cold(emulator: FillMaskEmulator, connect: Connect) -> None:
    """A cold start of one model leaves the others warm; it gets warm, and can cool again."""
    async with connect() as client:
        for _ in range(2):
            emulator.cold(0, model=MODEL)
            for model, attempts in ((OTHER, 1), (MODEL, 2), (MODEL, 1)):
                assert (await client.fill_mask("A {mask}.", model=model)).attempts == attempts


async def test_the_hub_knows_what_is_cold(emulator: FillMaskEmulator, connect: Connect) -> None:
    """What the Hub tells fits: a model is warm until it is cold."""
    async with connect() as client:
        assert (await client.model_info()).inference == "warm"
        assert MODEL in {info.model for info in await client.models(warm=True)}
        emulator.cold(model=MODEL)
        assert (await client.model_info()).inference is None
        assert MODEL not in {info.model for info in await client.models(warm=True)}


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (lambda emulator: emulator.fail(503, times=2), ModelLoadingError),
        (lambda emulator: emulator.fail(500), ServerError),
        (lambda emulator: emulator.fail(401), AuthenticationError),
        (lambda emulator: emulator.fail(418, {"error": "tea"}), APIError),
        (lambda emulator: emulator.fail(204), APIError),
        (lambda emulator: emulator.fail(599), ServerError),
        (lambda emulator: emulator.fail(200, "<html>"), DecodeError),
        (lambda emulator: emulator.fail(200, b"\xff"), DecodeError),
        (lambda emulator: emulator.rate_limit(), RateLimitError),
        (lambda emulator: emulator.rate_limit(0), RateLimitError),
        (lambda emulator: emulator.cut(), CutAnswerError),
        (lambda emulator: emulator.reset(), ConnectError),
        (lambda emulator: emulator.fault("502"), ServerError),
    ],
    ids=["503", "500", "401", "tea", "204", "599", "html", "bytes", "429", "advice", "cut", "reset", "text"],
)
async def test_a_fault_is_met_once(
    emulator: FillMaskEmulator, connect: Connect, script: Callable[[FillMaskEmulator], None], error: type[Exception]
) -> None:
    """The client raises the error of the fault, and the request after it is answered."""
    script(emulator)
    async with connect(max_retries=0) as client:
        with pytest.raises(error):
            await client.fill_mask(TEXT)
        assert await word(client) == "capital"


async def test_the_words_of_an_error(emulator: FillMaskEmulator, connect: Connect) -> None:
    """Body and headers arrive as they were given; without a body, the real servers' words do."""
    emulator.fail(418, {"error": "tea"}, headers={"x-request-id": "mine", "X-More": "1"})
    emulator.fail(418)
    emulator.fail(402)
    async with connect() as client:
        with pytest.raises(APIError) as given:
            await client.fill_mask(TEXT)
        with pytest.raises(APIError, match="Teapot"):
            await client.fill_mask(TEXT)
        with pytest.raises(APIError, match="monthly included credits"):
            await client.fill_mask(TEXT)
    assert (given.value.message, given.value.request_id, given.value.headers["x-more"]) == ("tea", "mine", "1")
    assert given.value.headers["content-type"] == "application/json"


async def test_the_advice_of_a_429(emulator: FillMaskEmulator, connect: Connect) -> None:
    """Retry-After is what was scripted, and nothing if nothing was."""
    emulator.rate_limit(120.5)
    emulator.rate_limit()
    advice = []
    async with connect(max_retries=0) as client:
        for _ in range(2):
            with pytest.raises(RateLimitError) as limited:
                await client.fill_mask(TEXT)
            advice.append(limited.value.retry_after)
    assert advice == [120.5, None]


async def test_a_stall_lasts_until_the_client_leaves(emulator: FillMaskEmulator, connect: Connect) -> None:
    """A stalled request is never answered, and holds up no other."""
    # Of one model: a request that gives up before the server has seen it would leave the fault to the next one.
    emulator.stall(model="org/silent")
    async with connect() as client:
        with pytest.raises(RequestTimeoutError):
            await client.fill_mask(TEXT, model="org/silent", timeout=0.05)
        assert await word(client) == "capital"


async def test_a_fault_is_resent(emulator: FillMaskEmulator, connect: Connect) -> None:
    """What a client sends again by itself, an application never sees: the log does."""
    emulator.rate_limit(0)
    async with connect() as client:
        assert await word(client) == "capital"
    assert len(emulator.requests) == 2


@pytest.mark.parametrize("anyio_backend", [virtual_time()], ids=["trio"])
async def test_latency() -> None:
    """Seconds pass before whatever comes next: an answer, or a fault."""
    with FillMaskEmulator() as emulator:
        emulator.latency(7)
        emulator.latency(5, times=1)
        emulator.fail(500)
        async with emulator.async_client(max_retries=0) as client:
            took = []
            for _ in range(2):
                began = anyio.current_time()
                await client.fill_mask_batch([TEXT], return_errors=True)
                took.append(anyio.current_time() - began)
        assert took == pytest.approx([5, 7], abs=0.5)


async def test_faults_come_in_order(emulator: FillMaskEmulator) -> None:
    """Counted faults come as they were written; an endless one when nothing else is due, the newest counts."""
    emulator.fail(500, times=None)
    emulator.fail(501, times=None)
    emulator.fail(502, times=2)
    emulator.fail(503, model=OTHER)
    emulator.fail(504)
    async with httpx.AsyncClient(transport=emulator.transport, base_url="http://any") as client:
        statuses = [
            (await client.post(f"/models/{model}", json={"inputs": TEXT})).status_code
            for model in (MODEL, MODEL, OTHER, MODEL, OTHER, MODEL)
        ]
    assert statuses == [502, 502, 503, 504, 501, 501]


async def test_a_fault_of_one_model(emulator: FillMaskEmulator, connect: Connect) -> None:
    """A fault that waits for its model leaves the others alone."""
    emulator.fail(500, model=OTHER)
    async with connect() as client:
        assert await word(client, model=MODEL) == "capital"
        with pytest.raises(ServerError):
            await word(client, model=OTHER)
        assert await word(client, model=MODEL) == "capital"


async def test_a_clear_emulator_is_as_good_as_new(emulator: FillMaskEmulator, connect: Connect) -> None:
    """All that was scripted and seen is forgotten."""
    emulator.cold()
    emulator.cold(model=OTHER)
    emulator.fail(500, times=None)
    emulator.latency(600)
    emulator.answer(TEXT, "heart")
    emulator.clear()
    async with connect() as client:
        results = [await client.fill_mask(TEXT, model=model) for model in (MODEL, OTHER)]
    assert [(result[0].word, result.attempts) for result in results] == [("capital", 1), ("capital", 2)]
    assert [request.inputs for request in emulator.requests] == [TEXT, TEXT, TEXT.replace("[MASK]", "<mask>")]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda emulator: emulator.fail(199),
        lambda emulator: emulator.fail(600),
        lambda emulator: emulator.fail("503"),
        lambda emulator: emulator.fail(204, "x"),
        lambda emulator: emulator.fail(503, times=0),
        lambda emulator: emulator.cut(times=1.5),
        lambda emulator: emulator.cold(-1),
        lambda emulator: emulator.latency("soon"),
        lambda emulator: emulator.latency(float("inf")),
        lambda emulator: emulator.rate_limit(-1),
        lambda emulator: emulator.fault("503x"),
    ],
)
def test_a_wrong_script_is_refused(emulator: FillMaskEmulator, wrong: Callable[[FillMaskEmulator], None]) -> None:
    """A mistake is told where it is written, not by a test that passes."""
    with pytest.raises(ValueError, match=r"must be|has no body|cannot be read"):
        wrong(emulator)


def test_a_body_that_json_cannot_say(emulator: FillMaskEmulator) -> None:
    """Nor is a body that cannot be sent taken."""
    with pytest.raises(TypeError, match="JSON"):
        emulator.fail(500, object())


async def test_the_errors_of_httpx(emulator: FillMaskEmulator) -> None:
    """An HTTP client of the application's own meets within the process what it would on a socket."""
    url = f"/models/{MODEL}"
    async with httpx.AsyncClient(transport=emulator.transport, base_url="http://any") as client:
        emulator.stall()
        with pytest.raises(httpx.ReadTimeout):
            await client.post(url, json={"inputs": TEXT}, timeout=0.01)
        emulator.reset()
        with pytest.raises(httpx.ReadError):
            await client.post(url, json={"inputs": TEXT})
        emulator.cut()
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
            await client.post(url, json={"inputs": TEXT})
        emulator.cut()
        async with client.stream("POST", url, json={"inputs": TEXT}) as response:
            assert (response.status_code, int(response.headers["content-length"]) > 100) == (200, True)


@pytest.mark.parametrize("fault", ["cut", "reset"])
async def test_a_server_that_cannot_break_says_so(fault: str) -> None:
    """Under a foreign server the application cannot reach the connection: that is an error, and no silence."""
    app = create_app(warm="all", faults=[fault])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://any") as client:
        with pytest.raises(RuntimeError, match=r"use serving\(\), run\(\) or FillMaskEmulator"):
            await client.post("/predict", json={"inputs": TEXT})

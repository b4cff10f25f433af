"""The wire, without a socket: what the emulator answers to whom, on asyncio and trio."""

import gc
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hf_fillmask.emulator import create_app
from hf_fillmask.emulator._received import Received
from hf_fillmask.emulator._request_id import RequestIdMiddleware

pytestmark = pytest.mark.anyio

Connect = Callable[..., httpx.AsyncClient]

BERT, ROBERTA = "google-bert/bert-base-uncased", "FacebookAI/xlm-roberta-base"
ASK = {"inputs": "Paris is the capital of [MASK]."}


@pytest.mark.parametrize("prefix", ["/models/", "/hf-inference/models/"])
async def test_a_warm_model_answers(connect: Connect, prefix: str) -> None:
    """The serverless paths answer with predictions, best first, and the headers worth keeping."""
    async with connect(warm=[BERT]) as client:
        response = await client.post(f"{prefix}{BERT}", json=ASK)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-compute-type"] == "cpu"
    assert float(response.headers["x-compute-time"]) >= 0
    assert response.json()[0]["sequence"] == "paris is the capital of france."


@pytest.mark.parametrize("path", ["/", "/predict"])
async def test_a_dedicated_endpoint_answers(connect: Connect, path: str) -> None:
    """The default model answers where an Inference Endpoint does."""
    async with connect(default_model=ROBERTA, warm=[ROBERTA]) as client:
        response = await client.post(path, json={"inputs": "Paris is the capital of <mask>."})
    assert response.json()[0]["token_str"] == " France"


async def test_the_first_request_finds_a_model_cold(connect: Connect) -> None:
    """A cold model says that it loads, and how long that takes; the next request gets the answer."""
    async with connect() as client:
        cold = await client.post(f"/models/{BERT}", json=ASK)
        warm = await client.post(f"/models/{BERT}", json=ASK)
    assert cold.status_code == 503
    assert cold.json() == {"error": f"Model {BERT} is currently loading", "estimated_time": 0.0}
    assert "retry-after" not in cold.headers
    assert warm.status_code == 200


async def test_a_server_keeps_no_requests(connect: Connect) -> None:
    """What a test may look at later, a server that runs for days forgets."""
    model = "org/bert-that-nobody-else-asks"
    async with connect(warm=[model]) as client:
        for number in range(3):
            await client.post(f"/models/{model}", json={"inputs": f"{number} [MASK]"})
        gc.collect()
        assert [each for each in gc.get_objects() if isinstance(each, Received) and each.model == model] == []


async def test_each_model_is_cold_for_itself(connect: Connect) -> None:
    """One warm model does not warm another."""
    async with connect(warm=[BERT]) as client:
        statuses = [(await client.post(f"/models/{model}", json=ASK)).status_code for model in (BERT, "org/bert")]
    assert statuses == [200, 503]


@pytest.mark.parametrize("header", [{"x-wait-for-model": "true"}, {"X-Scale-Up-Timeout": "30"}])
async def test_a_held_request_is_answered_once_warm(connect: Connect, header: dict[str, str]) -> None:
    """Either wait header holds the request until the model has loaded."""
    async with connect(load_seconds=0.05) as client:
        response = await client.post(f"/models/{BERT}", json=ASK, headers=header)
        again = await client.post(f"/models/{BERT}", json=ASK)
    assert (response.status_code, again.status_code) == (200, 200)


async def test_while_it_loads_others_are_told_so(connect: Connect) -> None:
    """Before the load is over, a request that does not wait gets a 503 again."""
    async with connect(load_seconds=60) as client:
        statuses = [(await client.post(f"/models/{BERT}", json=ASK)).status_code for _ in range(2)]
    assert statuses == [503, 503]


@pytest.mark.parametrize("value", ["0", "1.5", "-1", "soon", "", "٣"])
async def test_a_bad_scale_up_timeout_is_ignored(connect: Connect, value: str) -> None:
    """Only whole seconds hold a request."""
    async with connect(load_seconds=60) as client:
        headers = {b"X-Scale-Up-Timeout": value.encode()}
        response = await client.post(f"/models/{BERT}", json=ASK, headers=headers)
    assert response.status_code == 503


async def test_an_equal_request_is_answered_from_the_cache(connect: Connect) -> None:
    """The second of two equal requests gets the first one's bytes, whatever the order of its keys."""
    parameters = {"top_k": 2, "targets": ["rome", "france"]}
    async with connect(warm=[BERT, "org/bert"]) as client:
        first = await client.post(f"/models/{BERT}", json={**ASK, "parameters": parameters})
        second = await client.post(f"/models/{BERT}", json={"parameters": parameters, **ASK})
        other = await client.post("/models/org/bert", json={**ASK, "parameters": parameters})
    assert [r.headers["x-compute-type"] for r in (first, second, other)] == ["cpu", "cache", "cpu"]
    assert first.content == second.content


async def test_the_cache_can_be_left_alone(connect: Connect) -> None:
    """`x-use-cache: false` neither reads the cache nor writes to it."""
    async with connect(warm=[BERT]) as client:
        types = [
            (await client.post(f"/models/{BERT}", json=ASK, headers=headers)).headers["x-compute-type"]
            for headers in ({"x-use-cache": "false"}, {}, {"x-use-cache": "False"}, {"x-use-cache": "true"})
        ]
    assert types == ["cpu", "cpu", "cpu", "cache"]


async def test_the_cache_is_bounded(connect: Connect) -> None:
    """After a thousand other requests an old answer is computed again, one that was asked for meanwhile is not."""
    async with connect(warm=[BERT]) as client:

        async def compute_type(number: int) -> str:
            body = {**ASK, "parameters": {"top_k": 1}, "number": number}
            return (await client.post(f"/models/{BERT}", json=body)).headers["x-compute-type"]

        first = [await compute_type(number) for number in range(1024)]
        assert set(first) == {"cpu"}
        assert [await compute_type(number) for number in (0, 1024, 0, 1)] == ["cache", "cpu", "cache", "cpu"]


@pytest.mark.parametrize("header", ["Bearer hf_other", "Bearer hf_secre", "hf_secret", "bearer hf_secret", "Bearer é"])
async def test_a_wrong_token_is_refused(connect: Connect, header: str) -> None:
    """Only the exact header opens, and no answer repeats what it held."""
    async with connect(token="hf_secret", warm=[BERT]) as client:
        response = await client.post(f"/models/{BERT}", json=ASK, headers={b"authorization": header.encode("latin-1")})
        hub = await client.get(f"/api/models/{BERT}", headers={b"authorization": header.encode("latin-1")})
    assert response.status_code == hub.status_code == 401
    assert response.json() == hub.json() == {"error": "Invalid credentials in Authorization header"}


async def test_the_right_token_opens(connect: Connect) -> None:
    """The emulator's own token is taken, and asked for where it is missing."""
    async with connect(token="hf_secret", warm=[BERT]) as client:
        right = await client.post(f"/models/{BERT}", json=ASK, headers={"authorization": "Bearer hf_secret"})
        missing = await client.post(f"/models/{BERT}", json=ASK)
        hub = await client.get(f"/api/models/{BERT}")
    assert (right.status_code, missing.status_code, hub.status_code) == (200, 401, 200)
    assert missing.json() == {"error": "Invalid username or password."}


@pytest.mark.parametrize(("header", "status"), [("Bearer hf_any", 200), ("Bearer any", 401), ("Basic hf_any", 401)])
async def test_without_a_token_any_of_the_right_form_will_do(connect: Connect, header: str, status: int) -> None:
    """An emulator without a secret still refuses what is no Hugging Face token."""
    async with connect(warm=[BERT]) as client:
        response = await client.post(f"/models/{BERT}", json=ASK, headers={"authorization": header})
    assert response.status_code == status


async def test_an_unknown_model_is_not_found(connect: Connect) -> None:
    """An id that says it does not exist does not."""
    async with connect() as client:
        response = await client.post("/models/org/does-not-exist", json=ASK)
    assert response.status_code == 404
    assert response.json() == {"error": "Model org/does-not-exist does not exist"}


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b'{"inputs": "x"', "unexpected end of data: line 1 column 15 (char 14)"),
        (b'{"inputs": "x', "unexpected end of data: line 1 column 14 (char 13)"),
        (b'{"inputs": x}', "unexpected character: line 1 column 12 (char 11)"),
        (b"", "Input is a zero-length, empty document: line 1 column 1 (char 0)"),
        (b'{"inputs": NaN}', "unexpected character: line 1 column 1 (char 0)"),
        (b'{"inputs": "\\ud800"}', "unexpected character: line 1 column 1 (char 0)"),
        (b'{"inputs": "\xff"}', "unexpected character: line 1 column 1 (char 0)"),
        (b"[" * 100_000, "unexpected character: line 1 column 1 (char 0)"),
        (b"[]", "Body needs to provide a inputs key, received: b'[]'"),
        (b'{"text": "x"}', 'Body needs to provide a inputs key, received: b\'{"text":"x"}\''),
        (b'{"inputs": "x"}', "No mask_token ([MASK]) found on the input"),
        (
            b'{"inputs": "[MASK]", "parameters": {"top_k": 100000000000000000000}}',
            "topk(): argument 'k' (position 1) must be int, not float",
        ),
    ],
    ids=[
        "cut",
        "cut string",
        "no JSON",
        "empty",
        "NaN",
        "half a pair",
        "no UTF-8",
        "deep",
        "list",
        "keys",
        "mask",
        "65 bits",
    ],
)
async def test_every_fault_of_a_body_is_a_400(connect: Connect, content: bytes, error: str) -> None:
    """Whatever is wrong with a body, the answer is a 400 that says so in the toolkit's words."""
    async with connect(warm=[BERT]) as client:
        response = await client.post(f"/models/{BERT}", content=content)
    assert response.status_code == 400
    assert response.json() == {"error": error}
    assert response.headers["x-compute-type"] == "cpu"


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (None, 200),
        ("application/json", 200),
        ("application/json; charset=UTF-8", 200),
        ("application/json; charset=utf-8", 400),
        ("text/plain", 400),
    ],
)
async def test_the_content_type_is_taken_literally(connect: Connect, content_type: str | None, status: int) -> None:
    """The toolkit compares the header's text, so a lower-case charset is refused."""
    headers = {} if content_type is None else {"content-type": content_type}
    async with connect(warm=[BERT]) as client:
        response = await client.post(f"/models/{BERT}", content=b'{"inputs": "[MASK]"}', headers=headers)
    assert response.status_code == status
    assert status == 200 or response.json()["error"].startswith(
        f'\n                Content type "{content_type}" not supported.\n                Supported content types'
    )


async def test_the_hub_tells_what_it_knows(connect: Connect) -> None:
    """A model's card says its mask, its task, its provider, and `warm` only when it is."""
    live = {"status": "live", "providerId": ROBERTA, "task": "fill-mask"}
    everything = {
        "id": ROBERTA,
        "mask_token": "<mask>",
        "pipeline_tag": "fill-mask",
        "inference": "warm",
        "inferenceProviderMapping": {"hf-inference": live},
    }
    async with connect(warm=[ROBERTA]) as client:
        whole = await client.get(f"/api/models/{ROBERTA}")
        part = await client.get(f"/api/models/{BERT}?expand[]=mask_token&expand[]=inference&expand[]=likes")
    assert whole.json() == everything
    assert part.json() == {"id": BERT, "mask_token": "[MASK]"}


async def test_the_hub_does_not_know_every_model(connect: Connect) -> None:
    """An unknown repository is a 404."""
    async with connect() as client:
        response = await client.get("/api/models/org/does-not-exist")
    assert response.status_code == 404
    assert response.json() == {"error": "Repository not found"}


async def test_an_old_id_is_sent_on(connect: Connect) -> None:
    """An id without its organisation redirects to today's, relative to the host and with its query."""
    async with connect() as client:
        response = await client.get("/api/models/xlm-roberta-base?expand[]=mask_token")
        followed = await client.get("/api/models/xlm-roberta-base?expand[]=mask_token", follow_redirects=True)
    assert response.status_code == 307
    assert response.headers["location"].startswith("/api/models/FacebookAI/xlm-roberta-base?expand")
    assert followed.json() == {"id": ROBERTA, "mask_token": "<mask>"}


async def test_the_root_says_what_this_is(connect: Connect) -> None:
    """Whoever opens the address in a browser learns that this is no real server."""
    async with connect() as client:
        response = await client.get("/")
    assert response.json()["emulator"] == "hf_fillmask"


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/nothing", 404, "Not Found"),
        ("GET", f"/models/{BERT}", 405, "Method Not Allowed"),
        ("POST", f"/api/models/{BERT}", 405, "Method Not Allowed"),
    ],
)
async def test_other_paths_and_methods_are_errors(
    connect: Connect, method: str, path: str, status: int, error: str
) -> None:
    """What the API does not have is refused as JSON."""
    async with connect() as client:
        response = await client.request(method, path)
    assert response.status_code == status
    assert response.json() == {"error": error}


async def test_every_answer_names_its_request(connect: Connect) -> None:
    """A sane id comes back as it was sent, a missing or an insane one is replaced."""
    async with connect() as client:
        echoed = await client.get("/", headers={"x-request-id": "my-id_1"})
        replaced = await client.get("/", headers={"x-request-id": "<no>"})
        missing = await client.get("/nothing")
    assert echoed.headers["x-request-id"] == "my-id_1"
    assert re.fullmatch(r"[0-9a-f-]{36}", replaced.headers["x-request-id"])
    assert re.fullmatch(r"[0-9a-f-]{36}", missing.headers["x-request-id"])


async def test_too_large_a_request_is_refused(connect: Connect) -> None:
    """Two million bytes may come, in how many parts ever; one more is a 413 that says so."""

    async def parts(size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, 300_000):
            yield b" " * min(300_000, size - start)

    async with connect(warm=[BERT]) as client:
        largest = await client.post(f"/models/{BERT}", content=parts(2_000_000))
        too_large = await client.post(f"/models/{BERT}", content=parts(2_000_001))
    assert (largest.status_code, too_large.status_code) == (400, 413)
    assert "length limit exceeded (2000000 bytes)" in too_large.json()["error"]


async def said_to(app: ASGIApp, coming: list[Message]) -> list[Message]:
    """Let `coming` come in on a connection, all of it, and return what the application sends."""
    sent: list[Message] = []

    async def receive() -> Message:
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": []}
    await app(scope, receive, send)
    assert coming == []
    return sent


async def test_a_caller_who_hangs_up_is_no_error() -> None:
    """Whoever leaves in the middle of a request leaves no traceback in the server's log."""
    sent = await said_to(create_app(), [{"type": "http.disconnect"}])
    assert sent[0]["status"] == 499


async def test_a_stall_outlasts_what_the_client_still_sends() -> None:
    """A held request is over when the connection is, and not before."""
    coming: list[Message] = [*[{"type": "http.request"}] * 3, {"type": "http.disconnect"}]
    assert await said_to(create_app(faults=["stall"]), coming) == []


@pytest.mark.parametrize("begun", [False, True])
async def test_a_bug_is_a_500(begun: bool) -> None:
    """What the emulator fails at is answered as JSON that names the request, and goes on to the server's log."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise KeyError("bug")

    transport = httpx.ASGITransport(RequestIdMiddleware(broken), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as client:
        response = await client.get("/", headers={"x-request-id": "mine"})
        with pytest.raises(KeyError):
            await httpx.ASGITransport(RequestIdMiddleware(broken)).handle_async_request(response.request)
    assert (response.status_code, response.headers["x-request-id"]) == (200 if begun else 500, "mine")
    failure = {"error": "unknown error", "warnings": ["There was an inference error: KeyError: 'bug'"]}
    assert begun or response.json() == failure


async def test_the_shipped_model_answers_the_specification(corpus: Path) -> None:
    """With the corpus of the package the specification's example, given the right mask, is answered."""
    transport = httpx.ASGITransport(app=create_app(warm=[ROBERTA]))
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as client:
        inputs = "The answer to the universe is <mask>."
        response = await client.post(f"/models/{ROBERTA}", json={"inputs": inputs})
    assert [set(prediction) for prediction in response.json()] == [{"score", "token", "token_str", "sequence"}] * 5
    assert response.json()[0]["token_str"].strip().isalpha()

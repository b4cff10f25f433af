"""A real model behind the protocol, with a stand-in for transformers: `tests/real_models` has the real one."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import httpx
import pytest
from trio.testing import MockClock

from hf_fillmask.emulator import create_app
from hf_fillmask.emulator._in_process import InProcessTransport

from .stand_in import Transformers, installed

pytestmark = pytest.mark.anyio

ASK = {"inputs": "Paris is [MASK]."}
WAITING = {"x-wait-for-model": "true"}

Open = Callable[..., httpx.AsyncClient]


@pytest.fixture
def transformers(monkeypatch: pytest.MonkeyPatch) -> Transformers:
    """The stand-in, where the real library would be."""
    return installed(monkeypatch)


@pytest.fixture
def opened(transformers: Transformers) -> Open:
    """Return a function that gives a client of a new server of the model `org/bert`."""

    def opened(model: str | Path = "org/bert", faults: Sequence[str] = ()) -> httpx.AsyncClient:
        transport = InProcessTransport(create_app(model=model, faults=faults))
        return httpx.AsyncClient(transport=transport, base_url="http://emulator", timeout=None)

    return opened


async def until(condition: Callable[[], object]) -> None:
    """Let others run until `condition` holds."""
    with anyio.fail_after(10):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def test_the_load_is_the_cold_start(opened: Open, transformers: Transformers) -> None:
    """While it loads there is a 503, a request that waits is held, and then every request is answered."""
    transformers.loads.clear()
    async with opened() as http:
        cold = [await http.post("/models/org/bert", json=ASK) for _ in range(2)]
        async with anyio.create_task_group() as group:
            held: list[httpx.Response] = []

            async def hold() -> None:
                held.append(await http.post("/models/org/bert", json=ASK, headers=WAITING))

            group.start_soon(hold)
            await until(lambda: len(transformers.asked_for) == 2)
            assert held == []
            transformers.loads.set()
        warm = await http.post("/predict", json=ASK)
    assert [response.status_code for response in (*cold, *held, warm)] == [503, 503, 200, 200]
    assert cold[0].json() == {"error": "Model org/bert is currently loading", "estimated_time": 20.0}
    assert transformers.asked_for == ["org/bert", "org/bert"]
    assert [response.headers["x-compute-type"] for response in (*held, warm)] == ["cpu", "cache"]


async def test_a_failed_load_says_why(
    opened: Open, transformers: Transformers, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever asks is told, each time; the log is told once; and nobody is left waiting."""
    transformers.failure = OSError("no\n  weights")
    async with opened() as http:
        with anyio.fail_after(10):
            answers = [await http.post("/", json=ASK, headers=WAITING) for _ in range(2)]
        listed = await http.get("/api/models/org/bert")
    why = "Model org/bert could not be loaded: OSError: no weights"
    assert [(answer.status_code, answer.json()) for answer in answers] == [(500, {"error": why})] * 2
    assert "inference" not in listed.json()
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [why]


async def test_a_tokenizer_that_fails_is_told_once(
    opened: Open, transformers: Transformers, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The Hub's route and the model's say the same of a model without a tokenizer."""
    monkeypatch.delattr(Transformers, "from_pretrained")
    async with opened() as http:
        answers = [
            await http.get("/api/models/org/bert"),
            await http.get("/api/models"),
            await http.post("/", json=ASK, headers=WAITING),
        ]
    assert {answer.status_code for answer in answers} == {500}
    assert len({answer.text for answer in answers}) == 1
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


async def test_faults_stand_before_a_real_model(opened: Open, transformers: Transformers) -> None:
    """They come in their order, and do not wake the model; then it loads, and answers."""
    async with opened(faults=["503", "429:retry-after=3"]) as http:
        faulty = [await http.post("/", json=ASK, headers=WAITING) for _ in range(2)]
        assert transformers.asked_for == []
        answer = await http.post("/", json=ASK, headers=WAITING)
    assert [response.status_code for response in (*faulty, answer)] == [503, 429, 200]
    assert faulty[0].json() == {"error": "Model org/bert is currently loading", "estimated_time": 20.0}
    assert faulty[1].headers["retry-after"] == "3"


@pytest.mark.parametrize("failure", [None, OSError("no weights")])
async def test_every_answer_of_a_real_model_can_be_cut(
    opened: Open, transformers: Transformers, failure: Exception | None
) -> None:
    """That of a model that cannot be loaded, too."""
    transformers.failure = failure
    async with opened(faults=["cut"]) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post("/", json=ASK, headers=WAITING)
        whole = await http.post("/", json=ASK, headers=WAITING)
    assert whole.status_code == (500 if failure else 200)


def test_a_real_model_is_not_cooled(transformers: Transformers) -> None:
    """How long it loads is not to be scripted, and that is said before anything listens."""
    with pytest.raises(ValueError, match="a fault cold is for the built-in model"):
        create_app(model="org/bert", faults=["cold=5"])


async def three_asked(http: httpx.AsyncClient, group: anyio.abc.TaskGroup, transformers: Transformers) -> None:
    """Load the model and ask it three times; it is at the first, and answers when it is let."""
    await http.post("/", json=ASK, headers=WAITING)
    transformers.answers.clear()

    async def ask(number: int) -> None:
        await http.post("/", json={"inputs": f"[MASK] {number}"})

    for number in range(3):
        group.start_soon(ask, number)
    await until(lambda: transformers.begun == 2)


async def test_one_inference_at_a_time(opened: Open, transformers: Transformers) -> None:
    """While one is computed the next waits for its turn, and the server answers whatever else is asked."""
    async with opened() as http, anyio.create_task_group() as group:
        await three_asked(http, group, transformers)
        assert (await http.get("/")).json()["model"] == "org/bert"
        transformers.answers.set()
    assert (transformers.begun, transformers.most) == (4, 1)


async def test_who_has_gone_is_not_computed(opened: Open, transformers: Transformers) -> None:
    """A request that is cancelled before its turn costs nothing, and one that is being computed harms nobody."""
    async with opened() as http:
        async with anyio.create_task_group() as group:
            await three_asked(http, group, transformers)
            group.cancel_scope.cancel()
        transformers.answers.set()
        after = await http.post("/", json={"inputs": "[MASK] after"})
    assert after.status_code == 200
    assert transformers.begun == 3


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        ({"inputs": "[MASK]", "parameters": {"top_k": 0}}, 200, []),
        ({"inputs": {"inputs": "[MASK]", "top_k": 0}}, 200, []),
        ({"inputs": "Paris."}, 400, {"error": "No mask_token ([MASK]) found on the input"}),
        ({"inputs": "[MASK]", "parameters": {"top_k": "5"}}, 400, None),
        ({"inputs": "[MASK]", "parameters": None}, 400, None),
    ],
)
async def test_whatever_the_pipeline_refuses_is_a_400(opened: Open, body: object, status: int, answer: object) -> None:
    """The pipeline is called as the toolkit calls it, and what it raises is the error."""
    async with opened() as http:
        response = await http.post("/", json=body, headers=WAITING)
    assert response.status_code == status
    assert answer is None or response.json() == answer


@pytest.mark.parametrize("score", ["nan", "inf"])
async def test_no_number_is_null(opened: Open, score: str) -> None:
    """A score that JSON cannot say is null in the answer."""
    async with opened() as http:
        body = {"inputs": "[MASK]", "parameters": {"top_k": 1, "score": score}}
        response = await http.post("/", json=body, headers=WAITING)
    assert response.json() == [{"score": None, "token": 0, "token_str": "[MASK]", "sequence": "[MASK]"}]


@pytest.mark.parametrize("mask_token", ["<mask>", None])
async def test_the_hub_tells_the_tokenizers_mask(
    opened: Open, transformers: Transformers, mask_token: str | None
) -> None:
    """The one model is listed and described; asking the Hub does not wake it."""
    transformers.mask_token = mask_token
    async with opened() as http:
        before = await http.get("/api/models?expand[]=mask_token&expand[]=inference")
        await http.post("/", json=ASK, headers=WAITING)
        after = await http.get("/api/models/org/bert?expand[]=mask_token&expand[]=inference")
    assert before.json() == [{"id": "org/bert", "mask_token": mask_token}]
    assert after.json() == {"id": "org/bert", "mask_token": mask_token, "inference": "warm"}


@pytest.mark.parametrize("method_and_path", ["POST /models/org/other", "GET /api/models/org/other"])
async def test_there_is_one_model(opened: Open, method_and_path: str) -> None:
    """Every other id is not found."""
    async with opened() as http:
        response = await http.request(*method_and_path.split(" "), json=ASK)
    assert response.status_code == 404


async def test_an_old_id_is_served_as_asked_for(opened: Open) -> None:
    """An id that the Hub sends on is the model's own here."""
    async with opened("bert-base-uncased") as http:
        listed = await http.get("/api/models/bert-base-uncased")
        answer = await http.post("/models/bert-base-uncased", json=ASK, headers=WAITING)
    assert (listed.status_code, answer.status_code) == (200, 200)


@pytest.mark.parametrize(
    ("folder", "model"), [("my-bert", "my-bert"), (".cache", ".cache"), ("my bert, v1..2", "my-bert-v1-2")]
)
async def test_a_folder_is_served_under_its_name(
    opened: Open, transformers: Transformers, tmp_path: Path, folder: str, model: str
) -> None:
    """The id is the folder's name, without what no id may hold."""
    (tmp_path / folder).mkdir()
    async with opened(tmp_path / folder) as http:
        response = await http.post(f"/models/{model}", json=ASK, headers=WAITING)
    assert response.status_code == 200
    assert set(transformers.asked_for) == {str(tmp_path / folder)}


@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock(autojump_threshold=0)})], ids=["trio"])
async def test_the_hold_is_as_long_as_asked(opened: Open, transformers: Transformers) -> None:
    """A request that waits for 300 seconds gets a 503 after these, if the model still loads."""
    transformers.loads.clear()
    async with opened() as http:
        started = anyio.current_time()
        response = await http.post("/", json=ASK, headers={"X-Scale-Up-Timeout": "300"})
        waited = anyio.current_time() - started
    transformers.loads.set()
    assert response.status_code == 503
    assert waited == pytest.approx(300)


def test_a_thread_ends_with_its_server(transformers: Transformers) -> None:
    """A server serves one event loop after the other; when nobody holds it any more, its thread ends."""

    def serve() -> threading.Thread:
        app = create_app(model="org/passing")

        async def ask() -> None:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://emulator") as http:
                assert (await http.post("/", json=ASK, headers=WAITING)).status_code == 200

        for backend in ("asyncio", "trio"):
            anyio.run(ask, backend=backend)
        (thread,) = [thread for thread in threading.enumerate() if thread.name == "hf_fillmask pipeline org/passing"]
        return thread

    thread = serve()
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


def test_the_root_is_a_folder_without_a_name(transformers: Transformers) -> None:
    """It is served all the same."""
    assert create_app(model="/").state.model == "model"


@pytest.mark.parametrize("model", ["./nothing", "../nothing", "a/b/c", "a b", "", "/no/such/folder"])
def test_what_is_neither_a_folder_nor_an_id(transformers: Transformers, model: str) -> None:
    """A path that leads nowhere is refused before anything listens."""
    with pytest.raises(ValueError, match="model must be a folder"):
        create_app(model=model)


@pytest.mark.parametrize(
    "options", [{"load_seconds": 1}, {"corpus": "corpus.txt"}, {"warm": ["a"]}, {"warm": "all"}, {"default_model": "a"}]
)
def test_what_is_for_the_built_in_model(transformers: Transformers, options: dict[str, Any]) -> None:
    """What a real model has no use for is refused, not ignored."""
    (name,) = options
    with pytest.raises(ValueError, match=f"^{name} is for the built-in model"):
        create_app(model="org/bert", **options)


@pytest.mark.parametrize("library", ["transformers", "torch"])
def test_a_missing_library_is_named(transformers: Transformers, monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    """Without the extra its name is told, before anything listens."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"this needs {library}: pip install 'hf-fillmask\[transformers\]'"):
        create_app(model="org/bert")


def test_a_library_that_was_put_in_place_by_hand(transformers: Transformers, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands among the loaded modules is a library, though nobody knows where it came from."""
    monkeypatch.setattr(sys.modules["torch"], "__spec__", None)
    assert create_app(model="org/bert")

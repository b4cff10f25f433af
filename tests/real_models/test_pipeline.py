"""A real model behind the server: its answers are the pipeline's, its load is the cold start."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from hf_fillmask import AsyncFillMaskClient, FillMaskClient, ServerError
from hf_fillmask.emulator import create_app, serving

from .conftest import Served
from .models import save_bert

ONE, TWO = "Paris is the capital of MASK.", "MASK is the MASK of Italy."
WAITING = {"x-wait-for-model": "true"}


@pytest.mark.parametrize(
    ("inputs", "parameters"),
    [
        (ONE, {}),
        (TWO, {}),
        ([ONE], {}),
        ([TWO], {}),
        ([ONE, TWO, ONE], {"top_k": 3}),
        (ONE, {"top_k": 40}),
        (ONE, {"targets": ["city", " rome", "zzqx"]}),
        (TWO, {"targets": ["city", "the"], "top_k": 1}),
        ("MASK" + " the" * 600, {"tokenizer_kwargs": {"truncation": True}}),
    ],
)
def test_the_answers_are_the_pipelines(served: Served, inputs: Any, parameters: dict[str, Any]) -> None:
    """Every score, word and sentence is what the pipeline itself says, to the last digit."""
    asked = json.loads(json.dumps(inputs).replace("MASK", served.mask))
    body = {"inputs": asked, "parameters": parameters}
    response = httpx.post(served.url, json=body, headers=WAITING, trust_env=False, timeout=60)
    assert response.json() == served.pipeline(asked, **parameters)


@pytest.mark.anyio
async def test_a_client_waits_for_the_load(folders: dict[str, Path]) -> None:
    """The load is a cold start like any other, and the Hub's route tells the mask without one."""
    name = "tiny-roberta"
    with serving(create_app(model=folders[name])) as url:
        async with AsyncFillMaskClient(name, base_url=url, hub_url=url, token=False) as client:
            before = await client.model_info()
            result = await client.fill_mask("Paris is the {mask} of France.", top_k=2)
            after = await client.model_info()
    assert (before.mask_token, before.inference, after.inference) == ("<mask>", None, "warm")
    assert (result.attempts, len(result)) == (2, 2)
    assert result.waited > 0


def test_a_score_that_is_no_number_is_null(tmp_path: Path) -> None:
    """A model whose weights were spoilt answers with null, as the toolkit's JSON has it."""
    save_bert(tmp_path, spoil=lambda model: model.cls.predictions.bias.data.fill_(math.nan))
    with serving(create_app(model=tmp_path)) as url:
        body = {"inputs": "Paris is [MASK].", "parameters": {"top_k": 2}}
        response = httpx.post(url, json=body, headers=WAITING, trust_env=False, timeout=60)
    assert [prediction["score"] for prediction in response.json()] == [None, None]


def test_a_model_that_cannot_be_loaded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The server says why, and logs it once."""
    save_bert(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    app = create_app(model=tmp_path)
    name = app.state.model
    with serving(app) as url, FillMaskClient(name, base_url=url, token=False) as client:
        for _ in range(2):
            with pytest.raises(ServerError, match=f"Model {name} could not be loaded: "):
                client.fill_mask("Paris is [MASK].")
    assert [record.levelname for record in caplog.records if "could not be loaded" in record.message] == ["ERROR"]


@pytest.mark.parametrize("busy_with", ["the load", "an inference"])
def test_ctrl_c_ends_the_server_at_once(folders: dict[str, Path], busy_with: str) -> None:
    """Whatever the model is doing, Ctrl-C ends the process with 130, and nothing crashes on the way."""
    command = [
        sys.executable,
        "-m",
        "hf_fillmask",
        "serve",
        "--port",
        "0",
        "--model",
        str(folders["tiny-bert-uncased"]),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().rstrip("\n").rpartition("=")[2]
            with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
                assert http.post("/", json={"inputs": "[MASK]"}).status_code == 503
                if busy_with == "an inference":
                    assert http.post("/", json={"inputs": "[MASK]"}, headers=WAITING).status_code == 200
                    with pytest.raises(httpx.ReadTimeout):
                        http.post("/", json={"inputs": ["[MASK]"] * 150_000}, timeout=0.5)
            server.send_signal(signal.SIGINT)
            _, err = server.communicate(timeout=10)
        finally:
            server.kill()  # has ended, or else a failure above would wait for it for ever
    assert server.returncode == 130
    assert "Traceback" not in err

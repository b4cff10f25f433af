"""The examples whose libraries are the extra `examples`: `nox -s examples` runs them."""

from __future__ import annotations

import importlib.util
import json
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hf_fillmask.emulator import create_app, serving

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

pytestmark = [
    pytest.mark.skipif(not EXAMPLES.exists(), reason="the documentation is not here"),
    pytest.mark.usefixtures("emulator"),
]


@contextmanager
def service(*, patience: float = 15.0) -> Iterator[httpx.Client]:
    """Serve the web service on a socket, and give a client of it."""
    pytest.importorskip("fastapi")
    spec = importlib.util.spec_from_file_location("service", EXAMPLES / "service.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.PATIENCE = patience  # type: ignore[attr-defined]  # the module is known at run time only
    with serving(module.app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def test_the_service_fills() -> None:
    """A text has its words, many texts theirs, and one that cannot be filled is null."""
    with service() as client:
        filled = client.get("/fill", params={"text": "Paris is the capital of {mask}.", "top_k": 2}).json()
        many = client.post("/fill-all", json=["Rome is the [MASK] of Italy.", "nothing"]).json()
    assert filled["filled"] == "Paris is the capital of france."
    assert [len(words) for words in filled["words"]] == [2]
    assert many == ["Rome is the capital of Italy.", None]


@pytest.mark.parametrize(
    "query",
    [{"text": "nothing"}, {"text": "[MASK] " * 1000}, {"text": "[MASK]", "top_k": 0}, {}],
    ids=["no mask", "too long", "top_k", "no text"],
)
def test_the_service_blames_its_caller(query: dict[str, Any]) -> None:
    """What the caller did wrong is no failure of the service."""
    with service() as client:
        assert client.get("/fill", params=query).status_code == 422


def test_the_service_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is still cold when the caller's patience ends is a 503 that says when to come back."""
    with serving(create_app(load_seconds=60)) as cold:
        monkeypatch.setenv("HF_FILLMASK_BASE_URL", cold)
        with service(patience=0.2) as client:
            answer = client.get("/fill", params={"text": "Paris is the [MASK] of France."})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "20")


def test_the_service_keeps_its_own_troubles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that the model's server refuses is no matter of the caller's, who is not told of it."""
    with serving(create_app(token="hf_another")) as closed:
        monkeypatch.setenv("HF_FILLMASK_BASE_URL", closed)
        with service() as client:
            answer = client.get("/fill", params={"text": "Paris is the [MASK] of France."})
    assert (answer.status_code, answer.json()) == (502, {"error": "the model cannot be asked"})


def test_the_bias_probe_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The picture is a PNG whose fields have both colours of the scale."""
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    picture = tmp_path / "bias.png"
    monkeypatch.setattr(sys, "argv", ["bias_probe.py", str(picture)])
    runpy.run_path(str(EXAMPLES / "bias_probe.py"), run_name="__main__")
    assert capsys.readouterr().out == f"4 templates with 10 jobs each are drawn in {picture}\n"
    pixels = imread(picture)
    height, width, _ = pixels.shape
    red, _, blue = (pixels[:, : width * 8 // 10, channel] for channel in range(3))  # the scale's own bar apart
    area = height * width
    assert ((red - blue) > 0.1).sum() > area / 10, "fields that lean to him are orange"
    assert ((blue - red) > 0.01).sum() > area / 10, "fields that lean to her are violet"


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path) -> None:
    """Every cell runs in a kernel of its own, and shows a table, an error that is a value, and a picture."""
    for module in ("nbclient", "ipykernel", "matplotlib"):
        pytest.importorskip(module)
    done = tmp_path / "done.ipynb"
    # A process of its own, since nbclient leaves sockets open when it ends.
    command = [sys.executable, "-c", "from nbclient.cli import main; main()", "--KernelManager.transport=ipc"]
    subprocess.run([*command, f"--output={done}", EXAMPLES / "notebook.ipynb"], check=True, timeout=120)
    cells = json.loads(done.read_text(encoding="utf-8"))["cells"]
    shown = [set(output["data"]) for cell in cells for output in cell.get("outputs", [])]
    assert shown == [{"text/html", "text/plain"}, {"text/plain"}, {"image/png", "text/plain"}]

"""Ray Data, for real: a local Ray with processes of its own, and a server that knows what it was asked."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hf_fillmask import AuthenticationError, ColdStart, FillMaskClient
from hf_fillmask.emulator import create_app, serving

from ..shell.helpers import TOKEN
from ..shell.scripted_server import ScriptedServer, scripted
from .model import MASK, MODEL, Model, word_of

ray = pytest.importorskip("ray", reason="Ray is not installed")
pytest.importorskip("ray.data", reason="Ray Data is not installed")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

from hf_fillmask.ray import fill_mask_dataset  # noqa: E402 - it needs both

# Ray's own warnings are Ray's.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(os.name != "posix", reason="a worker is killed by a signal"),
]

ROWS = 20_000
WORKERS = 2
EMULATED = "google-bert/bert-base-uncased"
REFUSED = f"(?s){AuthenticationError.__name__}.*Set HF_TOKEN"


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Run Ray on this machine; 8 logical CPUs, since reading, filtering, filling and writing each want some."""
    variables = {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_DATA_DISABLE_PROGRESS_BARS": "1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False)
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield
        ray.shutdown()


def text_of(number: int) -> str | None:
    """Return the text of a row; a few cannot be filled."""
    match number % 1000:
        case 3:
            return None
        case 5:
            return f"{number} has no mask"
        case 7:
            return f"{number} is very long {MASK}"
        case _:
            return f"{number} {MASK}"


def outcome_of(number: int) -> tuple[str | None, str | None]:
    """Return the best word that a row must come back with, or the beginning of its error."""
    match number % 1000:
        case 3:
            return None, "the text is null"
        case 5:
            return None, "MaskNotFoundError"
        case 7:
            return None, "BadRequestError"
        case _:
            return word_of(str(text_of(number))), None


def table_of(rows: int) -> Any:
    """Return numbers and texts."""
    return pa.table({"number": range(rows), "text": [text_of(number) for number in range(rows)]})


def assert_filled(rows: list[Any], count: int) -> None:
    """Hold that all rows are there, in order, each with its own outcome."""
    assert [(row["number"], row["text"]) for row in rows] == [(number, text_of(number)) for number in range(count)]
    found = [(row["masks"] and row["masks"][0][0]["token_str"], row["error"]) for row in rows]
    assert [(word, error and error.partition(":")[0]) for word, error in found] == list(map(outcome_of, range(count)))


def filled(ds: Any, server: ScriptedServer, **options: Any) -> Any:
    """Fill a dataset from a scripted server."""
    usual = {"column": "text", "workers": WORKERS, "max_connections": 8, "base_url": server.url, "token": False}
    return fill_mask_dataset(ds, MODEL, **(usual | options))


def test_every_row_of_many() -> None:
    """20,000 rows of a cold model, some of them bad: all come back, in order, within the limits of the whole job."""
    with scripted(Model(cold=True)) as server:
        ds = ray.data.from_arrow(table_of(ROWS))
        assert_filled(filled(ds, server, inputs_per_request=8).take_all(), ROWS)
        assert server.most_open <= 8
        cold = [request for request in server.requests if request.waits]
    assert len(cold) <= WORKERS


def test_every_row_from_the_emulator() -> None:
    """Ten blocks at the served emulator, cold at the start, some texts without a mask: each has its own answer."""
    block, rows = 200, 2000
    capitals = ("Paris", "Rome", "Madrid", "Berlin", "Vienna", "Lisbon", "Oslo", "Cairo")
    texts = [f"{capital} is the capital of [MASK]." for capital in capitals]
    texts += ["The cat sat on the [MASK].", "no mask here"]
    numbers = range(rows)
    table = pa.table({"number": numbers, "text": [texts[number % len(texts)] for number in numbers]})
    with serving(create_app(load_seconds=1)) as url:
        ds = ray.data.from_arrow(table)
        options = {"workers": WORKERS, "max_connections": 8, "base_url": url, "token": False, "rows_per_block": block}
        filled_rows = fill_mask_dataset(ds, EMULATED, column="text", **options).take_all()
        with FillMaskClient(EMULATED, base_url=url, token=False) as client:
            answers = client.fill_mask_batch(texts[:-1])
    words = [answer[0].token_str for answer in answers]
    expected = [(number, None if number % 10 == 9 else words[number % 10]) for number in numbers]
    assert [(row["number"], row["masks"] and row["masks"][0][0]["token_str"]) for row in filled_rows] == expected
    assert {row["error"].partition(":")[0] for row in filled_rows if row["masks"] is None} == {"MaskNotFoundError"}


def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    """Ray starts a killed worker anew: no row is lost, and no more than its running block is repeated."""
    block, rows = 250, 2000

    def note(_: ColdStart) -> None:
        (tmp_path / str(os.getpid())).touch()  # pragma: no cover - runs in the workers

    def kill(done: int) -> None:
        if done >= rows // 4 and not killed:
            killed.append(int(min(path.name for path in tmp_path.iterdir())))
            os.kill(killed[0], signal.SIGKILL)

    killed: list[int] = []
    model = Model(cold=True, before=kill)
    with scripted(model) as server:
        ds = ray.data.from_arrow(table_of(rows))
        assert_filled(filled(ds, server, rows_per_block=block, on_cold_start=note).take_all(), rows)
    assert len(killed) == 1
    assert 0 < model.filled.total() - len(model.filled) <= block


def test_a_job_that_failed_goes_on(tmp_path: Path) -> None:
    """A refused token ends the job; with a checkpoint the next one asks for what was not written, and no more."""
    rows, block = 3000, 250
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    pq.write_table(table_of(rows), source / "rows.parquet")
    checkpoint = {"id_column": "number", "checkpoint_path": str(tmp_path / "checkpoint")}

    def refuse(done: int) -> None:
        if done >= rows // 2:
            model.refusal = 401

    def write(server: ScriptedServer) -> None:
        ds = filled(ray.data.read_parquet(str(source)), server, rows_per_block=block, checkpoint=checkpoint)
        ds.write_parquet(str(target))

    model = Model(before=refuse)
    with scripted(model) as server, pytest.raises(ray.exceptions.RayError, match=REFUSED):
        write(server)
    saved = pq.read_table(target).num_rows
    assert saved >= block
    first, model = model, Model()
    with scripted(model) as server:
        write(server)
    assert_filled(sorted(pq.read_table(target).to_pylist(), key=lambda row: row["number"]), rows)
    assert model.filled.total() <= rows - saved
    assert first.filled.total() >= rows // 2


def test_contexts_stay_as_they_are(tmp_path: Path) -> None:
    """Neither the dataset that is given nor Ray's current context is changed."""
    ds = ray.data.range(3)
    config = {"id_column": "id", "checkpoint_path": str(tmp_path)}
    ours = fill_mask_dataset(ds, MODEL, column="id", workers=1, max_connections=1, checkpoint=config)
    assert (ours.context.execution_options.preserve_order, ours.context.checkpoint_config.id_column) == (True, "id")
    for context in (ds.context, ray.data.DataContext.get_current()):
        assert (context.execution_options.preserve_order, context.checkpoint_config) == (False, None)


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "too few connections": ({"workers": 3, "max_connections": 2}, ValueError, "is not enough for 3 workers"),
    "no workers": ({"workers": 0}, ValueError, "workers must be at least 1"),
    "no rows": ({"rows_per_block": 0}, ValueError, "rows_per_block must be at least 1"),
    "no rate": ({"requests_per_second": 0}, ValueError, "requests_per_second must be"),
    "a wrong option": ({"top_k": 0}, ValueError, "top_k must be"),
    "a token": ({"token": TOKEN}, TypeError, "set HF_TOKEN where the table runs"),
}


@pytest.mark.parametrize(("options", "error", "told"), WRONG.values(), ids=WRONG)
def test_wrong_use(options: dict[str, Any], error: type[Exception], told: str) -> None:
    """What cannot work is refused before Ray starts anything."""
    usual: dict[str, Any] = {"column": "text", "workers": 1, "max_connections": 8}
    with pytest.raises(error, match=told):
        fill_mask_dataset(ray.data.range(3), MODEL, **(usual | options))


def test_the_limits_are_shared_out() -> None:
    """Connections and rate are those of the whole job: each worker gets its share."""
    model = Model()
    with scripted(model) as server:
        ds = ray.data.from_arrow(table_of(200))
        limits = {"max_connections": 5, "requests_per_second": 100}
        assert_filled(filled(ds, server, rows_per_block=50, **limits).take_all(), 200)
        assert server.most_open <= WORKERS * (5 // WORKERS)
    # A tenth of a second's turns may come at once, at each worker.
    assert model.times[-1] - model.times[0] >= (len(model.times) - 1) / 100 - 0.25

"""The recipes of "On a cluster": run where their engines are installed, and shown on the page as they are run."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hf_fillmask.emulator import create_app, serving

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "how-to" / "cluster.md"
RECIPES = sorted((HERE / "recipes").glob("*.py"))

TEXTS = {0: "Paris is the [MASK] of France.", 3: None, 5: "no mask"}
COLUMNS = {
    "number": list(range(100)),
    "text": [TEXTS.get(number, f"{number} is a [MASK] number.") for number in range(100)],
}


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Serve the emulator where every client looks, in other processes, too."""
    with serving(create_app(load_seconds=0.01)) as base_url:
        monkeypatch.setenv("HF_FILLMASK_BASE_URL", base_url)
        yield


def assert_filled(columns: dict[str, list[Any]]) -> None:
    """Hold that all rows came back, each with its own outcome."""
    assert list(columns) == ["number", "text", "masks", "error", "status", "attempts"]
    assert {name: columns[name] for name in COLUMNS} == COLUMNS
    assert [place for place, masks in enumerate(columns["masks"]) if masks is None] == [3, 5]
    assert [place for place, error in enumerate(columns["error"]) if error is not None] == [3, 5]
    assert columns["masks"][0][0][0]["token_str"] == "capital"
    assert all(columns["masks"][place][0][0]["sequence"].startswith(f"{place} ") for place in range(10, 100))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_the_page_shows_it(recipe: Path) -> None:
    """The page repeats a recipe to the letter, without its docstring."""
    if not PAGE.exists():
        pytest.skip("the documentation is not here")
    _, _, code = recipe.read_text(encoding="utf-8").partition('"""\n\n')
    assert f"```python\n{code}```\n" in PAGE.read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("emulator")
def test_daft() -> None:
    """Daft fills a column in processes of its own."""
    daft = pytest.importorskip("daft", reason="Daft is not installed")
    filled = runpy.run_path(str(HERE / "recipes" / "with_daft.py"))["filled"]
    assert_filled(filled(daft.from_pydict(COLUMNS)).sort("number").to_pydict())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("emulator")
def test_datasets() -> None:
    """Hugging Face datasets fills a column with `map`."""
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    filled = runpy.run_path(str(HERE / "recipes" / "with_datasets.py"))["filled"]
    assert_filled(filled(datasets.Dataset.from_dict(COLUMNS)).to_dict())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_dask(scheduler: str) -> None:
    """Dask fills the partitions of a data frame, in threads of this process and in other processes."""
    dd = pytest.importorskip("dask.dataframe", reason="dask[dataframe] is not installed")
    import pandas as pd

    ddf = dd.from_pandas(pd.DataFrame(COLUMNS), npartitions=4)
    part = runpy.run_path(str(HERE / "recipes" / "with_dask.py"))["filled"](ddf).compute(scheduler=scheduler)
    assert part.index.tolist() == COLUMNS["number"]
    assert_filled(pa_table(part).to_pydict())


def pa_table(frame: Any) -> Any:
    """Turn a data frame of pandas into a table of Arrow, with nothing of its index."""
    return pytest.importorskip("pyarrow").Table.from_pandas(frame, preserve_index=False)


@pytest.mark.usefixtures("emulator")
def test_polars() -> None:
    """Polars fills a column."""
    polars = pytest.importorskip("polars", reason="Polars is not installed")
    filled = runpy.run_path(str(HERE / "recipes" / "with_polars.py"))["filled"]
    assert_filled(filled(polars.DataFrame(COLUMNS)).to_dict(as_series=False))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("emulator")
def test_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spark fills the partitions of a data frame in processes of its own."""
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    if not runs_java():
        pytest.skip("there is no Java for Spark")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    spark = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        rows = list(zip(*COLUMNS.values(), strict=True))
        df = spark.createDataFrame(rows, "number bigint, text string").repartition(3)
        filled = runpy.run_path(str(HERE / "recipes" / "with_spark.py"))["filled"]
        assert_filled(filled(df).toArrow().sort_by("number").to_pydict())
    finally:
        spark.stop()


def runs_java() -> bool:
    """Whether a Java of version 17, which Spark wants, or newer runs here."""
    java = shutil.which("java")
    if java is None:
        return False
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    return found is not None and int(found[1]) >= 17

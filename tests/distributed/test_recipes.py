"""The recipes of "On a cluster": run where their engines are installed, and shown on the page as they are run."""

from __future__ import annotations

import runpy
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

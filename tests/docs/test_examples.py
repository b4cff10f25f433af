"""The examples that need no extra, run as a reader runs them; those that need one are in tests/optional."""

from __future__ import annotations

import csv
import json
import runpy
import sys
from pathlib import Path

import pytest

from hf_fillmask.emulator import create_app, serving

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

# Absent where the tests run beside an installed wheel.
pytestmark = [
    pytest.mark.skipif(not EXAMPLES.exists(), reason="the documentation is not here"),
    pytest.mark.usefixtures("emulator"),
]


def run(name: str, *argv: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run an example in this process, as `python NAME ARGV...` would."""
    monkeypatch.setattr(sys, "argv", [name, *argv])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read a CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_augment_a_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each row is there once as it was, and once with its label and one other word; a second run writes the same."""
    source = EXAMPLES / "reviews.csv"
    for name in ("first.csv", "second.csv"):
        run("augment.py", str(source), str(tmp_path / name), monkeypatch=monkeypatch)
    rows = rows_of(tmp_path / "first.csv")
    assert rows[::2] == rows_of(source)
    assert [row["label"] for row in rows[1::2]] == [row["label"] for row in rows[::2]]
    before, after = ([row["text"].split() for row in each] for each in (rows[::2], rows[1::2]))
    assert {1} == {sum(a != b for a, b in zip(*each, strict=True)) for each in zip(before, after, strict=True)}
    assert capsys.readouterr().out.startswith(f"{len(rows)} rows in ")
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()


def test_a_text_that_fails_is_not_augmented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server's error is told, the row stays as it is, and so do the rows around it."""
    long = "fish " * 1000
    (tmp_path / "in.csv").write_text(f"label,text\na,The cat drinks milk\nb,{long}\nc,UPPER CASE\nd,The dog barks\n")
    run("augment.py", "in.csv", "out.csv", monkeypatch=monkeypatch)
    assert [row["label"] for row in rows_of(tmp_path / "out.csv")] == ["a", "a", "b", "d", "d"]
    assert "row 1: google-bert/bert-base-uncased: HTTP 400: The size of tensor" in capsys.readouterr().err


def test_a_legacy_script_with_threads(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """All lines are filled, in any order; the model is woken once for all threads; a line that fails is told."""
    with serving(create_app(load_seconds=0.05)) as cold, (EXAMPLES / "lines.txt").open(encoding="utf-8") as lines:
        monkeypatch.setenv("HF_FILLMASK_BASE_URL", cold)
        monkeypatch.setattr(sys, "stdin", lines)
        with pytest.raises(SystemExit) as ended:
            run("legacy_threads.py", monkeypatch=monkeypatch)
    out, err = capsys.readouterr()
    texts = (EXAMPLES / "lines.txt").read_text(encoding="utf-8").splitlines()
    assert ended.value.code == 1
    assert len(out.splitlines()) == len(texts) - 1
    assert {"Paris is the capital of France.", "The cat drinks milk."} < set(out.splitlines())
    assert err.splitlines()[:2] == [f"google-bert/bert-base-cased is {phase}" for phase in ("waiting", "warm")]
    assert "'There is nothing to fill here.': google-bert/bert-base-cased: HTTP 400: No mask_token" in err
    assert err.splitlines()[-1] == f"1 failed, {len(texts) + 1} requests"


def test_the_notebook_is_kept_clean() -> None:
    """No output of anybody's run is in the repository."""
    cells = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    assert [] == [cell["id"] for cell in cells if cell.get("outputs") or cell.get("execution_count")]


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_short(example: Path) -> None:
    """A lesson fits on one page."""
    assert len(example.read_text(encoding="utf-8").splitlines()) <= 80

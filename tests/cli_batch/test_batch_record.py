"""Lines of the output: what they hold, and how they are judged when a run goes on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask import (
    AuthenticationError,
    BadRequestError,
    BatchItem,
    ConnectError,
    FillMaskError,
    FillMaskResult,
    MaskNotFoundError,
    ModelLoadingError,
    Prediction,
    ServerError,
)
from hf_fillmask.cli.batch._answers import Answers
from hf_fillmask.cli.batch._manifest import differences, dumped, loaded, manifest
from hf_fillmask.cli.batch._record import Outcome, invalid, judged, line, outcome
from hf_fillmask.cli.batch._rows import FIELDS, Row, values_row
from hf_fillmask.cli.batch._stop import StopRule

texts = st.text(st.characters(), max_size=20)


@given(texts, texts, st.floats(), st.one_of(st.integers(), texts, st.lists(st.integers())))
def test_a_line_says_all(text: str, word: str, score: float, row_id: Any) -> None:
    """A line is UTF-8 and JSON, holds what came of the row, and tells by its beginning which row that is."""
    result = FillMaskResult(((Prediction(score, 5, word, text),), ()), text, "m", "req", attempts=3)
    row = values_row(4, {"id": row_id, "inputs": text, "more": 5}, "inputs", None)
    written = line(row, outcome(BatchItem(0, text, result)))
    prediction = {"score": score if math.isfinite(score) else None, "token": 5, "token_str": word, "sequence": text}
    expected = {
        "id": row_id,
        "index": 4,
        "inputs": text,
        "masks": [[prediction], []],
        "error": None,
        "request_id": "req",
        "attempts": 3,
        "more": 5,
    }
    written.decode()
    assert json.loads(written) == json.loads(json.dumps(expected))
    assert list(json.loads(written))[:7] == list(FIELDS)
    assert judged(written[:-1]) == (4, True)
    assert all(judged(written[:end]) is None for end in range(len(written) - 1))


def test_an_error() -> None:
    """The error of a row has its class, its message and its status, and a row with one is not done."""
    error = BadRequestError("too long", status_code=413, model="m", attempts=2, request_id="req")
    came = outcome(BatchItem(0, "t", error=error))
    written = line(Row(1, b"1", "t"), came)
    row = json.loads(written)
    assert row["error"] == {"type": "BadRequestError", "message": "too long", "status_code": 413}
    assert (row["masks"], row["request_id"], row["attempts"]) == (None, "req", 2)
    assert (came.failed, came.failure, judged(written[:-1])) == (True, error, (1, False))


def test_a_row_that_could_not_be_read() -> None:
    """A bad row was not asked: no attempt, no status."""
    row = json.loads(line(Row(0, b"0", None), invalid("not JSON")))
    assert row["error"] == {"type": "InputError", "message": "not JSON", "status_code": None}
    assert (row["attempts"], row["inputs"]) == (0, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"masks": [], "index": 3}', (3, True)),
        (b'{"masks": null, "index": 3}', (3, False)),
        (b'{"masks": [], "index": "3"}', None),
        (b'{"masks": [], "index": -1}', None),
        (b'{"masks": []}', None),
        (b"[1]", None),
        (b"\0\0\0", None),
        (b'{"id":1,"index":1,"inputs":"a","masks":[[\0\0]],"error":null}', None),
        (b"[" * 100_000, None),
    ],
)
def test_a_line_of_somebody_else(text: bytes, expected: Any) -> None:
    """A line that was written otherwise is read as JSON; what is no row of ours is told apart."""
    assert judged(text) == expected


def came(text: str) -> Outcome:
    return Outcome(text.encode())


def test_answers_are_forgotten_when_they_are_too_many() -> None:
    """The answers that were used longest ago make room; memory is bounded by bytes."""
    answers = Answers(most=1600)
    for text in "abc":
        answers.keep(text, came(text))
    assert answers.get("a") == came("a")
    answers.keep("a", came("another"))
    answers.keep("d", came("d"))
    assert [answers.get(text) for text in "abcd"] == [came("a"), None, came("c"), came("d")]


def test_an_answer_that_may_change_is_not_kept() -> None:
    """A failure that is not the text's fault is asked again; one that is, is not."""
    answers = Answers()
    for text, error in {"a": ConnectError("gone"), "b": BadRequestError("bad", status_code=400)}.items():
        answers.keep(text, outcome(BatchItem(0, text, error=error)))
    assert (answers.get("a"), answers.get("b") is not None) == (None, True)


LOST, BAD = ConnectError("gone"), MaskNotFoundError("no mask", status_code=400)
DENIED, DOWN = AuthenticationError("no", status_code=401), ServerError("no", status_code=502)
COLD = ModelLoadingError("cold", status_code=503)


@pytest.mark.parametrize(
    ("came", "stops_at"),
    [
        ([DENIED], 1),
        ([COLD], 1),
        ([None, *[DENIED] * 10], 11),
        ([BAD, *[DENIED] * 9, None, *[DENIED] * 9], None),
        ([LOST, DOWN] * 5, 10),
        ([None, *[LOST] * 100], 101),
        ([*[LOST] * 9, None, *[DOWN] * 99, BAD], None),
        ([BAD] * 1000, None),
    ],
)
def test_when_a_run_stops(came: list[FillMaskError | None], stops_at: int | None) -> None:
    """A run stops where every row fails: soon if it has no answer yet, later if it had one, never with keep_going."""
    rule, steady = StopRule(), StopRule(keep_going=True)
    stops = [number for number, failure in enumerate(came, 1) if rule.reason(failure) is not None]
    assert stops[:1] == ([] if stops_at is None else [stops_at])
    assert not any(map(steady.reason, came))


MADE = manifest(
    model="m",
    base_url="http://a",
    top_k=None,
    targets=("b", "a"),
    format="text",
    column="inputs",
    identity={"size": 5, "head": "sha256:1", "tail": "sha256:2"},
)


def test_a_manifest_comes_back() -> None:
    """A manifest is written and read without loss; the order of targets makes no difference."""
    assert loaded(dumped(MADE)) == MADE
    assert MADE["targets"] == ["a", "b"]
    assert differences(MADE, MADE) == []


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        ({"model": "n"}, '--model was "m" and is "n"'),
        ({"top_k": 3}, "--top-k was not given and is 3"),
        ({"targets": []}, '--target was ["a", "b"] and is not given'),
        ({"layout": 2}, "the version of the output was 1 and is 2"),
        ({"input": {**MADE["input"], "size": 6}}, "the size of INPUT was 5 and is 6"),
        ({"input": {**MADE["input"], "tail": "sha256:3"}}, "the end of INPUT differs"),
    ],
)
def test_a_manifest_names_what_differs(change: dict[str, Any], phrase: str) -> None:
    """Each difference is a phrase that names the option."""
    assert differences(MADE, {**MADE, **change}) == [phrase]


@pytest.mark.parametrize("data", [b"{", b"[]", b"{}", b'{"input": 1}', b"[" * 100_000])
def test_what_is_no_manifest(data: bytes, tmp_path: Path) -> None:
    """Anything else is no manifest."""
    assert loaded(data) is None

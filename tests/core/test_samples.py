"""The recorded answers of real servers: all of them are decoded, and nothing of them is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hf_fillmask import APIError, BadRequestError, FillMaskResult, MaskNotFoundError, Prediction, ServerError
from hf_fillmask._address import resolve
from hf_fillmask._exchange import Request, Response
from hf_fillmask._request import build_request
from hf_fillmask._response import decode_response

FILE = Path(__file__).parents[1] / "samples" / "single_texts.jsonl"
ROWS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def _named(rows: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(row, id=f"{row['stack']}-{row['mask_token']}-{row['case']}") for row in rows]


RESULTS = _named([row for row in ROWS if row["status"] == 200])
ERRORS = _named([row for row in ROWS if row["status"] != 200])


def _exchange(row: dict[str, Any]) -> tuple[Request, Response]:
    request = build_request(resolve("m", "https://a.example"), row["inputs"])
    return request, Response(row["status"], row["headers"], json.dumps(row["answer"]).encode())


def _flat(answer: list[Any]) -> list[dict[str, Any]]:
    return [item for part in answer for item in (part if isinstance(part, list) else [part])]


def test_nothing_is_left_out() -> None:
    """There are as many samples as the README says."""
    assert len(ROWS) == 88
    assert len(RESULTS) + len(ERRORS) == 88


@pytest.mark.parametrize("row", RESULTS)
def test_a_recorded_result(row: dict[str, Any]) -> None:
    """A recorded result has a tuple a mask of the text, every value of every prediction, and the compute time."""
    result = decode_response(*_exchange(row))
    told = row["headers"].get("x-compute-time")
    assert row["inputs"].count(row["mask_token"]) == len(result.masks)
    assert [Prediction(**item) for item in _flat(row["answer"])] == [each for mask in result.masks for each in mask]
    assert (None if told is None else float(told)) == result.compute_time
    assert result.cached is False


@pytest.mark.parametrize("row", RESULTS)
def test_a_recorded_result_is_sorted_and_fills_its_text(row: dict[str, Any]) -> None:
    """The predictions come best first, and no mask of a recorded text stays open that has one."""
    result: FillMaskResult = decode_response(*_exchange(row))
    for mask in result.masks:
        assert sorted(mask, key=lambda each: -each.score) == list(mask)
    filled = all(result.masks)
    assert filled is (row["mask_token"] not in result.filled())


def _class_of(row: dict[str, Any]) -> type[APIError]:
    if "No mask_token" in json.dumps(row["answer"]):
        return MaskNotFoundError
    return {400: BadRequestError, 500: ServerError}[row["status"]]


@pytest.mark.parametrize("row", ERRORS)
def test_a_recorded_error(row: dict[str, Any]) -> None:
    """A recorded error has its class, and the server's words in `message` and `warnings`."""
    with pytest.raises(APIError) as raised:
        decode_response(*_exchange(row))
    error, answer = raised.value, row["answer"]
    said = answer["error"]
    assert _class_of(row) is type(error)
    assert (said if isinstance(said, str) else "; ".join(said)) == error.message
    assert tuple(answer.get("warnings", ())) == error.warnings
    assert row["status"] == error.status_code


@pytest.mark.parametrize("row", [param for param in ERRORS if "No mask_token" in json.dumps(param.values[0]["answer"])])
def test_a_recorded_mask_error_names_the_mask(row: dict[str, Any]) -> None:
    """A server that found no mask names the one of its model, whatever the status."""
    with pytest.raises(MaskNotFoundError) as raised:
        decode_response(*_exchange(row))
    assert row["mask_token"] == raised.value.mask_token

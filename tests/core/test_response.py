"""The response decoder: a result, or an error of the tree, whatever the bytes are."""

from __future__ import annotations

import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask import APIError, DecodeError, FillMaskResult, Prediction
from hf_fillmask._address import resolve
from hf_fillmask._exchange import Response
from hf_fillmask._request import build_request
from hf_fillmask._response import decode_list, decode_response

REQUEST = build_request(resolve("bert", "https://a.example"), "Paris is [MASK].", mask_token="[MASK]")
P = {"score": 0.5, "token": 7, "token_str": " a", "sequence": "b a"}
PREDICTION = Prediction(0.5, 7, " a", "b a")


def _decoded(body: Any, **fields: Any) -> FillMaskResult:
    packed = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode_response(REQUEST, Response(200, body=packed, **fields))


@pytest.mark.parametrize(
    ("body", "masks"),
    [
        ([P], ((PREDICTION,),)),
        ([P, P], ((PREDICTION, PREDICTION),)),
        ([[P], [P, P]], ((PREDICTION,), (PREDICTION, PREDICTION))),
        ([[P]], ((PREDICTION,),)),
        ([], ((),)),
        ([[]], ((),)),
        ([[], []], ((), ())),
        ([[P], []], ((PREDICTION,), ())),
        (b" \n[]\r\n", ((),)),
        (b"\xef\xbb\xbf[]", ((),)),
    ],
    ids=[
        "one-mask",
        "two-predictions",
        "two-masks",
        "one-mask-in-a-list",
        "empty",
        "empty-mask",
        "two-empty-masks",
        "one-empty-mask",
        "white-space",
        "byte-order-mark",
    ],
)
def test_the_shapes(body: Any, masks: tuple[tuple[Prediction, ...], ...]) -> None:
    """A list of predictions is one mask, a list of lists several; ``[]`` is one mask without predictions."""
    assert masks == _decoded(body).masks


@pytest.mark.parametrize(
    ("change", "prediction"),
    [
        ({"extra": [1], "score": 0.5}, PREDICTION),
        ({"score": 1}, Prediction(1.0, 7, " a", "b a")),
        ({"score": 3e-11}, Prediction(3e-11, 7, " a", "b a")),
        ({"score": math.inf}, Prediction(math.inf, 7, " a", "b a")),
        ({"token": 2**70}, Prediction(0.5, 2**70, " a", "b a")),
        ({"token": -1}, Prediction(0.5, -1, " a", "b a")),
        ({"token_str": "", "sequence": ""}, Prediction(0.5, 7, "", "")),
        ({"token_str": "\ufffd\ud800"}, Prediction(0.5, 7, "\ufffd\ud800", "b a")),
    ],
    ids=["extra-key", "whole-score", "tiny-score", "infinite", "large-token", "negative-token", "empty", "broken-text"],
)
def test_the_fields(change: dict[str, Any], prediction: Prediction) -> None:
    """The fields are those of the server, in any order and with any company."""
    (found,) = _decoded([dict(reversed({**P, **change}.items()))])
    assert prediction == found
    assert isinstance(found.score, float)


@pytest.mark.parametrize("score", [b"null", b"NaN"])
def test_a_score_that_is_no_number(score: bytes) -> None:
    """A null or a bare NaN (a model with NaN logits) is nan."""
    body = b'[{"score":' + score + b',"token":7,"token_str":"a","sequence":"b"}]'
    assert math.isnan(_decoded(body)[0].score)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "a body that is not JSON"),
        (b"<html>", "a body that is not JSON"),
        (b'[{"score":0.5,', "a body that is not JSON"),
        (b"\xff\xfe\xfd", "a body that is not JSON"),
        (b"[9" + b"9" * 5000 + b"]", "a body that is not JSON"),
        (b"[" * 200_000, "JSON that is nested too deeply"),
        (None, "a body that is not a list"),
        ({}, "a body that is not a list"),
        ("[]", "a body that is not a list"),
        (b"NaN", "a body that is not a list"),
        ({"error": "no"}, "a body that is not a list"),
        ({"error": "Model bert is currently loading", "estimated_time": 20.0}, "a body that is not a list"),
        ([None], "a prediction without score"),
        ([5], "a prediction without score"),
        (["text"], "a prediction without score"),
        ([{}], "a prediction without score"),
        ([[P], P], "a prediction without score"),
        ([P, [P]], "a prediction without score"),
        ([[[P]]], "a prediction without score"),
        *(([{key: P[key] for key in P if key != missing}], "a prediction without score") for missing in P),
        ([{**P, "token": "7"}], "has the wrong type"),
        ([{**P, "token": 7.0}], "has the wrong type"),
        ([{**P, "token": True}], "has the wrong type"),
        ([{**P, "token": None}], "has the wrong type"),
        ([{**P, "token_str": None}], "has the wrong type"),
        ([{**P, "token_str": ["a"]}], "has the wrong type"),
        ([{**P, "sequence": 5}], "has the wrong type"),
        ([{**P, "score": "0.5"}], "a score that is not a number"),
        ([{**P, "score": True}], "a score that is not a number"),
        ([{**P, "score": []}], "a score that is not a number"),
        ([{**P, "score": 10**400}], "a score that is too large"),
    ],
)
def test_a_200_that_is_no_result(body: Any, what: str) -> None:
    """A 200 of another shape is a `DecodeError` that says what is wrong, quotes the body and keeps it."""
    packed = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"x-request-id": "r-1"}
    with pytest.raises(DecodeError) as raised:
        decode_response(REQUEST, Response(200, headers, packed, attempts=2))
    error = raised.value
    assert what in error.message
    assert repr(packed[:200].decode("utf-8", "replace")) in error.message
    assert (packed, "bert", "r-1", 2) == (error.body, error.model, error.request_id, error.attempts)
    assert str(error) == str(pickle.loads(pickle.dumps(error)))


def test_what_a_result_knows_of_its_call() -> None:
    """A result has the text, the model, the mask, and what headers and transport tell of the call."""
    headers = {"x-request-id": "r-1", "x-compute-time": "0.002", "x-compute-type": "cache"}
    expected = FillMaskResult(
        masks=((PREDICTION,),),
        inputs="Paris is [MASK].",
        model="bert",
        request_id="r-1",
        compute_time=0.002,
        cached=True,
        attempts=3,
        waited=9.5,
        mask_token="[MASK]",
    )
    assert expected == _decoded([P], headers=headers, attempts=3, waited=9.5)


@pytest.mark.parametrize(
    ("headers", "compute_time", "cached"),
    [
        ({}, None, False),
        ({"x-compute-time": "soon", "x-compute-type": "cpu"}, None, False),
        ({"x-compute-time": "nan", "x-compute-type": "gpu+optimized"}, None, False),
        ({"x-compute-time": "-1"}, None, False),
        ({"x-compute-time": "3"}, 3.0, False),
    ],
    ids=["nothing", "words", "nan", "negative", "whole"],
)
def test_headers_that_say_nothing(headers: dict[str, str], compute_time: float | None, cached: bool) -> None:
    """A compute time that is no number is None, and only a cache is a cache."""
    result = _decoded([P], headers=headers)
    assert (compute_time, cached) == (result.compute_time, result.cached)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*P]) | st.text(max_size=3), inner),
    max_leaves=10,
)
ALMOST = st.fixed_dictionaries({}, optional={key: JSON | st.just(value) for key, value in P.items()})


def _outcome(body: Any) -> FillMaskResult | DecodeError:
    try:
        return _decoded(body)
    except DecodeError as error:
        return error


@given(JSON | st.lists(ALMOST) | st.lists(st.lists(ALMOST) | ALMOST))
def test_any_json_is_a_result_or_a_decode_error(value: Any) -> None:
    """Whatever JSON comes with a 200, it is a `DecodeError` or a result with one mask at least, and JSON again."""
    body = json.dumps(value).encode()
    outcome = _outcome(body)
    if isinstance(outcome, DecodeError):
        assert body == outcome.body
    else:
        assert len(outcome.masks) >= 1
        assert json.dumps(outcome.to_dict(), allow_nan=False)


@given(st.binary())
def test_any_bytes_are_a_result_or_a_decode_error(body: bytes) -> None:
    """Whatever bytes come with a 200, nothing else is raised."""
    assert isinstance(_outcome(body), (FillMaskResult, DecodeError))


PROPER = st.fixed_dictionaries(
    {"score": st.floats(0, 1), "token": st.integers(), "token_str": st.text(), "sequence": st.text()}
)


@given(st.lists(st.lists(PROPER, min_size=1, max_size=3), min_size=1, max_size=3))
def test_what_the_server_sent_is_what_the_result_holds(masks: list[list[dict[str, Any]]]) -> None:
    """Every value of every prediction of every mask is kept, in its place."""
    assert [[each.to_dict() for each in mask] for mask in _decoded(masks).masks] == masks


LIST = build_request(resolve("bert", "https://a.example"), ("a [MASK]", "b [MASK] [MASK]"), mask_token="[MASK]")


@pytest.mark.parametrize(
    ("body", "masks"),
    [
        ([[P], [P]], [((PREDICTION,),), ((PREDICTION,),)]),
        ([[P], [[P], [P, P]]], [((PREDICTION,),), ((PREDICTION,), (PREDICTION, PREDICTION))]),
        ([[[P], [P]], [[P], [P]]], [((PREDICTION,), (PREDICTION,))] * 2),
        ([[], [P]], [((),), ((PREDICTION,),)]),
    ],
    ids=["one-mask-each", "ragged", "two-masks-each", "one-without-predictions"],
)
def test_a_list_of_texts(body: Any, masks: list[Any]) -> None:
    """Each element of the answer to several texts has the shape of a text's own answer, ragged or not."""
    response = Response(200, {"x-request-id": "r-1"}, json.dumps(body).encode(), attempts=2, waited=1.5)
    results = decode_list(LIST, response)
    assert masks == [result.masks for result in results]
    assert [result.inputs for result in results] == ["a [MASK]", "b [MASK] [MASK]"]
    assert {("bert", "r-1", 2, 1.5, "[MASK]")} == {
        (each.model, each.request_id, each.attempts, each.waited, each.mask_token) for each in results
    }


@pytest.mark.parametrize(
    "body", [[], [[P]], [[P], [P], [P]], [P, P], {"error": "no"}, None, [[P], P], [[P], None]], ids=repr
)
def test_a_list_of_another_length(body: Any) -> None:
    """An answer that has not one element a text is a `DecodeError`: whose predictions they are cannot be told."""
    with pytest.raises(DecodeError, match="HTTP 200 with a "):
        decode_list(LIST, Response(200, body=json.dumps(body).encode()))


def test_a_list_that_is_refused() -> None:
    """An error for several texts is that of its status."""
    with pytest.raises(APIError) as raised:
        decode_list(LIST, Response(400, body=b'{"error":["Input should be a valid string"]}'))
    assert raised.value.message == "Input should be a valid string"


@given(st.integers(100, 999).filter(lambda status: status != 200), st.binary())
def test_any_other_status_is_an_api_error(status: int, body: bytes) -> None:
    """A status that is not 200 is an `APIError`, a result in its body notwithstanding."""
    for each in (body, json.dumps([P]).encode()):
        with pytest.raises(APIError) as raised:
            decode_response(REQUEST, Response(status, body=each))
        assert (status, each) == (raised.value.status_code, raised.value.body)

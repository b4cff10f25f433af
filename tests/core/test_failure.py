"""An answer that is not a result: its status becomes a class, its body a message."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask import (
    APIError,
    AuthenticationError,
    BadRequestError,
    CreditsExhaustedError,
    EndpointPausedError,
    GoneError,
    MaskNotFoundError,
    ModelLoadingError,
    ModelNotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from hf_fillmask._address import resolve
from hf_fillmask._exchange import Response
from hf_fillmask._failure import error_of, estimated_time_of, request_id_of
from hf_fillmask._request import build_info_request, build_request

TARGET = resolve("bert", "https://a.example")
POST = build_request(TARGET, "Paris is [MASK].")
GET = build_info_request(TARGET)
LOADING = b'{"error":"Model bert is currently loading","estimated_time":20.0}'
COLD = Response(503, {}, LOADING)


def _answer(status: int, body: Any = b"", **headers: str) -> Response:
    packed = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, packed)


def _error(status: int, body: Any = b"", **headers: str) -> APIError:
    return error_of(POST, _answer(status, body, **headers))


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (100, APIError),
        (201, APIError),
        (204, APIError),
        (301, APIError),
        (307, APIError),
        (400, BadRequestError),
        (401, AuthenticationError),
        (402, CreditsExhaustedError),
        (403, PermissionDeniedError),
        (404, ModelNotFoundError),
        (405, APIError),
        (410, GoneError),
        (413, BadRequestError),
        (418, APIError),
        (422, BadRequestError),
        (424, APIError),
        (429, RateLimitError),
        (500, ServerError),
        (502, ServerError),
        (503, ModelLoadingError),
        (504, ServerError),
        (529, ServerError),
        (599, ServerError),
        (600, APIError),
        (999, APIError),
    ],
)
def test_the_class_of_a_status(status: int, cls: type[APIError]) -> None:
    """Each status has the class that the tree draws; one without a class is a plain `APIError`."""
    assert cls is type(_error(status, {"error": "x"}))


@pytest.mark.parametrize(
    ("status", "body", "cls"),
    [
        (400, {"error": "Bad Request: Invalid state"}, EndpointPausedError),
        (400, {"error": "The endpoint is paused, ask a maintainer to restart it"}, EndpointPausedError),
        (400, b"The Endpoint is Paused", EndpointPausedError),
        (409, {"error": "The endpoint is paused"}, APIError),
        (400, {"error": "Authorization header is correct, but the token seems invalid"}, AuthenticationError),
        (403, {"error": "Authorization header is correct, but the token seems invalid"}, PermissionDeniedError),
        (400, {"error": "No mask_token (<mask>) found on the input"}, MaskNotFoundError),
        (404, {"detail": "No mask_token (<mask>) found on the input"}, MaskNotFoundError),
        (422, b"No mask_token (<mask>) found on the input", MaskNotFoundError),
        (503, {"error": "No mask_token (<mask>) found on the input"}, MaskNotFoundError),
    ],
    ids=[
        "paused-state",
        "paused",
        "paused-text",
        "paused-other-status",
        "bad-token",
        "bad-token-other-status",
        "mask-400",
        "mask-404",
        "mask-text",
        "mask-503",
    ],
)
def test_the_words_decide_where_servers_misuse_a_status(status: int, body: Any, cls: type[APIError]) -> None:
    """A paused endpoint and a bad token are told by the words of a 400, a missing mask by those of any status."""
    assert cls is type(_error(status, body))


@pytest.mark.parametrize("mask_token", ["[MASK]", "<mask>", "<special1>", "(x)", "a) b"])
def test_the_server_names_its_mask(mask_token: str) -> None:
    """The mask that the model wants is taken from the server's words, in `error` or in a warning."""
    said = f"No mask_token ({mask_token}) found on the input"
    warnings = {"error": "unknown error", "warnings": [said, f"There was an inference error: {said}"]}
    for error in (_error(400, {"error": said}), _error(500, warnings)):
        assert isinstance(error, MaskNotFoundError)
        assert mask_token == error.mask_token


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "no"}, "no"),
        ({"error": "  no\n way "}, "  no\n way "),
        ({"error": ["a", "b"]}, "a; b"),
        ({"error": ["a", 5, None, {"msg": "c"}]}, "a; 5; c"),
        ({"error": {"message": "no", "code": 5}}, "no"),
        ({"error": {"code": 5}}, '{"code": 5}'),
        ({"error": [], "message": "no"}, "no"),
        ({"error": "", "detail": "no"}, "no"),
        ({"error": None, "message": "no", "detail": "other"}, "no"),
        ({"detail": [{"loc": ["body"], "msg": "field required"}, {"msg": "too long"}]}, "field required; too long"),
        ({"error": " \n", "message": "no"}, "no"),
        (["a", "b"], "a; b"),
        ("no", "no"),
        ([], "[]"),
        (5, "5"),
        ({}, "{}"),
        (b"Not Found", "Not Found"),
        (b" \n", "Bad Request"),
        (b"", "Bad Request"),
        (b"null", "null"),
        (b"<html><head><title>\n 502 Bad\n Gateway </title></head></html>", "502 Bad Gateway"),
        (b"<TITLE lang=en>no</TITLE>", "no"),
        (b"<html><title> </title></html>", "Bad Request"),
        (b"<html><body>no title</body></html>", "Bad Request"),
        (b"{'error': 'no'}", "{'error': 'no'}"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"caf\xe9", "caf\ufffd"),
    ],
    ids=[
        "text",
        "lines",
        "list",
        "mixed-list",
        "object",
        "other-object",
        "empty-list",
        "empty-text",
        "null",
        "validation",
        "blank-text",
        "bare-list",
        "bare-text",
        "bare-empty-list",
        "bare-number",
        "empty-object",
        "plain-text",
        "blank",
        "nothing",
        "bare-null",
        "html-title",
        "html-title-in-capitals",
        "html-blank-title",
        "html-without-title",
        "almost-json",
        "not-text",
        "latin-1",
    ],
)
def test_the_message(body: Any, message: str) -> None:
    """The message is what the server says, in whatever shape; a server that says nothing is quoted by its status."""
    error = _error(400, body)
    assert message == error.message
    assert (error.status_code, error.model) == (400, "bert")


def test_the_body_is_kept_whole() -> None:
    """The message is bounded, the body is not."""
    body = b"x" * 20_000
    error = _error(400, body)
    assert body == error.body
    assert error.message == "x" * 10_000
    assert len(_error(400, {"error": ["y" * 20_000]}).message) == 10_000
    assert len(_error(400, {"error": {"code": "y" * 20_000}}).message) == 10_000


@pytest.mark.parametrize(
    ("warnings", "expected"),
    [
        (["a", "b"], ("a", "b")),
        (["a", None, "", 5], ("a", "5")),
        ("a", ("a",)),
        (None, ()),
        ([], ()),
        ({"message": "a"}, ("a",)),
    ],
    ids=["list", "mixed", "text", "null", "empty", "object"],
)
def test_the_warnings(warnings: Any, expected: tuple[str, ...]) -> None:
    """`warnings` is a tuple of texts, whatever the server made of it."""
    assert expected == _error(500, {"error": "unknown error", "warnings": warnings}).warnings


@pytest.mark.parametrize("body", [b"", b"<html><title>302 Found</title></html>"], ids=["empty", "html"])
def test_a_redirect_says_where_to(body: bytes) -> None:
    """A redirect is not followed, and its target is told, also if it comes with a page."""
    error = _error(302, body, location="https://b.example/x")
    assert error.message == "redirect to https://b.example/x, which is not followed"


@pytest.mark.parametrize("status", [299, 599, 799])
def test_a_status_without_a_name(status: int) -> None:
    """A status that nobody named is an error all the same."""
    assert _error(status).message == "a status without a name"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x_request_id": "a", "x_amzn_trace_id": "b", "x_amz_cf_id": "c"}, "a"),
        ({"x_request_id": "", "x_amzn_trace_id": "b", "x_amz_cf_id": "c"}, "b"),
        ({"x_amz_cf_id": "c"}, "c"),
        ({}, None),
    ],
    ids=["request-id", "trace-id", "cf-id", "none"],
)
def test_the_request_id(headers: dict[str, str], expected: str | None) -> None:
    """The request id is the first of three headers that holds something."""
    assert expected == request_id_of(_answer(500, **headers))
    assert expected == _error(500, **headers).request_id


def test_an_error_keeps_the_headers_and_the_attempts() -> None:
    """Headers and attempts are those of the answer."""
    error = error_of(POST, Response(500, {"a": "b"}, b"", attempts=3))
    assert (error.headers, error.attempts) == ({"a": "b"}, 3)


def test_a_rate_limit_has_the_advice() -> None:
    """`retry_after` of a 429 is the server's advice in seconds, None without any."""
    advised, mute = _error(429, retry_after="7"), _error(429)
    assert isinstance(advised, RateLimitError)
    assert isinstance(mute, RateLimitError)
    assert (advised.retry_after, mute.retry_after) == (7.0, None)


@pytest.mark.parametrize(
    ("response", "estimated_time", "waited", "message"),
    [
        pytest.param(COLD, 20.0, 0.0, "Model bert is currently loading", id="at-once"),
        pytest.param(
            Response(503, {}, b'{"error":"still","estimated_time":5}', cold=COLD, waited=9.0),
            20.0,
            9.0,
            "still",
            id="503",
        ),
        pytest.param(Response(504, {}, b"", cold=COLD, waited=9.0), 20.0, 9.0, "Gateway Timeout", id="504"),
        pytest.param(
            Response(503, {}, LOADING, cold=COLD, waited=300.0, wait_expired=True),
            20.0,
            300.0,
            "Model bert is currently loading (the wait ended without an answer)",
            id="end-of-time",
        ),
        pytest.param(
            Response(503, {}, LOADING, cold=Response(503, {}, b"<html>")),
            20.0,
            0.0,
            "Model bert is currently loading",
            id="estimate-of-the-second",
        ),
        pytest.param(Response(503, {}, b"<html>"), None, 0.0, "Service Unavailable", id="no-estimate"),
    ],
)
def test_a_model_that_loads(response: Response, estimated_time: float | None, waited: float, message: str) -> None:
    """A 503, a 504 to the waiting attempt and the end of its time keep the first estimate and the time waited."""
    error = error_of(POST, response)
    assert isinstance(error, ModelLoadingError)
    assert (estimated_time, waited, message) == (error.estimated_time, error.waited, error.message)


@pytest.mark.parametrize(
    ("request_", "response"),
    [(GET, COLD), (POST, Response(504)), (POST, Response(502, cold=COLD)), (POST, Response(500, cold=COLD))],
    ids=["hub", "504-without-a-wait", "502-after-a-wait", "500-after-a-wait"],
)
def test_what_is_no_loading_model(request_: Any, response: Response) -> None:
    """The Hub's own 503, a 504 to a plain attempt and other 5xx are server errors."""
    assert ServerError is type(error_of(request_, response))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(20.0, 20.0), ("20", 20.0), (0, 0.0), (-1, None), (True, None), ("soon", None), (None, None), ([20], None)],
    ids=repr,
)
def test_the_estimate(value: Any, expected: float | None) -> None:
    """The estimate is a number of seconds or None; a server that gives nonsense gives none."""
    assert expected == estimated_time_of(_answer(503, {"error": "x", "estimated_time": value}))


@pytest.mark.parametrize(
    "body", [b'{"estimated_time":NaN}', b'{"estimated_time":1e999}', b"", b"[20]", b"\xff"], ids=repr
)
def test_no_estimate(body: bytes) -> None:
    """An estimate that is no finite number, or is not there, is None."""
    assert estimated_time_of(_answer(503, body)) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(["error", "message", "detail", "warnings", "estimated_time", "msg"])
BODIES = st.binary() | JSON.map(lambda value: json.dumps(value).encode()) | st.dictionaries(KEYS, JSON).map(
    lambda value: json.dumps(value).encode()
)  # fmt: skip
STATUSES = st.integers(100, 999).filter(lambda status: status != 200)


@given(STATUSES, BODIES, st.none() | st.just(COLD), st.booleans())
def test_any_answer_is_an_api_error(status: int, body: bytes, cold: Response | None, get: bool) -> None:
    """Whatever the bytes and the status are, they make an `APIError` that keeps both and says something."""
    error = error_of(GET if get else POST, Response(status, {}, body, cold=cold))
    assert isinstance(error, APIError)
    assert (status, body) == (error.status_code, error.body)
    assert error.message
    assert str(error)
    assert all(isinstance(warning, str) and warning for warning in error.warnings)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"error":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"error":' + b'{"a":' * 980 + b"1" + b"}" * 980 + b"}",
        b'{"warnings":' + b"[" * 985 + b"]" * 985 + b"}",
        b'{"error":' + b"9" * 5000 + b"}",
        b'{"error":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b"\x00" * 5,
    ],
    ids=["deep", "deep-list", "deep-object", "deep-warning", "digits", "half-a-pair", "bom", "utf-16", "nul"],
)
def test_hostile_bodies(body: bytes) -> None:
    """Nesting, endless digits and broken encodings are an error of the server's status, not one of ours."""
    error = _error(500, body)
    assert ServerError is type(error)
    assert str(error)


def test_no_depth_is_too_deep() -> None:
    """Whether the reader or the writer of JSON gives up first, there is a message."""
    for depth in range(700, 1000):
        body = b'{"error":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
        assert _error(500, body).message


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"error": "x", "warnings": ["No mask_token (" * 600] * 8}).encode(),
        b"<title>" * 10_000,
        b"<title" * 10_000,
    ],
    ids=["half-a-mask", "open-titles", "half-titles"],
)
def test_hostile_bodies_cost_no_time(body: bytes) -> None:
    """Tens of kilobytes of almost-matches are read in a moment: errors are read in the event loop."""
    began = time.perf_counter()
    _error(500, body)
    assert time.perf_counter() - began < 0.5

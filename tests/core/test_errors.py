"""The errors: one tree, readable in one line, and every one of them pickles."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_fillmask import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConnectError,
    CreditsExhaustedError,
    CutAnswerError,
    DeadlineExceededError,
    DecodeError,
    EndpointPausedError,
    FillMaskError,
    GoneError,
    MaskNotFoundError,
    ModelLoadingError,
    ModelNotFoundError,
    MultipleMasksError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TransportError,
    _errors,
)


def _family(cls: type[FillMaskError]) -> Iterator[type[FillMaskError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _family(child)


CLASSES = sorted(set(_family(FillMaskError)), key=lambda cls: cls.__name__)
TEXTS = st.text(max_size=20)
SECONDS = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
COMMON = {"model": st.none() | TEXTS, "attempts": st.integers(0, 9)}
ANSWER = {
    **COMMON,
    "status_code": st.none() | st.integers(100, 599),
    "body": st.binary(max_size=20),
    "headers": st.none() | st.dictionaries(TEXTS, TEXTS, max_size=2),
    "request_id": st.none() | TEXTS,
    "warnings": st.lists(TEXTS, max_size=2).map(tuple),
}
OWN: dict[type[FillMaskError], dict[str, st.SearchStrategy[Any]]] = {
    DecodeError: {**COMMON, "body": st.binary(max_size=20), "request_id": st.none() | TEXTS},
    MaskNotFoundError: {**ANSWER, "mask_token": st.none() | TEXTS},
    RateLimitError: {**ANSWER, "retry_after": st.none() | SECONDS},
    ModelLoadingError: {**ANSWER, "estimated_time": st.none() | SECONDS, "waited": SECONDS},
}


def _fields(cls: type[FillMaskError]) -> dict[str, st.SearchStrategy[Any]]:
    return OWN.get(cls, ANSWER if issubclass(cls, APIError) else COMMON)


def _told(error: FillMaskError) -> tuple[Any, ...]:
    return type(error), str(error), repr(error), error.args, vars(error), error.hint, error.summary


@pytest.mark.parametrize("cls", CLASSES)
@settings(max_examples=20)
@given(data=st.data(), message=TEXTS)
def test_every_error_survives_pickling(cls: type[FillMaskError], data: st.DataObject, message: str) -> None:
    """A pickled error comes back with its class, its words and all its attributes, whatever they hold."""
    error = cls(message, **data.draw(st.fixed_dictionaries(_fields(cls))))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert _told(error) == _told(pickle.loads(pickle.dumps(error, protocol)))


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_can_be_copied(cls: type[FillMaskError]) -> None:
    """A copy says the same as its original and is another instance, notes included."""
    original = cls("what happened", **({"status_code": 400} if issubclass(cls, APIError) else {}))
    original.add_note("seen in row 5")
    twin = copy.copy(original)
    assert twin is not original
    assert _told(original) == _told(twin)
    assert twin.__notes__ == ["seen in row 5"]


@pytest.mark.parametrize(
    ("cls", "base"),
    [
        (TransportError, FillMaskError),
        (ConnectError, TransportError),
        (CutAnswerError, ConnectError),
        (CutAnswerError, ProtocolError),
        (RequestTimeoutError, TransportError),
        (RequestTimeoutError, TimeoutError),
        (ProtocolError, TransportError),
        (DeadlineExceededError, FillMaskError),
        (DeadlineExceededError, TimeoutError),
        (APIError, FillMaskError),
        (BadRequestError, APIError),
        (MaskNotFoundError, APIError),
        (EndpointPausedError, APIError),
        (AuthenticationError, APIError),
        (CreditsExhaustedError, APIError),
        (PermissionDeniedError, APIError),
        (ModelNotFoundError, APIError),
        (GoneError, APIError),
        (RateLimitError, APIError),
        (ModelLoadingError, APIError),
        (ServerError, APIError),
        (DecodeError, FillMaskError),
        (MultipleMasksError, FillMaskError),
        (MultipleMasksError, ValueError),
    ],
)
def test_the_tree(cls: type[FillMaskError], base: type[BaseException]) -> None:
    """Every branch of the documented tree is a subclass relation."""
    assert issubclass(cls, base)


@pytest.mark.parametrize("cls", CLASSES)
def test_the_module_draws_every_class(cls: type[FillMaskError]) -> None:
    """The picture at the head of the module leaves out no class."""
    drawn = (_errors.__doc__ or "").split()
    assert cls.__name__ in drawn


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(FillMaskError("it broke"), "it broke", id="root"),
        pytest.param(FillMaskError("it broke", model="m"), "m: it broke", id="root-with-a-model"),
        pytest.param(
            DecodeError("HTTP 200 with a body that is not a list: '{}'", model="m"),
            "m: HTTP 200 with a body that is not a list: '{}'. "
            "The server does not answer as a fill-mask model; check the model's task and the address.",
            id="decode",
        ),
        pytest.param(
            APIError("nope", status_code=405, model="m", request_id="r-1"),
            "m: HTTP 405: nope (request id r-1)",
            id="request-id",
        ),
        pytest.param(APIError("nope", status_code=405), "HTTP 405: nope", id="no-model"),
        pytest.param(
            APIError("unknown error", status_code=500, model="m", warnings=("unknown error", "index out of range")),
            "m: HTTP 500: unknown error | index out of range",
            id="warnings",
        ),
        pytest.param(
            APIError("\n  Content type \r\n\t not\u2028supported", status_code=400, model="m"),
            "m: HTTP 400: Content type not supported",
            id="several-lines",
        ),
        pytest.param(
            APIError("x" * 401, status_code=400, model="m"), f"m: HTTP 400: {'x' * 400}…", id="longer-than-shown"
        ),
        pytest.param(APIError("x" * 400, status_code=400, model="m"), f"m: HTTP 400: {'x' * 400}", id="just-shown"),
        pytest.param(
            MaskNotFoundError("the text holds no mask", status_code=None, model="m", mask_token="<mask>"),
            "m: the text holds no mask. Write <mask> (or {mask}) where the word is missing.",
            id="mask-known",
        ),
        pytest.param(
            MaskNotFoundError("no mask", status_code=400, model="m"),
            "m: HTTP 400: no mask. Write the mask token of the model (or {mask}) where the word is missing.",
            id="mask-unknown",
        ),
        pytest.param(
            ServerError("too busy!", status_code=500, model="m"),
            "m: HTTP 500: too busy! If the text is not too long for the model, try again later.",
            id="the-server-ends-its-sentence",
        ),
        pytest.param(
            RateLimitError("slow down", status_code=429, model="m", retry_after=1.5),
            "m: HTTP 429: slow down. Try again in 1.5 s, with fewer requests at a time.",
            id="rate-limit-with-advice",
        ),
        pytest.param(
            RateLimitError("slow down", status_code=429, model="m"),
            "m: HTTP 429: slow down. Send fewer requests at a time, and try again later.",
            id="rate-limit",
        ),
        pytest.param(
            ModelLoadingError("loading", status_code=503, model="m", estimated_time=20.0, waited=3.25),
            "m: HTTP 503: loading. Waited 3.2 s (the server's estimate: 20 s). "
            "Try again later, or raise cold_start_timeout=.",
            id="loading-after-a-wait",
        ),
        pytest.param(
            ModelLoadingError("loading", status_code=503, model="m"),
            "m: HTTP 503: loading. Did not wait. Try again later.",
            id="loading-at-once",
        ),
    ],
)
def test_what_an_error_says(error: FillMaskError, text: str) -> None:
    """The text names model, status, the server's words and what to do next."""
    assert text == str(error)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ConnectError("no answer\nfrom the\tproxy", model="m"), id="library-message"),
        pytest.param(APIError("no\x1b[31m\x07\x00red", status_code=500, model="m"), id="terminal-codes"),
        pytest.param(APIError("no", status_code=500, warnings=("a\x9b\u202eb",)), id="in-a-warning"),
    ],
)
def test_an_error_is_one_printable_line(error: FillMaskError) -> None:
    """Words of a server or a library break no log line and command no terminal."""
    assert str(error).isprintable()


def test_the_whole_message_is_kept() -> None:
    """What the text shortens, `message` has as the server worded it."""
    long = "word \n" * 500
    assert long == APIError(long, status_code=400).message


def test_an_error_owns_its_headers() -> None:
    """Changing the mapping that an error was made with does not change the error."""
    headers = {"a": "1"}
    error = APIError("x", status_code=400, headers=headers)
    headers["a"] = "2"
    assert error.headers == {"a": "1"}


def test_many_errors_tell_what_to_do() -> None:
    """Every leaf of the tree has a hint; only the classes that say too little about the cause have none."""
    kwargs = {cls: {"status_code": 400} if issubclass(cls, APIError) else {} for cls in CLASSES}
    mute = {cls for cls in CLASSES if not cls("x", **kwargs[cls]).hint}
    assert {FillMaskError, TransportError, APIError} == mute

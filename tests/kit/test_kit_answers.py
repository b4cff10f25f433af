"""Answers that a test fixes, and the log of what was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx
import pytest

from hf_fillmask import AsyncFillMaskClient, MaskNotFoundError
from hf_fillmask.emulator import FillMaskEmulator

pytestmark = pytest.mark.anyio

Connect = Callable[..., AsyncFillMaskClient]

TEXT = "Paris is the [MASK] of France."
MODEL, OTHER = "google-bert/bert-base-uncased", "FacebookAI/roberta-base"


def words(result: object) -> list[tuple[str, float]]:
    """Give the predictions of a result, shortly."""
    return [(prediction.token_str, prediction.score) for prediction in result]  # type: ignore[attr-defined]  # a result


async def test_a_fixed_answer(emulator: FillMaskEmulator, connect: Connect) -> None:
    """The words come best first, each half as likely as the one before; other texts are left to the model."""
    emulator.answer(TEXT, ["heart", "soul"])
    async with connect() as client:
        fixed = await client.fill_mask(TEXT)
        other = await client.fill_mask("Rome is the [MASK] of Italy.")
    assert words(fixed) == [("heart", 0.5), ("soul", 0.25)]
    assert (fixed[0].sequence, fixed.filled()) == ("paris is the heart of france.", "Paris is the heart of France.")
    assert other[0].word == "capital"


async def test_it_does_not_matter_how_the_mask_is_written(emulator: FillMaskEmulator, connect: Connect) -> None:
    """What a client makes of the mask for a model finds the same answer, in the spelling of that model."""
    emulator.answer("Paris is the {mask} of France.", ["heart"])
    async with connect() as client:
        bert = await client.fill_mask("Paris is the <mask> of France.", model=MODEL)
        roberta = await client.fill_mask("Paris is the [MASK] of France.", model=OTHER)
    assert [bert[0].token_str, roberta[0].token_str] == ["heart", " heart"]
    assert roberta[0].sequence == "Paris is the heart of France."


async def test_the_model_still_minds_its_mask(emulator: FillMaskEmulator, connect: Connect) -> None:
    """A text with another family's mask is refused, as the real model would refuse it."""
    emulator.answer(TEXT, ["heart"])
    async with connect(translate_mask=False) as client:
        with pytest.raises(MaskNotFoundError):
            await client.fill_mask(TEXT, model=OTHER)


async def test_several_masks(emulator: FillMaskEmulator, connect: Connect) -> None:
    """There is one list of words for each mask, in text order; a word alone is a list of one."""
    emulator.answer("[MASK] is in [MASK].", {"Rome": 0.2, "Paris": 0.7}, "France")
    async with connect() as client:
        result = await client.fill_mask("[MASK] is in [MASK].")
    assert [words(mask) for mask in result.masks] == [[("Paris", 0.7), ("Rome", 0.2)], [("France", 0.5)]]


async def test_parameters_still_hold(emulator: FillMaskEmulator, connect: Connect) -> None:
    """At most `top_k` words come, of the `targets` if there are any."""
    emulator.answer(TEXT, list("abcdefg"))
    async with connect() as client:
        all_of_them = await client.fill_mask(TEXT)
        best = await client.fill_mask(TEXT, top_k=2)
        targets = await client.fill_mask(TEXT, targets=["g", "b", "z"])
    assert [len(all_of_them), len(best)] == [5, 2]
    assert [prediction.word for prediction in targets] == ["b", "g"]


@pytest.mark.parametrize(
    ("body", "status", "found"),
    [
        ({"inputs": {"inputs": TEXT, "top_k": 1}}, 200, '"a"'),
        ({"inputs": [TEXT, None]}, 400, "either `text` or `text_target`"),
        ({"inputs": TEXT, "parameters": {"top_k": "2"}}, 400, "must be int, not str"),
        ({"inputs": TEXT, "parameters": {"top_k": -1}}, 400, "out of range"),
    ],
)
async def test_a_fixed_answer_refuses_as_the_model_does(
    emulator: FillMaskEmulator, body: object, status: int, found: str
) -> None:
    """What the pipeline takes or refuses, it takes or refuses of a text with a fixed answer, too."""
    emulator.answer(TEXT, ["a", "b"])
    async with httpx.AsyncClient(transport=emulator.transport, base_url="http://any") as client:
        response = await client.post(f"/models/{MODEL}", json=body)
    assert response.status_code == status
    assert found in response.text


async def test_texts_of_a_list(emulator: FillMaskEmulator, connect: Connect) -> None:
    """In a list on the wire each text has its own answer."""
    texts = [f"Number {number} is [MASK]." for number in range(4)]
    for number in (0, 2):
        emulator.answer(texts[number], str(number))
    async with connect() as client:
        results = await client.fill_mask_batch(texts, inputs_per_request=4)
    assert [results[0][0].word, results[2][0].word] == ["0", "2"]
    assert [request.inputs for request in emulator.requests] == [texts]


async def test_an_answer_of_one_model(emulator: FillMaskEmulator, connect: Connect) -> None:
    """What is fixed for a model comes before what is fixed for any, and leaves the others alone."""
    emulator.answer(TEXT, "heart")
    emulator.answer(TEXT, "soul", model="org/bert")
    async with connect() as client:
        found = [(await client.fill_mask(TEXT, model=model))[0].word for model in (MODEL, "org/bert")]
    assert found == ["heart", "soul"]


async def test_an_answer_may_change(emulator: FillMaskEmulator, connect: Connect) -> None:
    """The last word counts, and the cache does not stand in its way."""
    async with connect() as client:
        found = [(await client.fill_mask(TEXT))[0].word]
        for word in ("heart", "soul"):
            emulator.answer(TEXT, word)
            found += [(await client.fill_mask(TEXT))[0].word]
        again = await client.fill_mask(TEXT)
    assert found == ["capital", "heart", "soul"]
    assert (again[0].word, again.cached) == ("soul", True)


@pytest.mark.parametrize(
    ("text", "masks", "error"),
    [
        ("no mask", [["a"]], "there is no mask"),
        ("[MASK] [MASK]", [["a"]], "2 mask"),
        ("[MASK]", [], "words for 0"),
        ("[MASK]", [["a"], ["b"]], "words for 2"),
        ("[MASK]", [["a", " "]], "something in it"),
        ("[MASK]", [[1]], "something in it"),
        ("[MASK]", [{"a": float("nan")}], "must be a number"),
    ],
)
def test_a_wrong_answer_is_refused(emulator: FillMaskEmulator, text: str, masks: list[object], error: str) -> None:
    """An answer that no text could have is told where it is written."""
    with pytest.raises(ValueError, match=error):
        emulator.answer(text, *masks)  # type: ignore[arg-type]  # wrong on purpose


async def test_what_was_received(emulator: FillMaskEmulator, connect: Connect) -> None:
    """The log has each request whole."""
    async with connect(headers={"X-Mine": "1"}) as client:
        await client.fill_mask(TEXT, top_k=2, targets=["capital", "heart"])
        await client.fill_mask(TEXT, model="org/bert", use_cache=False)
    first, second = emulator.requests
    assert (first.model, first.inputs, dict(first.parameters)) == (
        MODEL,
        TEXT,
        {"top_k": 2, "targets": ["capital", "heart"]},
    )
    assert (first.headers["x-mine"], first.waits, first.token) == ("1", False, None)
    assert (second.model, second.parameters, second.headers["x-use-cache"]) == ("org/bert", {}, "false")


async def test_the_token_is_shown_to_who_asks(emulator: FillMaskEmulator, connect: Connect) -> None:
    """A test can assert on the token, and nothing else shows it."""
    async with connect(token="hf_secret") as client:
        await client.fill_mask(TEXT)
    (request,) = emulator.requests
    assert (request.token, request.headers["authorization"]) == ("hf_secret", "Bearer ***")
    assert "secret" not in f"{request!r} {dict(request.headers)!r}"


@pytest.mark.parametrize(
    ("body", "inputs", "parameters"),
    [
        (b"", None, {}),
        (b"[", None, {}),
        (b"[" * 100_000, None, {}),
        (b"\xff", None, {}),
        (b"[1]", None, {}),
        (b'{"inputs": ["a"], "parameters": 3}', ["a"], {}),
        (b'{"inputs": 1, "parameters": {"top_k": "x"}}', 1, {"top_k": "x"}),
    ],
)
async def test_a_bad_request_is_kept_as_it_is(
    emulator: FillMaskEmulator, body: bytes, inputs: object, parameters: Mapping[str, object]
) -> None:
    """What the API does not take is in the log, too: its bytes, and what can be read of it."""
    async with httpx.AsyncClient(transport=emulator.transport, base_url="http://any") as client:
        await client.post(f"/models/{MODEL}", content=body)
    (request,) = emulator.requests
    assert (request.body, request.inputs, request.parameters) == (body, inputs, parameters)

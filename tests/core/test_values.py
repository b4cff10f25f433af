"""The values: what a result gives, one mask or several, and what it refuses."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask import BatchItem, ColdStart, FillMaskResult, ModelInfo, MultipleMasksError, Prediction

CITY = Prediction(0.5, 2103, " city", "Paris is the city.")
HEART = Prediction(0.25, 2540, "heart", "Paris is the heart.")
ONE = FillMaskResult(((CITY, HEART),), "Paris is the [MASK].", "bert")
TWO = FillMaskResult(((CITY, HEART), (HEART,)), "The [MASK] is the [MASK].", "bert", attempts=3)
NONE = FillMaskResult(((),), "Paris is the [MASK].", "bert")

PREDICTIONS = st.builds(
    Prediction,
    score=st.floats(allow_nan=False),
    token=st.integers(),
    token_str=st.text(max_size=8),
    sequence=st.text(max_size=8),
)
RESULTS = st.builds(
    FillMaskResult,
    masks=st.lists(st.lists(PREDICTIONS, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple),
    inputs=st.text(max_size=20),
    model=st.text(max_size=8),
    request_id=st.none() | st.text(max_size=8),
    compute_time=st.none() | st.floats(0, 1e6),
    cached=st.booleans(),
    attempts=st.integers(1, 9),
    waited=st.floats(0, 1e6),
    mask_token=st.none() | st.sampled_from(["[MASK]", "<mask>"]),
)


@given(RESULTS)
def test_a_result_survives_pickling(result: FillMaskResult) -> None:
    """A pickled result is equal to its original, field by field."""
    assert result == pickle.loads(pickle.dumps(result))


@pytest.mark.parametrize(
    "value",
    [
        CITY,
        BatchItem(3, "a [MASK]", result=ONE),
        ColdStart("bert", "waiting", 20.0, 1.5),
        ModelInfo("bert", "[MASK]", providers={"hf-inference": {"status": "live"}}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_other_values_pickle_and_are_frozen(value: Any) -> None:
    """Every value survives pickling, and none can be changed."""
    assert value == pickle.loads(pickle.dumps(value))
    name = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, None)


@given(RESULTS)
def test_a_result_is_always_json(result: FillMaskResult) -> None:
    """`to_dict` is JSON of the strict kind for every result: no NaN, no infinity."""
    back = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert result.to_dict() == back
    assert [len(mask) for mask in result.masks] == [len(mask) for mask in back["masks"]]


@given(RESULTS)
def test_a_result_is_always_true(result: FillMaskResult) -> None:
    """``if result:`` holds, with several masks and without predictions, too."""
    assert bool(result) is True


@given(RESULTS)
def test_filled_replaces_no_more_than_masks(result: FillMaskResult) -> None:
    """`filled` gives a text or, where nothing looks like a mask, a ValueError; with a known mask always a text."""
    try:
        filled = result.filled()
    except ValueError:
        assert result.mask_token is None
    else:
        assert isinstance(filled, str)


def test_the_sequence_of_one_mask() -> None:
    """With one mask a result is the sequence of its predictions, best first."""
    assert ONE[0] == CITY
    assert ONE[-1] == HEART
    assert ONE[:2] == (CITY, HEART)
    assert list(ONE) == [CITY, HEART]
    assert list(reversed(ONE)) == [HEART, CITY]
    assert len(ONE) == 2
    assert CITY in ONE
    assert ONE.index(HEART) == 1
    assert ONE.count(CITY) == 1
    with pytest.raises(IndexError):
        ONE[2]


def test_the_sequence_of_no_predictions() -> None:
    """A mask without predictions is an empty sequence, not an error."""
    assert list(NONE) == []
    assert len(NONE) == 0
    assert NONE[:1] == ()


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda result: result[0], id="index"),
        pytest.param(lambda result: result[:1], id="slice"),
        pytest.param(len, id="len"),
        pytest.param(list, id="list"),
        pytest.param(lambda result: list(reversed(result)), id="reversed"),
        pytest.param(lambda result: CITY in result, id="in"),
    ],
)
def test_several_masks_have_no_sequence(read: Any) -> None:
    """With several masks the sequence view raises an error, a ValueError too, that names `.masks`."""
    with pytest.raises(MultipleMasksError, match=r"bert: the text has 2 masks\. Read result\.masks") as raised:
        read(TWO)
    assert isinstance(raised.value, ValueError)
    assert raised.value.model == "bert"
    assert raised.value.attempts == 3


def test_masks_are_there_whatever_their_number() -> None:
    """`masks` is one tuple of predictions a mask, in text order."""
    assert ONE.masks == ((CITY, HEART),)
    assert TWO.masks == ((CITY, HEART), (HEART,))


@pytest.mark.parametrize(
    ("token_str", "word"),
    [(" city", "city"), ("city", "city"), ("##ing", "##ing"), ("\u010a\n", "\u010a"), ("", "")],
    ids=["leading-space", "plain", "word-piece", "line-end", "empty"],
)
def test_word(token_str: str, word: str) -> None:
    """`word` is `token_str` without the surrounding space, and nothing else of it is lost."""
    assert word == Prediction(0.1, 1, token_str, "").word


@pytest.mark.parametrize(
    ("score", "shown"),
    [(0.5, 0.5), (3e-11, 3e-11), (math.nan, None), (math.inf, None), (-math.inf, None)],
    ids=["usual", "tiny", "nan", "inf", "minus-inf"],
)
def test_a_score_in_json(score: float, shown: float | None) -> None:
    """A score that is no finite number is null in `to_dict`."""
    expected = {"score": shown, "token": 7, "token_str": " a", "sequence": "b a"}
    assert expected == Prediction(score, 7, " a", "b a").to_dict()


def test_to_dict() -> None:
    """`to_dict` has the fields of a result and, under `masks`, a list a mask."""
    expected = {
        "inputs": "The [MASK] is the [MASK].",
        "model": "bert",
        "masks": [[CITY.to_dict(), HEART.to_dict()], [HEART.to_dict()]],
        "request_id": None,
        "compute_time": None,
        "cached": False,
        "attempts": 3,
        "waited": 0.0,
    }
    assert expected == TWO.to_dict()


@pytest.mark.parametrize(
    ("result", "filled"),
    [
        pytest.param(ONE, "Paris is the city.", id="one-mask"),
        pytest.param(TWO, "The city is the heart.", id="two-masks"),
        pytest.param(NONE, "Paris is the [MASK].", id="no-predictions"),
        pytest.param(
            FillMaskResult(((CITY,), (), (HEART,)), "[MASK] [MASK] [MASK]", "m"), "city [MASK] heart", id="one-of-three"
        ),
        pytest.param(
            FillMaskResult(((CITY,),), "A [MASK] and a [MASK]", "m"), "A city and a [MASK]", id="server-filled-one"
        ),
        pytest.param(FillMaskResult(((CITY,), (HEART,)), "A [MASK]", "m"), "A city", id="more-masks-than-text"),
        pytest.param(
            FillMaskResult(((CITY,),), "A [MASK] is no <mask>", "m", mask_token="<mask>"),
            "A [MASK] is no city",
            id="known-token-first",
        ),
        pytest.param(FillMaskResult(((CITY,),), "A <pad> b", "m"), "A city b", id="guessed-token"),
        pytest.param(FillMaskResult(((CITY,),), "no mask", "m", mask_token="<mask>"), "no mask", id="nothing-to-fill"),
        pytest.param(
            FillMaskResult(((Prediction(1, 1, "[MASK]", ""),), (CITY,)), "[MASK] [MASK]", "m"),
            "[MASK] city",
            id="the-word-is-a-mask",
        ),
    ],
)
def test_filled(result: FillMaskResult, filled: str) -> None:
    """`filled` puts every mask's best word into the text; a mask without predictions stays."""
    assert filled == result.filled()


def test_filled_without_a_clue() -> None:
    """A text whose mask cannot be told is a ValueError that says where the words are."""
    with pytest.raises(ValueError, match=r"cannot tell which token is the mask in 'A ___'; read result\.masks"):
        FillMaskResult(((CITY,),), "A ___", "m").filled()


def test_results_are_values() -> None:
    """Equal results are equal and hash alike, so that they can be members of a set."""
    twin = dataclasses.replace(ONE)
    assert twin == ONE
    assert {ONE, twin, TWO} == {ONE, TWO}


def test_the_notebook_sees_the_predictions() -> None:
    """`_repr_html_` shows the text, the model and every word."""
    html = TWO._repr_html_()
    assert all(part in html for part in ("The [MASK] is the [MASK].", "bert", " city", "heart", "mask 2"))


@pytest.mark.parametrize(
    ("inference", "warm"), [("warm", True), ("cold", False), (None, False)], ids=["warm", "cold", "unknown"]
)
def test_a_warm_model(inference: str | None, warm: bool) -> None:
    """A model is warm if the Hub says so, and only then."""
    assert warm is ModelInfo("m", inference=inference).warm


def test_model_infos_can_be_members_of_a_set() -> None:
    """The providers are compared but not hashed, since mappings have no hash."""
    info = ModelInfo("m", providers={"a": {}})
    assert {info} == {info, ModelInfo("m", providers={"a": {}})}
    assert info != ModelInfo("m", providers={"b": {}})

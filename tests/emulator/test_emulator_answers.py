"""Shapes, sequences and refusals are those that real servers were recorded with."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask.emulator._answers import RefusedError, answer, read, shaped
from hf_fillmask.emulator._families import family_of
from hf_fillmask.emulator._language import learning
from hf_fillmask.emulator._vocabulary import Vocabulary

SENTENCES = (
    "Paris is the capital of France.",
    "Rome is the capital of Italy.",
    "The city is in the mountains.",
    "Cities love song and electro music.",
    "The weather is cool in city 0.",
)
BERT, CASED, ROBERTA = "google-bert/bert-base-uncased", "google-bert/bert-base-cased", "FacebookAI/roberta-base"


def vocabulary_of(model: str) -> Vocabulary:
    """Return what `model` knows after the sentences above."""
    family = family_of(model)
    *_, language = learning(SENTENCES, uncased=family.uncased)
    assert language is not None
    return Vocabulary(family, language)


def answer_all(body: dict[str, Any], vocabulary: Vocabulary) -> Any:
    """Return the body of the answer to a request's `body`."""
    question = read(body, vocabulary)
    return shaped([answer(text, question, vocabulary) for text in question.texts], question)


Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def ask() -> Ask:
    """Return a function that gives the body of the answer to `inputs` with `parameters`."""
    known = {model: vocabulary_of(model) for model in (BERT, CASED, ROBERTA)}

    def ask(model: str, inputs: object, **parameters: object) -> Any:
        return answer_all({"inputs": inputs, "parameters": parameters}, known[model])

    return ask


def shape(value: Any) -> object:
    """Return `value` with each prediction, checked for its fields, as "P"."""
    if isinstance(value, list):
        return [shape(item) for item in value]
    assert list(value) == ["score", "token", "token_str", "sequence"]
    return "P"


ONE, TWO = "Paris is the capital of {mask}.", "{mask} is the capital of {mask}."
P5 = ["P"] * 5


@pytest.mark.parametrize("model", [BERT, ROBERTA])
@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (ONE, P5),
        (TWO, [P5, P5]),
        ("{mask} {mask} the capital of {mask}.", [P5, P5, P5]),
        ("Paris is the capital of {mask}{mask}.", [P5, P5]),
        ([], []),
        ([ONE], P5),
        ([TWO], [P5, P5]),
        ([ONE, "The weather is {mask} in city 0."], [P5, P5]),
        ([TWO, TWO], [[P5, P5], [P5, P5]]),
        ([ONE, TWO], [P5, [P5, P5]]),
        ([TWO, ONE], [[P5, P5], P5]),
        ([ONE, ONE, ONE], [P5, P5, P5]),
    ],
    ids=[
        "one_mask",
        "two_masks",
        "three_masks",
        "adjacent_masks",
        "list_0",
        "list_1_one_mask",
        "list_1_two_masks",
        "list_2_one_mask",
        "list_2_two_masks",
        "list_mixed_one_then_two",
        "list_mixed_two_then_one",
        "list_duplicates",
    ],
)
def test_answers_have_the_recorded_shapes(ask: Ask, model: str, inputs: Any, expected: object) -> None:
    """Every form of `inputs` gets the nesting a real server gave it, the collapsed list of one too."""
    mask = family_of(model).mask_token
    texts = [text.replace("{mask}", mask) for text in inputs] if isinstance(inputs, list) else inputs.format(mask=mask)
    assert shape(ask(model, texts)) == expected


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (10, 10), (0, 0), (None, 5)])
def test_top_k_counts_the_predictions(ask: Ask, top_k: int | None, count: int) -> None:
    """As many predictions come as asked for, five when nothing was, best first."""
    predictions = ask(BERT, "Paris is the capital of [MASK].", top_k=top_k)
    scores = [prediction["score"] for prediction in predictions]
    assert len(scores) == count
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("model", "text", "target", "sequences"),
    [
        (BERT, "Paris is the capital of [MASK].", "city", ["paris is the capital of city."]),
        (
            BERT,
            "[MASK] is the capital of [MASK].",
            "mountains",
            ["[CLS] mountains is the capital of [MASK]. [SEP]", "[CLS] [MASK] is the capital of mountains. [SEP]"],
        ),
        (
            BERT,
            "Paris is the capital of [MASK][MASK].",
            "city",
            ["[CLS] paris is the capital of city [MASK]. [SEP]", "[CLS] paris is the capital of [MASK] city. [SEP]"],
        ),
        (BERT, "Où est la bibliothèque [MASK] à Besançon ?", "and", ["ou est la bibliotheque and a besancon?"]),
        (BERT, "I 👍🏽 love 👨‍👩‍👧 [MASK] 🎉!", "song", ["i love song!"]),
        (BERT, "I 👍🏽 love 👨‍👩‍👧 [MASK] 🎉!", ".", ["i love.!"]),
        (BERT, "باريس هي عاصمة [MASK].", "and", ["باريس هي عاصمة and."]),
        (CASED, "Paris is the capital of [MASK].", "France", ["Paris is the capital of France."]),
        (ROBERTA, "Paris is the capital of <mask>.", " city", ["Paris is the capital of city."]),
        (ROBERTA, "Paris is the capital of <mask>.", "city", ["Paris is the capital ofcity."]),
        (
            ROBERTA,
            "<mask> is the capital of <mask>.",
            " mountains",
            ["<s> mountains is the capital of<mask>.</s>", "<s><mask> is the capital of mountains.</s>"],
        ),
        (
            ROBERTA,
            "Paris is the capital of <mask><mask>.",
            " city",
            ["<s>Paris is the capital of city<mask>.</s>", "<s>Paris is the capital of<mask> city.</s>"],
        ),
        (
            ROBERTA,
            "Où est la bibliothèque <mask> à Besançon ?",
            " city",
            ["Où est la bibliothèque city à Besançon ?"],
        ),
        (ROBERTA, "巴黎是<mask>的首都。", " and", ["巴黎是 and的首都。"]),
    ],
)
def test_sequences_are_spelled_as_recorded(ask: Ask, model: str, text: str, target: str, sequences: list[str]) -> None:
    """One mask gives the sentence, several show the special tokens and the masks still open."""
    answered = ask(model, text, targets=[target])
    masks = [answered] if len(sequences) == 1 else answered
    assert [predictions[0]["sequence"] for predictions in masks] == sequences


@pytest.mark.parametrize(
    ("model", "targets", "token_strs"),
    [
        (BERT, ["france", "city"], {"france", "city"}),
        (BERT, ["France", "france", "city"], {"france", "city"}),
        (BERT, "france", {"france"}),
        (BERT, ["electroencephalography"], {"electro"}),
        (BERT, ["zzqxunknownword", "city"], {"z", "city"}),
        (BERT, ["city hall", ""], {"city"}),
        (BERT, ["\u0301"], {"[UNK]"}),
        (BERT, ["\u4e00"], {"[UNK]"}),
        (CASED, ["France", "france"], {"France", "f"}),
        (ROBERTA, [" France", "France"], {" France", "France"}),
        (ROBERTA, [" france"], {" f"}),
        (ROBERTA, ["zzqx", "\u4e00"], {"z", "<unk>"}),
    ],
)
def test_targets_are_cut_to_the_vocabulary(ask: Ask, model: str, targets: object, token_strs: set[str]) -> None:
    """Duplicates are one, unknown words are cut to their first known piece, and a space makes another word."""
    text = f"Paris is the capital of {family_of(model).mask_token}."
    predictions = ask(model, text, targets=targets)
    assert {prediction["token_str"] for prediction in predictions} == token_strs


def test_targets_keep_their_scores(ask: Ask) -> None:
    """Targets come by score, not as asked, with their share of the whole vocabulary."""
    text = "Paris is the capital of [MASK]."
    everything = {found["token"]: found["score"] for found in ask(BERT, text, top_k=20)}
    predictions = ask(BERT, text, targets=["city", "france"])
    assert [prediction["token_str"] for prediction in predictions] == ["france", "city"]
    assert predictions[0]["score"] == everything[predictions[0]["token"]]


def test_at_most_top_k_targets_come_back(ask: Ask) -> None:
    """Of seven targets five come back by default, or as many as asked for."""
    text, targets = "Paris is the capital of [MASK].", ["a", "b", "c", "d", "e", "f", "g"]
    assert len(ask(BERT, text, targets=targets)) == 5
    assert len(ask(BERT, text, targets=targets, top_k=7)) == 7
    assert len(ask(BERT, text, targets=targets, top_k=2)) == 2


@pytest.mark.parametrize("model", [BERT, ROBERTA])
def test_an_unknown_character_is_never_likely(ask: Ask, model: str) -> None:
    """The unknown token has no probability, and a sentence is shown without it."""
    (prediction,) = ask(model, f"Paris is {family_of(model).mask_token}.", targets=["\u4e00"])
    assert prediction["score"] == 0
    assert prediction["sequence"].lower() == "paris is."


@pytest.mark.parametrize("model", [BERT, CASED, ROBERTA])
@given(words=st.lists(st.sampled_from(["Paris", "is", "capital", "of", "x"]), max_size=4))
def test_all_tokens_together_have_probability_one(model: str, words: list[str]) -> None:
    """The scores of a whole vocabulary sum to one, for every spelling."""
    vocabulary = vocabulary_of(model)
    scored = vocabulary.best([*words, None], len(words), len(vocabulary), None)
    assert sum(one.score for one in scored) == pytest.approx(1, abs=1e-9)
    assert len({one.token_str for one in scored}) == len(vocabulary)


NO_MAPPING = "<transformers.pipelines.fill_mask.FillMaskPipeline object at 0x7f0000000000> argument after ** must be"
LONG = "[MASK]" + " the" * 510


@pytest.mark.parametrize(
    ("model", "body", "error"),
    [
        (BERT, {"inputs": "Paris."}, "No mask_token ([MASK]) found on the input"),
        (BERT, {"inputs": ""}, "No mask_token ([MASK]) found on the input"),
        (BERT, {"inputs": "Paris is <mask>."}, "No mask_token ([MASK]) found on the input"),
        (ROBERTA, {"inputs": "Paris is [MASK]."}, "No mask_token (<mask>) found on the input"),
        (BERT, {"inputs": ["Ok [MASK].", "No."]}, "No mask_token ([MASK]) found on the input"),
        (
            BERT,
            {"inputs": LONG},
            "The size of tensor a (513) must match the size of tensor b (512) at non-singleton dimension 1",
        ),
        (ROBERTA, {"inputs": LONG.replace("[MASK]", "<mask>")}, "index out of range in self"),
        (BERT, {"inputs": "[MASK]", "parameters": {"top_k": -1}}, "selected index k out of range"),
        (BERT, {"inputs": "[MASK]", "parameters": {"top_k": 1000000}}, "selected index k out of range"),
        (
            BERT,
            {"inputs": "[MASK]", "parameters": {"targets": []}},
            "At least one target must be provided when passed.",
        ),
        (
            BERT,
            {"inputs": "[MASK]", "parameters": {"targets": [" "]}},
            "At least one target must be provided when passed.",
        ),
        (
            BERT,
            {"inputs": "[MASK]", "parameters": {"foo": "bar"}},
            "FillMaskPipeline._sanitize_parameters() got an unexpected keyword argument 'foo'",
        ),
        (BERT, {"inputs": "[MASK]", "parameters": None}, f"{NO_MAPPING} a mapping, not NoneType"),
        (BERT, {"inputs": "[MASK]", "parameters": [1]}, f"{NO_MAPPING} a mapping, not list"),
        (
            BERT,
            {"inputs": "[MASK]", "parameters": {"top_k": "5"}},
            "topk(): argument 'k' (position 1) must be int, not str",
        ),
    ],
)
def test_refusals_have_the_recorded_words(model: str, body: dict[str, Any], error: str) -> None:
    """What a real server refuses is refused in its words; in a list, one bad text fails all."""
    vocabulary = vocabulary_of(model)
    with pytest.raises(RefusedError) as refused:
        answer_all(body, vocabulary)
    assert str(refused.value) == error


NOT_TEXT = "text input must be of type `str` "
CALL = "FillMaskPipeline.__call__()"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"inputs": 5}, NOT_TEXT),
        ({"inputs": ["[MASK]", 5]}, NOT_TEXT),
        ({"inputs": None}, "You need to specify either `text` or `text_target`."),
        ({"inputs": ["[MASK]", None]}, "You need to specify either `text` or `text_target`."),
        ({"inputs": ["No.", None]}, "No mask_token ([MASK]) found on the input"),
        ({"inputs": {"a": 1}}, f"{CALL} missing 1 required positional argument: 'inputs'"),
        ({"inputs": "[MASK]", "parameters": {"inputs": "[MASK]"}}, f"{CALL} got multiple values for argument 'inputs'"),
        (
            {"inputs": {"inputs": "[MASK]", "top_k": 1}, "parameters": {"top_k": 2}},
            "<transformers.pipelines.fill_mask.FillMaskPipeline object at 0x7f0000000000> "
            "got multiple values for keyword argument 'top_k'",
        ),
        ({"inputs": "[MASK]", "parameters": {"targets": [1]}}, NOT_TEXT),
        ({"inputs": "[MASK]", "parameters": {"targets": 1}}, "'int' object is not iterable"),
        ({"inputs": "[MASK]", "parameters": {"targets": [["a"]]}}, "unhashable type: 'list'"),
        (
            {"inputs": "[MASK]", "parameters": {"targets": ["a"], "top_k": "5"}},
            "'<' not supported between instances of 'int' and 'str'",
        ),
        ({"inputs": "No.", "parameters": {"top_k": "5"}}, "No mask_token ([MASK]) found on the input"),
    ],
)
def test_what_is_no_text_is_refused_in_its_turn(body: dict[str, Any], error: str) -> None:
    """Arguments are looked at first, then the targets, then text by text: the first that is wrong is told."""
    with pytest.raises(RefusedError) as refused:
        answer_all(body, vocabulary_of(BERT))
    assert str(refused.value).startswith(error)


def test_inputs_may_be_an_object(ask: Ask) -> None:
    """Inputs that are an object are taken for the arguments by their names, as the toolkit does."""
    assert ask(BERT, {"inputs": "[MASK]", "top_k": 1}) == ask(BERT, "[MASK]", top_k=1)


def test_a_space_is_something_to_a_byte_level_model(ask: Ask) -> None:
    """A target of one space is a token to RoBERTa, and nothing to BERT."""
    assert len(ask(ROBERTA, "<mask>", targets=[" "])) == 1


def test_512_tokens_are_not_too_long(ask: Ask) -> None:
    """The longest text a BERT takes is answered."""
    assert len(ask(BERT, LONG.removesuffix(" the"))) == 5


def test_an_unknown_symbol_shows_between_several_masks(ask: Ask) -> None:
    """With several masks the special tokens show, and so does the unknown one."""
    first, _ = ask(BERT, "[MASK] 🎉 [MASK]", targets=["city"])
    assert first[0]["sequence"] == "[CLS] city [UNK] [MASK] [SEP]"

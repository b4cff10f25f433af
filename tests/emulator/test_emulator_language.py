"""The language model counts honestly, and its probabilities are probabilities."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask.emulator._context import BOUNDARY, Context, context_at
from hf_fillmask.emulator._corpus import read_sentences
from hf_fillmask.emulator._language import LanguageModel, learning
from hf_fillmask.emulator._words import folded, joined, spaced_words, words_in

SENTENCES = (
    "The cat sat on the mat.",
    "The dog sat on the rug.",
    "The cat saw the dog.",
    "Paris is the capital of France.",
    "Rome is the capital of Italy.",
    "Is Rome in Italy?",
    "No full stop here",
    "?! Two marks",
)


def learnt(sentences: tuple[str, ...] = SENTENCES, *, uncased: bool = False) -> LanguageModel:
    """Return the model of `sentences`."""
    *_, model = learning(sentences, uncased=uncased)
    assert model is not None
    return model


def probabilities(text: str, model: LanguageModel) -> dict[str, float]:
    """Return the probability of every word where `text` has a star."""
    words = [None if word == "*" else word for word in words_in(text)]
    scores = model.probabilities(context_at(words, words.index(None)))
    return dict(zip(model.vocabulary, scores, strict=True))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, now!", ["Don", "'", "t", "stop", ",", "now", "!"]),
        ("snake_case 3.5", ["snake", "_", "case", "3", ".", "5"]),
        ("巴黎是 Paris", ["巴", "黎", "是", "Paris"]),
        ("cafe\u0301", ["café"]),
        (" \n", []),
    ],
)
def test_words_are_cut_as_bert_cuts_them(text: str, words: list[str]) -> None:
    """Runs of letters and digits are words, every other visible character is one by itself."""
    assert words_in(text) == words


def test_spacing_is_seen() -> None:
    """A word knows whether a space, or the start of the text, comes before it."""
    assert spaced_words("Yes, it is.") == [("Yes", True), (",", False), ("it", True), ("is", True), (".", False)]


def test_uncased_models_lose_case_and_accents() -> None:
    """Folding takes case and accents away and leaves other scripts as they are."""
    assert folded("Où Besançon باريس") == "ou besancon باريس"


def test_joining_takes_the_space_before_marks() -> None:
    """Words are joined as transformers' decoder joins them."""
    assert joined(["he", "'", "s", "here", ",", "is", "n't", "he", "?"]) == "he's here, isn't he?"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["The", None, "sat"], Context(("the", BOUNDARY), ("sat", BOUNDARY), frozenset({"the", "sat"}))),
        (["A", "b", None, None, "."], Context(("b", "a", BOUNDARY), (), frozenset({"a", "b", "."}))),
        (["Hi", "!", None, "?", "So"], Context((BOUNDARY,), ("?", BOUNDARY), frozenset({"?"}))),
        ([*"abcd", None], Context(("d", "c", "b"), (BOUNDARY,), frozenset("abcd"))),
    ],
    ids=["whole sentence", "next to a mask", "between sentences", "three at most"],
)
def test_a_context_ends_where_its_sentence_does(words: list[str | None], expected: Context) -> None:
    """Neighbours are counted up to three, up to the sentence's bounds and up to the next mask."""
    assert context_at(words, words.index(None)) == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Paris is the capital of *.", "France"),
        ("Paris is the capital of *", "France"),
        ("* is the capital of France.", "Paris"),
        ("The * sat on the mat.", "cat"),
        ("Is * in Italy?", "Rome"),
        ("The cat sat * the mat.", "on"),
        ("No full stop *", "here"),
        ("Nobody knows. Rome is the * of Italy.", "capital"),
    ],
)
def test_the_word_of_the_corpus_comes_first(text: str, word: str) -> None:
    """A sentence the corpus knows is completed as the corpus has it, with its full stop or without."""
    scores = probabilities(text, learnt())
    assert max(scores, key=scores.__getitem__) == word


def test_both_sides_count() -> None:
    """After the same words, what follows decides, and before the same words, what came first."""
    model = learnt(("a b c", "a x d", "e x c"))
    assert probabilities("a * c", model)["b"] > probabilities("a * d", model)["b"]
    assert probabilities("a * c", model)["b"] > probabilities("e * c", model)["b"]


def test_the_estimate_is_the_documented_interpolation() -> None:
    """One pair of neighbours weighs 4, both sides at once 16, the plain frequency 1."""
    model = learnt(("b", "b c d e f g a b"))
    size = len(model.vocabulary)
    # Around the star: "f" on its left, seen once before "g"; then words without any place in the corpus.
    seen = 4 * 1
    frequency = (1 + 0.01) / (9 + 0.01 * size)
    # "f" is rare: its sentence weighs 16 more, and holds the same word at the same place.
    assert probabilities("zz f * zz", model)["g"] == pytest.approx((frequency + seen + 16) / (1 + seen + 16))


def test_unknown_neighbours_leave_the_plain_frequencies() -> None:
    """A context the corpus never shows gives each word its share of the corpus."""
    model = learnt(("a a b",))
    scores = probabilities("q * z", model)
    assert scores["a"] == pytest.approx((2 + 0.01) / (3 + 0.01 * len(model.vocabulary)))


def test_the_vocabulary_is_the_same_every_time() -> None:
    """Characters come first in their order, then words, the most frequent first and equal ones by spelling."""
    vocabulary = learnt(("bb cc", "cc aa é"), uncased=True).vocabulary
    assert vocabulary[-3:] == ("cc", "aa", "bb")
    assert list(vocabulary[:-3]) == sorted(vocabulary[:-3])
    assert "e" in vocabulary
    assert not {"é", "A"} & set(vocabulary)


def test_learning_comes_in_steps() -> None:
    """The counting pauses often, so that an event loop can run in between, and gives the model last."""
    *pauses, model = learning(["one two"] * 60, uncased=False)
    assert pauses == [None, None]
    assert isinstance(model, LanguageModel)


@given(
    st.lists(st.text("ab .?é", min_size=1).filter(str.strip), min_size=1, max_size=8),
    st.lists(st.sampled_from(["a", "b", "é", "zz", ".", "?", None]), max_size=6),
    st.lists(st.sampled_from(["a", "b", "é", "zz", ".", "?", None]), max_size=6),
    st.booleans(),
)
def test_probabilities_sum_to_one(
    sentences: list[str], left: list[str | None], right: list[str | None], uncased: bool
) -> None:
    """Whatever was learnt and whatever is asked, every word has a positive share of exactly one."""
    scores = learnt(tuple(sentences), uncased=uncased).probabilities(context_at([*left, None, *right], len(left)))
    assert math.fsum(scores) == pytest.approx(1, abs=1e-9)
    assert min(scores) > 0


@pytest.fixture(scope="module")
def shipped() -> LanguageModel:
    """Return the model of the sentences in the package."""
    return learnt(read_sentences(), uncased=True)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Paris is the capital of *.", "france"),
        ("Paris is the capital of *", "france"),
        ("The * barks at the door.", "dog"),
        ("* is the capital of Japan.", "tokyo"),
    ],
)
def test_the_shipped_corpus_knows_some_facts(shipped: LanguageModel, text: str, word: str) -> None:
    """The examples of the documentation are answered as a reader expects."""
    scores = probabilities(text, shipped)
    assert max(scores, key=scores.__getitem__) == word


def test_the_answer_to_the_universe_is_a_word(shipped: LanguageModel) -> None:
    """The specification's own example is answered with words, not marks."""
    scores = probabilities("The answer to the universe is *.", shipped)
    best = sorted(scores, key=scores.__getitem__, reverse=True)[:5]
    assert all(word.isalpha() and len(word) > 1 for word in best)

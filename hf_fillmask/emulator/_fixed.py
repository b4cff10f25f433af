"""Answers that a test has fixed for a text, in the shape that the model's own would have.

A text is known by its words, not by how its masks are written: a client writes the mask of the model. The parameters of
a request still hold: at most `top_k` (5) predictions, of the `targets` if there are any. Nothing in this file does I/O.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from .._mask import PLACEHOLDER, translate
from ._answers import Question, prediction, top_k_of
from ._sequence import MaskedText, masked_text
from ._vocabulary import Scored, Vocabulary

__all__ = ["FixedAnswers", "Words"]

Words = str | Iterable[str] | Mapping[str, float]
"""What fills one mask, best first: a word, several, or several with their scores."""


class FixedAnswers:
    """Words by text; those for one model before those for any."""

    def __init__(self) -> None:
        self._masks: dict[tuple[str | None, str], tuple[Mapping[str, float], ...]] = {}

    def put(self, text: str, masks: Iterable[Words], model: str | None) -> None:
        """Keep what fills each mask of `text`, in text order.

        Raises:
            ValueError: there are more masks than lists of words, or fewer; or a word is empty, a score no number.
        """
        known, filled = translate(text, PLACEHOLDER), tuple(map(_scores, masks))
        if known is None:
            raise ValueError(f"there is no mask in {text!r}: write [MASK], <mask> or {PLACEHOLDER}")
        if known.count(PLACEHOLDER) != len(filled):
            count = known.count(PLACEHOLDER)
            raise ValueError(f"{text!r} has {count} mask(s), and there are words for {len(filled)}: one list a mask")
        self._masks[model, known] = filled

    def get(self, model: str, text: object, question: Question, vocabulary: Vocabulary) -> list[Any] | None:
        """Return the answer to `text`, or None if the model has to find one.

        So it does when none is fixed, when the masks are not those of this model, and when it is no text: it has to say
        so.

        Raises:
            RefusedError: a `top_k` no vocabulary can fill.
        """
        if not isinstance(text, str):
            return None
        known = translate(text, PLACEHOLDER) or text
        masks = self._masks.get((model, known)) or self._masks.get((None, known))
        masked = masked_text(text, vocabulary.family)
        if masks is None or len(masked.masks) != len(masks):
            return None
        top_k = top_k_of(question, vocabulary)
        filled = [
            _filled(masked, number, scores, question.targets, vocabulary)[:top_k] for number, scores in enumerate(masks)
        ]
        return filled[0] if len(filled) == 1 else filled


def _filled(
    masked: MaskedText,
    number: int,
    scores: Mapping[str, float],
    targets: Sequence[int] | None,
    vocabulary: Vocabulary,
) -> list[dict[str, Any]]:
    spaced = vocabulary.family.byte_level and masked.parts[number][-1:].isspace()
    fixed = [_scored(word, score, vocabulary, spaced=spaced) for word, score in scores.items()]
    asked = [each for each in fixed if targets is None or _is_target(each, targets, vocabulary)]
    return [prediction(each, masked.filled(number, each.token_str)) for each in asked]


def _scores(words: Words) -> Mapping[str, float]:
    if isinstance(words, Mapping):
        scores = dict(words)
    else:
        # Each half as likely as the one before it, so that the order shows.
        listed = [words] if isinstance(words, str) else list(words)
        scores = {word: 0.5**rank for rank, word in enumerate(listed, 1)}
    for word, score in scores.items():
        if not isinstance(word, str) or not word.strip():
            raise ValueError(f"a word must be a text with something in it, not {word!r}")
        if not isfinite(score):
            raise ValueError(f"the score of {word!r} must be a number, not {score!r}")
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


def _scored(word: str, score: float, vocabulary: Vocabulary, *, spaced: bool) -> Scored:
    """Spell `word` as the model's vocabulary does: a byte-level one has the space before it."""
    token_str = f" {word}" if spaced and not word[0].isspace() else word
    return Scored(vocabulary.target(token_str) or 0, token_str, score)


def _is_target(scored: Scored, targets: Iterable[int], vocabulary: Vocabulary) -> bool:
    word = scored.token_str.strip()
    return not {vocabulary.target(word), vocabulary.target(f" {word}")}.isdisjoint(targets)

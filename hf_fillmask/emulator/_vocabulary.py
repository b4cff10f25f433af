"""A family's tokens over the words of a language model: ids, spellings, probabilities, and how targets are cut.

A BERT-like vocabulary has each word once. A byte-level one has it twice, `" france"` and `"france"`, as real ones do:
the word's probability is shared between the two as the corpus shares it. Ids below `_SPECIALS` are kept for special
tokens; these have no probability and are never predicted.

Nothing in this file does I/O.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from ._context import context_at
from ._families import Family
from ._language import LanguageModel
from ._words import folded, words_in

__all__ = ["Scored", "Vocabulary"]

_SPECIALS = 5  # as many as BERT and RoBERTa have
_UNKNOWN = 1


@dataclass(frozen=True, slots=True)
class Scored:
    """One token that may fill a mask: its id, its spelling, its probability."""

    token: int
    token_str: str
    score: float


class Vocabulary:
    """The tokens of one `family`, with the probabilities that `language` gives them."""

    def __init__(self, family: Family, language: LanguageModel) -> None:
        self.family = family
        self._language = language
        words = language.vocabulary
        if family.byte_level:
            self._spellings = tuple(spelling for word in words for spelling in (f" {word}", word))
            spaced = [language.spaced_share(word) for word in words]
            self._shares = tuple(share for part in spaced for share in (part, 1 - part))
        else:
            self._spellings = words
        self._ids = {spelling: index for index, spelling in enumerate(self._spellings)}

    def __len__(self) -> int:
        return len(self._spellings)

    def target(self, text: str) -> int | None:
        """Return the token that `text` is cut to: the first one it starts with; None if there is nothing in it.

        To a byte-level tokenizer a space is something, to BERT's it is not.

        A real tokenizer takes the longest known piece, at the end a single character; a character that no token has is
        the unknown token.
        """
        if not (text if self.family.byte_level else text.strip()):
            return None
        piece = self._normal(text)
        for length in range(len(piece), 0, -1):
            if piece[:length] in self._ids:
                return self._ids[piece[:length]] + _SPECIALS
        return _UNKNOWN

    def best(self, words: Sequence[str | None], mask: int, top_k: int, targets: Sequence[int] | None) -> list[Scored]:
        """Return at most `top_k` tokens for the mask at index `mask`, best first, equal ones by their id.

        With `targets`, only these; their probabilities stay those over the whole vocabulary.
        """
        scores = self._scores(words, mask)
        tokens = range(_SPECIALS, _SPECIALS + len(scores)) if targets is None else targets
        best = heapq.nsmallest(top_k, ((-self._score(scores, token), token) for token in tokens))
        return [Scored(token, self._spelling(token), -negative) for negative, token in best]

    def _scores(self, words: Sequence[str | None], mask: int) -> list[float]:
        by_word = self._language.probabilities(context_at(words, mask))
        if not self.family.byte_level:
            return by_word
        twice = (score for score in by_word for _ in range(2))
        return [score * share for score, share in zip(twice, self._shares, strict=True)]

    def _normal(self, text: str) -> str:
        if self.family.byte_level:
            return " " * text[0].isspace() + text.strip()
        text = folded(text) if self.family.uncased else text
        # As the tokenizer does: words first, and only the first of them counts.
        return (words_in(text) or [text.strip()])[0]

    def _score(self, scores: Sequence[float], token: int) -> float:
        return 0.0 if token == _UNKNOWN else scores[token - _SPECIALS]

    def _spelling(self, token: int) -> str:
        return self.family.unknown if token == _UNKNOWN else self._spellings[token - _SPECIALS]

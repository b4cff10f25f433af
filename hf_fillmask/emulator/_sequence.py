"""A text with masks: where they are, and the `sequence` a real server gives back when one is filled.

One mask: the plain sentence. Several: special tokens and the masks still open show. BERT-like models join their tokens
again, so spacing (and case, and accents) changes; byte-level ones give the text back as it was, but for spaces before a
mask. Nothing in this file does I/O.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from ._families import Family
from ._words import folded, joined, words_in

__all__ = ["MaskedText", "masked_text"]


@dataclass(frozen=True, slots=True)
class MaskedText:
    """A text cut at its masks: `parts` are what stands between them, `words` those of the whole, None for a mask."""

    family: Family
    parts: tuple[str, ...]
    words: tuple[str | None, ...]

    @property
    def masks(self) -> tuple[int, ...]:
        """The indices of the masks in `words`, in text order."""
        return tuple(index for index, word in enumerate(self.words) if word is None)

    def filled(self, number: int, token_str: str) -> str:
        """Return the `sequence` with `token_str` in the mask `number` (from 0), the other masks left open."""
        fillings = [self.family.mask_token] * (len(self.parts) - 1)
        fillings[number] = token_str
        if len(fillings) > 1:
            return self._decoded(fillings)
        # Alone, a mask gives a sentence without special tokens.
        return self._plain("" if token_str == self.family.unknown else token_str)

    def _decoded(self, fillings: list[str]) -> str:
        family = self.family
        if family.byte_level:
            return f"{family.begin}{self._interleaved(fillings)}{family.end}"
        return joined([family.begin, *self._tokens(fillings), family.end])

    def _plain(self, filling: str) -> str:
        if self.family.byte_level:
            return self._interleaved([filling])
        return joined([token for token in self._tokens([filling]) if token not in ("", self.family.unknown)])

    def _interleaved(self, fillings: list[str]) -> str:
        # The mask token of byte-level models takes the spaces to its left.
        *before, last = self.parts
        pairs = zip(before, fillings, strict=True)
        return "".join(part.rstrip() + filling for part, filling in pairs) + last

    def _tokens(self, fillings: list[str]) -> Iterator[str]:
        remaining = iter(fillings)
        for word in self.words:
            yield next(remaining) if word is None else self._token(word)

    def _token(self, word: str) -> str:
        # Symbols such as emoji, and what joins them, are not in BERT's vocabulary.
        foreign = not word.isascii() and unicodedata.category(word[0])[0] in "CMS"
        return self.family.unknown if foreign else word


def masked_text(text: str, family: Family) -> MaskedText:
    """Cut `text` at the masks of `family`; without any, it has one part."""
    parts = tuple(text.split(family.mask_token))
    words: list[str | None] = []
    for part in parts:
        words += [*words_in(folded(part) if family.uncased else part), None]
    # No mask stands after the last part.
    return MaskedText(family, parts, tuple(words[:-1]))

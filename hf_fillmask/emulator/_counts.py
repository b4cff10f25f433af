"""What the language model counts while it loads, sentence by sentence.

A tally is filled first and only read afterwards. Nothing in this file does I/O or waits.
"""

import string
from collections import Counter, defaultdict

from ._context import BOUNDARY, STOPS
from ._words import folded, spaced_words

__all__ = ["Tally"]


class Tally:
    """Counts of words, and an index of what stands where.

    All sentences lie in one row, with a `BOUNDARY` before, between and after them; a position is an index into it.
    `words` has the row as the model spells it, `folds` as contexts are compared. `after[w]` and `before[w]` list the
    positions right after and right before each w: the pairs of neighbours, in both directions. `ends` are the
    positions of last words.
    """

    def __init__(self, *, uncased: bool) -> None:
        self._uncased = uncased
        self.words = [BOUNDARY]
        self.folds = [BOUNDARY]
        self.count: Counter[str] = Counter()
        self.spaced: Counter[str] = Counter()
        self.after: defaultdict[str, list[int]] = defaultdict(list)
        self.before: defaultdict[str, list[int]] = defaultdict(list)
        self.ends: set[int] = set()
        self.sentences: list[range] = []
        self.sentences_with: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, line: str) -> None:
        """Count one line of the corpus; it may hold several sentences."""
        for word, spaced in spaced_words(line):
            self._add_word(folded(word) if self._uncased else word, spaced)
            if word in STOPS:
                self._end_sentence()
        self._end_sentence()

    def alphabet(self) -> set[str]:
        """Return the single characters that every vocabulary holds: ASCII's visible ones, and the corpus's own."""
        visible = string.digits + string.ascii_letters + string.punctuation
        return set(folded(visible) if self._uncased else visible).union(*self.count)

    def _add_word(self, word: str, spaced: bool) -> None:
        fold, position = folded(word), len(self.words)
        self.count[word] += 1
        self.spaced[word] += spaced
        self.after[self.folds[-1]].append(position)
        if self.words[-1]:
            self.before[fold].append(position - 1)
        self.sentences_with[fold].append(len(self.sentences))
        self.words.append(word)
        self.folds.append(fold)

    def _end_sentence(self) -> None:
        last = len(self.words) - 1
        if not self.words[last]:
            return
        # Many requests leave the full stop away: the word before one counts as a last word too.
        for end in (last, last - 1) if self.folds[last] in STOPS else (last,):
            if self.words[end]:
                self.ends.add(end)
                self.before[BOUNDARY].append(end)
        start = self.sentences[-1].stop + 1 if self.sentences else 1
        self.sentences.append(range(start, last + 1))
        self.words.append(BOUNDARY)
        self.folds.append(BOUNDARY)

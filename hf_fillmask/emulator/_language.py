"""A masked language model by counting: how likely is a word, given the words to its left **and** right?

The estimate interpolates distributions, each normalised over the vocabulary:

- the words that stand between the same neighbours in the corpus: up to three on the left, up to three on the right, and
  every pair of both sides at once (n-grams in both directions);
- each of these again, among the sentences that share a rare word with this one ("Paris");
- the plain frequency of every word, smoothed, so that nothing is impossible.

A neighbourhood of k words weighs 4**k, the plain frequency (k = 0) weighs 1. Neighbourhoods that the corpus does not
show are left out, and the weights of the others divided by their sum. So the probabilities sum to one.

Nothing in this file does I/O or waits.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ._context import BOUNDARY, Context
from ._counts import Tally

__all__ = ["LanguageModel", "learning"]

_WEIGHT_PER_WORD = 4.0
_SMOOTHING = 0.01  # added to every count
_LINES_A_STEP = 25  # about a millisecond
# A word that stands at most so often is rare: it tells what a sentence is about.
_RARE_COUNT = 5
_RARE_SHARE = 0.002


class LanguageModel:
    """Probabilities of words in context.

    `vocabulary` has single characters in the order of Unicode, then words, the most frequent first: the same corpus
    gives the same order.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        characters = tally.alphabet()
        by_frequency = sorted(tally.count.keys() - characters, key=lambda word: (-tally.count[word], word))
        self.vocabulary = (*sorted(characters), *by_frequency)
        self._ids = {word: index for index, word in enumerate(self.vocabulary)}
        total = tally.count.total() + _SMOOTHING * len(self.vocabulary)
        self._frequency = [(tally.count[word] + _SMOOTHING) / total for word in self.vocabulary]
        self._rare = max(_RARE_COUNT, tally.count.total() * _RARE_SHARE)

    def probabilities(self, context: Context) -> list[float]:
        """Return the probability of each word of `vocabulary` in `context`; they sum to one."""
        evidence = list(self._evidence(context))
        total = 1.0 + sum(weight for weight, _ in evidence)
        scores = [frequency / total for frequency in self._frequency]
        for weight, positions in evidence:
            unit = weight / total / len(positions)
            for word, count in Counter(map(self._tally.words.__getitem__, positions)).items():
                scores[self._ids[word]] += count * unit
        return scores

    def spaced_share(self, word: str) -> float:
        """Return how much of `word`, where the corpus has it, follows a space: from 0 to 1."""
        tally = self._tally
        return (tally.spaced[word] + _SMOOTHING) / (tally.count[word] + 2 * _SMOOTHING)

    def _evidence(self, context: Context) -> Iterator[tuple[float, set[int]]]:
        """Yield what each neighbourhood weighs, with the positions that have it; never without one."""
        topics = list(self._topics(context))
        for k, positions in self._neighbourhoods(context):
            yield _WEIGHT_PER_WORD**k, positions
            for share, topic in topics:
                if on_topic := positions & topic:
                    yield share * _WEIGHT_PER_WORD ** (k + 1), on_topic

    def _neighbourhoods(self, context: Context) -> list[tuple[int, set[int]]]:
        left = list(self._with_left(context.left))
        right = list(self._with_right(context.right))
        both = [(i + j, a & b) for i, a in left for j, b in right]
        return [(k, positions) for k, positions in left + right + both if positions]

    def _with_left(self, words: Sequence[str]) -> Iterator[tuple[int, set[int]]]:
        folds, positions = self._tally.folds, set[int]()
        for k, word in enumerate(words, 1):
            if k == 1:
                positions = set(self._tally.after.get(word, ()))
            else:
                positions = {p for p in positions if folds[p - k] == word}
            yield k, positions

    def _with_right(self, words: Sequence[str]) -> Iterator[tuple[int, set[int]]]:
        folds, ends, positions = self._tally.folds, self._tally.ends, set[int]()
        for k, word in enumerate(words, 1):
            if k == 1:
                positions = set(self._tally.before.get(word, ()))
            elif word == BOUNDARY:
                positions = {p for p in positions if p + k - 1 in ends}
            else:
                positions = {p for p in positions if folds[p + k] == word}
            yield k, positions

    def _topics(self, context: Context) -> Iterator[tuple[float, set[int]]]:
        """Yield the positions of the sentences with each rare word of this one; the rarer, the larger its share."""
        tally = self._tally
        found = {word: tally.sentences_with.get(word, ()) for word in sorted(context.about)}
        rare = {word: numbers for word, numbers in found.items() if 0 < len(numbers) <= self._rare}
        total = sum(1 / len(numbers) for numbers in rare.values())
        for word, numbers in rare.items():
            # Not the word itself: of course it stands in its own sentences.
            spans = (tally.sentences[number] for number in numbers)
            yield 1 / len(numbers) / total, {p for span in spans for p in span if tally.folds[p] != word}


def learning(lines: Iterable[str], *, uncased: bool) -> Iterator[LanguageModel | None]:
    """Count `lines` in steps of about a millisecond: yield None after each step, and at last the model."""
    tally = Tally(uncased=uncased)
    for number, line in enumerate(lines, 1):
        tally.add(line)
        if number % _LINES_A_STEP == 0:
            yield None
    yield LanguageModel(tally)

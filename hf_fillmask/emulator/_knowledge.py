"""What is learnt from a corpus, for models of every family, and the work of learning it.

Whoever first needs it does the counting, in steps of about a millisecond between which the event loop is free. Not in
a thread: the counting is Python, so a thread would keep the interpreter from the loop for longer (5 ms at a time), and
virtual clocks do not see threads. A cancelled request leaves the count where it was; the next goes on. Models that
spell alike share what was counted, so memory does not grow with the number of ids; and all servers of a process that
speak from the sentences of this package share all of it, whatever event loop and thread they run in.
"""

import functools
import os
import threading
from collections.abc import Sequence

import anyio.lowlevel

from ._corpus import read_sentences
from ._families import Family
from ._language import LanguageModel, learning
from ._vocabulary import Vocabulary

__all__ = ["Knowledge", "knowledge_of", "shipped"]


class Knowledge:
    """The vocabularies that `sentences` give."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self._counts = {uncased: _Count(sentences, uncased=uncased) for uncased in (False, True)}
        self._vocabularies: dict[Family, Vocabulary] = {}

    def learn(self) -> None:
        """Learn everything now: what is known already need not be learnt while a client counts the seconds."""
        for count in self._counts.values():
            while count.step() is None:
                pass

    async def vocabulary(self, family: Family) -> Vocabulary:
        """Return what models of `family` know, after what is still to be learnt."""
        if family not in self._vocabularies:
            language = await self._counts[family.uncased].finished()
            self._vocabularies.setdefault(family, Vocabulary(family, language))
        return self._vocabularies[family]


@functools.cache
def shipped() -> Knowledge:
    """Return what the sentences of this package teach: one for the whole process, since it never changes."""
    return Knowledge(read_sentences())


def knowledge_of(corpus: str | os.PathLike[str] | None) -> Knowledge:
    """Return what `corpus` teaches; None: what the sentences of this package do."""
    return shipped() if corpus is None else Knowledge(read_sentences(corpus))


class _Count:
    """One pass over the corpus, done by whoever waits for it."""

    def __init__(self, sentences: Sequence[str], *, uncased: bool) -> None:
        self._steps = learning(sentences, uncased=uncased)
        self._model: LanguageModel | None = None
        # A thread's lock, and held for one step only: an event loop's own would bind the count to that loop.
        self._lock = threading.Lock()

    def step(self) -> LanguageModel | None:
        """Go on for a millisecond; return the model when it is done."""
        with self._lock:
            if self._model is None:
                self._model = next(self._steps)
            return self._model

    async def finished(self) -> LanguageModel:
        """Return the model, after the steps that are still to do."""
        while (model := self.step()) is None:
            await anyio.lowlevel.checkpoint()
        return model

"""The built-in model under every id: which ids are cold, loading or warm, and the work of loading one.

The first request to a cold model notes the time; nothing runs in the background. Once `load_seconds` have passed, the
first request that was held or comes does the counting, in steps of about a millisecond between which the event loop
is free. Not in a thread: the counting is Python, so a thread would keep the interpreter from the loop for longer (5 ms
at a time), and virtual clocks do not see threads. A cancelled request leaves the count where it was; the next goes on.
Models that spell alike share what was counted, so memory does not grow with the number of ids.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import anyio
import anyio.lowlevel

from ._answers import answer, read, shaped
from ._families import Family, exists, family_of, renamed
from ._hub import WELL_KNOWN
from ._language import LanguageModel, learning
from ._vocabulary import Vocabulary

__all__ = ["BuiltInModels"]


class BuiltInModels:
    """The state of every model id. A model becomes warm by its first answer after `load_seconds`; it never cools."""

    def __init__(
        self, sentences: Sequence[str], *, load_seconds: float, warm: Iterable[str], default: str = ""
    ) -> None:
        self.default = default
        self.estimated_time = float(load_seconds)
        self._load_seconds = load_seconds
        self._warm = set(warm)
        self._ready_at: dict[str, float] = {}
        self._counts = {uncased: _Count(sentences, uncased=uncased) for uncased in (False, True)}
        self._vocabularies: dict[Family, Vocabulary] = {}

    @property
    def warm(self) -> frozenset[str]:
        """The models that answer at once."""
        return frozenset(self._warm)

    @property
    def listed(self) -> tuple[str, ...]:
        """Well-known models, and the warm ones."""
        return tuple(dict.fromkeys((*WELL_KNOWN, *sorted(self._warm))))

    def exists(self, model: str) -> bool:
        """Say whether `model` is well-formed, and does not say that it does not exist."""
        return exists(model)

    def renamed(self, model: str) -> str | None:
        """Return today's id of a model that had no organisation once, or None."""
        return renamed(model)

    async def mask_token(self, model: str) -> str:
        """Return the mask that the name of `model` tells."""
        return family_of(model).mask_token

    async def loaded(self, model: str, hold: float) -> "_BuiltInModel | None":
        """Return `model`, or None if it is still loading after `hold` seconds."""
        vocabulary = await self.vocabulary(model, hold)
        return None if vocabulary is None else _BuiltInModel(vocabulary)

    async def vocabulary(self, model: str, hold: float) -> Vocabulary | None:
        """Return what `model` knows, or None if it is still loading after `hold` seconds; a cold one starts to load.

        Who does not want to be held (0) is told at once, and always when it is the one that finds the model cold.
        """
        if model not in self._warm and not await self._loaded(model, hold):
            return None
        family = family_of(model)
        if family not in self._vocabularies:
            language = await self._counts[family.uncased].finished()
            self._vocabularies.setdefault(family, Vocabulary(family, language))
        self._warm.add(model)
        return self._vocabularies[family]

    async def _loaded(self, model: str, hold: float) -> bool:
        now = anyio.current_time()
        was_cold = model not in self._ready_at
        ready_at = self._ready_at.setdefault(model, now + self._load_seconds)
        # Never longer than a whole load: another event loop's clock may have been elsewhere.
        wait = min(max(ready_at - now, 0.0), self._load_seconds)
        loaded = hold >= wait and (hold > 0 or not was_cold)
        await anyio.sleep(wait if loaded else hold)
        return loaded


class _BuiltInModel:
    """A vocabulary that answers."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    async def answer(self, body: Mapping[str, Any]) -> list[Any]:
        """Return the response to `body`; other requests may go on between two of its texts."""
        question = read(body, self._vocabulary)
        answers: list[Any] = []
        for text in question.texts:
            answers.append(answer(text, question, self._vocabulary))
            # A long list must not keep the loop from the others.
            await anyio.lowlevel.checkpoint()
        return shaped(answers, question)


class _Count:
    """One pass over the corpus, done by whoever waits for it, one at a time."""

    def __init__(self, sentences: Sequence[str], *, uncased: bool) -> None:
        self._steps = learning(sentences, uncased=uncased)
        self._model: LanguageModel | None = None
        self._lock: anyio.Lock | None = None

    async def finished(self) -> LanguageModel:
        """Return the model, after the steps that are still to do."""
        # Made here, since a lock belongs to the event loop that it is made in: the server's, not the program's.
        self._lock = self._lock or anyio.Lock()
        async with self._lock:
            while self._model is None:
                self._model = next(self._steps)
                await anyio.lowlevel.checkpoint()
            return self._model

"""Which models are cold, loading or warm, and the work of loading one.

The first request to a cold model notes the time; nothing runs in the background. Once `load_seconds` have passed, the
first request that was held or comes does the counting, in steps of about a millisecond between which the event loop
is free. Not in a thread: the counting is Python, so a thread would keep the interpreter from the loop for longer (5 ms
at a time), and virtual clocks do not see threads. A cancelled request leaves the count where it was; the next goes on.
Models that spell alike share what was counted, so memory does not grow with the number of ids.
"""

from collections.abc import Iterable, Sequence

import anyio
import anyio.lowlevel

from ._families import Family, family_of
from ._language import LanguageModel, learning
from ._vocabulary import Vocabulary

__all__ = ["Models"]


class Models:
    """The state of every model id. A model becomes warm by its first answer after `load_seconds`; it never cools."""

    def __init__(self, sentences: Sequence[str], *, load_seconds: float, warm: Iterable[str]) -> None:
        self._load_seconds = load_seconds
        self._warm = set(warm)
        self._ready_at: dict[str, float] = {}
        self._counts = {uncased: _Count(sentences, uncased=uncased) for uncased in (False, True)}
        self._vocabularies: dict[Family, Vocabulary] = {}

    def is_warm(self, model: str) -> bool:
        """Say whether `model` answers at once."""
        return model in self._warm

    @property
    def warm(self) -> frozenset[str]:
        """The models that answer at once."""
        return frozenset(self._warm)

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

"""The built-in model under every id: which ids are cold, loading or warm.

The first request to a cold model notes the time; nothing runs in the background. Once its load has passed, the first
request that was held or comes does what there is to learn (see `_knowledge`).
"""

from collections.abc import Iterable

import anyio
import anyio.lowlevel

from ._built_in import BuiltInModel
from ._families import exists, family_of, renamed
from ._faults import ESTIMATED_TIME
from ._fixed import FixedAnswers, Words
from ._hub import WELL_KNOWN
from ._knowledge import Knowledge
from ._vocabulary import Vocabulary

__all__ = ["DEFAULT_MODEL", "BuiltInModels"]

DEFAULT_MODEL = "google-bert/bert-base-uncased"
"""What is asked where nobody names a model."""


class BuiltInModels:
    """The state of every model id. A model becomes warm by its first answer after its load, and cools by `cool` only.

    `load_seconds` is how long a cold model loads; None: until a request waits for it, which then need not wait.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        *,
        load_seconds: float | None,
        warm: Iterable[str] | None,
        default: str = DEFAULT_MODEL,
    ) -> None:
        """Make the models: cold but for those in `warm`; None: all of them are warm."""
        self.default = default
        self._knowledge = knowledge
        self._fixed = FixedAnswers()
        self._loads: dict[str | None, float | None] = {None: load_seconds}
        self._ready_at: dict[str, float] = {}
        self._all_warm = warm is None
        self._warm = set(warm or ())

    @property
    def listed(self) -> tuple[str, ...]:
        """Well-known models, and those that have answered."""
        return tuple(dict.fromkeys((*WELL_KNOWN, *sorted(self._warm))))

    def exists(self, model: str) -> bool:
        """Say whether `model` is well-formed, and does not say that it does not exist."""
        return exists(model)

    def renamed(self, model: str) -> str | None:
        """Return today's id of a model that had no organisation once, or None."""
        return renamed(model)

    def is_warm(self, model: str) -> bool:
        """Say whether `model` answers at once."""
        return model in self._warm or (self._all_warm and model not in self._loads)

    async def mask_token(self, model: str) -> str:
        """Return the mask that the name of `model` tells."""
        return family_of(model).mask_token

    def estimated_time(self, model: str) -> float:
        """Return the seconds that `model` is said to load."""
        seconds = self._load_seconds(model)
        return ESTIMATED_TIME if seconds is None else seconds

    def cool(self, model: str | None, seconds: float | None) -> None:
        """Let `model`, or with None every model, load for `seconds` when it is asked for next."""
        if model is None:
            self._loads = {None: seconds}
            self._all_warm = False
            self._warm.clear()
            self._ready_at.clear()
        else:
            self._loads[model] = seconds
            self._warm.discard(model)
            self._ready_at.pop(model, None)

    def fix(self, text: str, masks: Iterable[Words], model: str | None) -> None:
        """Fix the answer to `text`; see `FixedAnswers.put`."""
        self._fixed.put(text, masks, model)

    def reset(self) -> None:
        """Let every model be warm, and find its answers by itself."""
        self._fixed = FixedAnswers()
        self._loads = {None: self._loads[None]}
        self._ready_at.clear()
        self._all_warm = True

    async def loaded(self, model: str, hold: float) -> BuiltInModel | None:
        """Return `model`, or None if it is still loading after `hold` seconds; a cold one starts to load."""
        vocabulary = await self.vocabulary(model, hold)
        return None if vocabulary is None else BuiltInModel(model, vocabulary, self._fixed)

    async def vocabulary(self, model: str, hold: float) -> Vocabulary | None:
        """Return what `model` knows, or None if it is still loading after `hold` seconds; a cold one starts to load.

        Who does not want to be held (0) is told at once, and always when it is the one that finds the model cold.
        """
        if not self.is_warm(model) and not await self._loaded(model, hold):
            return None
        vocabulary = await self._knowledge.vocabulary(family_of(model))
        self._warm.add(model)
        return vocabulary

    async def _loaded(self, model: str, hold: float) -> bool:
        seconds = self._load_seconds(model)
        if seconds is None:
            await anyio.lowlevel.checkpoint()
            return hold > 0
        now = anyio.current_time()
        was_cold = model not in self._ready_at
        ready_at = self._ready_at.setdefault(model, now + seconds)
        # Never longer than a whole load: another event loop's clock may have been elsewhere.
        wait = min(max(ready_at - now, 0.0), seconds)
        loaded = hold >= wait and (hold > 0 or not was_cold)
        await anyio.sleep(wait if loaded else hold)
        return loaded

    def _load_seconds(self, model: str) -> float | None:
        return self._loads.get(model, self._loads[None])

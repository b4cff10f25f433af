"""What the server asks of the models behind it: two protocols, met by the built-in model and by a real pipeline.

Rule: no request and no route is known here, and no model: whoever serves another kind meets these two.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

__all__ = ["LoadError", "Model", "Models"]


class LoadError(Exception):
    """The model cannot be loaded; the message is the server's `error` text, the status 500."""


class Model(Protocol):
    """A model that is loaded."""

    async def answer(self, body: Mapping[str, Any]) -> list[Any]:
        """Return the response to a request's JSON object, which has `inputs`.

        Raises:
            RefusedError: the request cannot be answered.
        """
        ...


class Models(Protocol):
    """The models of a server: which there are, what is known of each, and the loading of one.

    `default` is the id that `POST /` asks.
    """

    default: str

    @property
    def listed(self) -> Sequence[str]:
        """The ids that the Hub's list shows."""
        ...

    def exists(self, model: str) -> bool:
        """Say whether there is a model of this id."""
        ...

    def renamed(self, model: str) -> str | None:
        """Return today's id of a model that had another one once, or None."""
        ...

    def is_warm(self, model: str) -> bool:
        """Say whether `model` answers at once."""
        ...

    def estimated_time(self, model: str) -> float:
        """Return the seconds that `model` is said to load."""
        ...

    def cool(self, model: str | None, seconds: float | None) -> None:
        """Let `model`, None for any, load when it is asked for next: for `seconds`, or None, until a request waits.

        Raises:
            ValueError: how long these models load is not to be said.
        """
        ...

    async def mask_token(self, model: str) -> str | None:
        """Return the mask of `model`, None if it has none; a cold one is not woken.

        Raises:
            LoadError: its tokenizer cannot be loaded.
        """
        ...

    async def loaded(self, model: str, hold: float) -> Model | None:
        """Return `model`, or None if it is still loading after `hold` seconds; a cold one starts to load.

        Who does not want to be held (0) is told at once, and always when it is the one that finds the model cold.

        Raises:
            LoadError: it cannot be loaded.
        """
        ...

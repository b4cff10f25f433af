"""A stand-in for transformers: loads when it is let, answers when it is let, and tells what was asked of it."""

from __future__ import annotations

import sys
import threading
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

__all__ = ["Transformers", "installed"]

PATIENCE = 10.0  # seconds after which whoever is not let on gives up


class Transformers(ModuleType):
    """The two names of transformers that the server uses.

    `loads` and `answers` are gates, open unless a test shuts them. `begun` counts the inferences that were begun,
    `most` how many were in hand at once at most.
    """

    def __init__(self) -> None:
        super().__init__("transformers")
        self.__spec__ = ModuleSpec("transformers", None)
        self.AutoTokenizer = self
        self.loads, self.answers = threading.Event(), threading.Event()
        self.loads.set()
        self.answers.set()
        self.failure: Exception | None = None
        self.mask_token: str | None = "[MASK]"
        self.asked_for: list[str] = []
        self.begun = self.in_hand = self.most = 0

    def from_pretrained(self, source: str) -> Transformers:
        """Load a tokenizer: the stand-in is its own."""
        self.asked_for.append(source)
        return self

    def pipeline(self, task: str, *, model: str, tokenizer: object) -> Any:
        """Load a pipeline, when it is let."""
        assert (task, tokenizer) == ("fill-mask", self)
        self.asked_for.append(model)
        assert self.loads.wait(PATIENCE)
        if self.failure:
            raise self.failure
        return self._fill

    def _fill(self, inputs: str, *, top_k: int = 2, score: float | str = 0.5) -> list[dict[str, Any]]:
        self.begun += 1
        self.in_hand += 1
        self.most = max(self.most, self.in_hand)
        assert self.answers.wait(PATIENCE)
        self.in_hand -= 1
        if "[MASK]" not in inputs:
            raise ValueError("No mask_token ([MASK]) found on the input")
        return [
            {"score": float(score), "token": token, "token_str": inputs, "sequence": inputs} for token in range(top_k)
        ]


def installed(monkeypatch: pytest.MonkeyPatch) -> Transformers:
    """Put the stand-in, and a torch with nothing in it, where the real libraries would be."""
    library, torch = Transformers(), ModuleType("torch")
    torch.__spec__ = ModuleSpec("torch", None)  # as an installed library has
    monkeypatch.setitem(sys.modules, "transformers", library)
    monkeypatch.setitem(sys.modules, "torch", torch)
    return library

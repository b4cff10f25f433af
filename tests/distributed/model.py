"""A model behind a scripted server: cold at first, quick, and it remembers which texts it has filled."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable

from ..shell.pipeline_server import MASK, pipeline
from ..shell.scripted_server import Received, Wire

__all__ = ["MASK", "MODEL", "Model", "word_of"]

MODEL = "org/model"

_answer = pipeline()


def word_of(text: str) -> str:
    """Return the word that the model finds for the first mask of a text: no two texts have the same."""
    return f"{text}/0"


class Model:
    """A script for a server; it notes each text that it fills, and when. `before` is told how many there were."""

    def __init__(self, *, cold: bool = False, before: Callable[[int], None] | None = None) -> None:
        self.filled: Counter[str] = Counter()
        self.refusal = 0
        self.times: list[float] = []
        self._cold = cold
        self._before = before
        self._lock = threading.Lock()

    def __call__(self, request: Received, wire: Wire) -> None:
        """Answer one request."""
        if self._cold and not request.waits:
            wire.loading()
        elif self.refusal:
            wire.reply(self.refusal, {"error": "no"})
        else:
            self._cold = False
            self._note(request)
            _answer(request, wire)

    def _note(self, request: Received) -> None:
        inputs = json.loads(request.body)["inputs"]
        with self._lock:
            self.times.append(time.monotonic())
            if self._before is not None:
                self._before(self.filled.total())
            self.filled.update([inputs] if isinstance(inputs, str) else inputs)

"""The built-in model: a vocabulary that answers, unless a test has fixed the answer."""

from collections.abc import Mapping
from typing import Any

import anyio.lowlevel

from ._answers import answer, read, shaped
from ._fixed import FixedAnswers
from ._vocabulary import Vocabulary

__all__ = ["BuiltInModel"]


class BuiltInModel:
    """The model of one id, loaded."""

    def __init__(self, model: str, vocabulary: Vocabulary, fixed: FixedAnswers) -> None:
        self._model = model
        self._vocabulary = vocabulary
        self._fixed = fixed

    async def answer(self, body: Mapping[str, Any]) -> list[Any]:
        """Return the response to `body`; other requests may go on between two of its texts.

        Raises:
            RefusedError: as the pipeline refuses requests.
        """
        question = read(body, self._vocabulary)
        answers: list[Any] = []
        for text in question.texts:
            fixed = self._fixed.get(self._model, text, question, self._vocabulary)
            answers.append(answer(text, question, self._vocabulary) if fixed is None else fixed)
            # A long list must not keep the loop from the others.
            await anyio.lowlevel.checkpoint()
        return shaped(answers, question)

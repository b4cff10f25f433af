"""The values that a user holds in the hand: results, their predictions, and the news of a batch or a cold start.

Rule: frozen, and nothing in this file does I/O.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, overload

from ._errors import FillMaskError, MultipleMasksError
from ._html import result_table
from ._mask import find_mask

__all__ = ["BatchItem", "ColdStart", "FillMaskResult", "ModelInfo", "Prediction"]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One token that may stand at a mask, as the server sent it.

    `score` is its probability, from 0 to 1 (nan if the server sent ``null`` or NaN), `token` its id in the vocabulary,
    `token_str` its text (perhaps with a leading space, or ``##`` before a word piece), `sequence` the whole text with
    the token filled in, as the tokeniser gives it back: often lower-cased, so never match on it.
    Source: https://huggingface.co/docs/inference-providers/tasks/fill-mask, "Response".
    """

    score: float
    token: int
    token_str: str
    sequence: str

    @property
    def word(self) -> str:
        """`token_str` without the surrounding space."""
        return self.token_str.strip()

    def to_dict(self) -> dict[str, Any]:
        """Give the four fields back as the API names them; a score that is no number becomes None."""
        score = self.score if math.isfinite(self.score) else None
        return {"score": score, "token": self.token, "token_str": self.token_str, "sequence": self.sequence}


@dataclass(frozen=True, slots=True)
class FillMaskResult(Sequence[Prediction]):
    """What one text came back with: an immutable sequence of the predictions of its one mask, best first.

    `masks` is always a tuple with one tuple of predictions a mask, in text order; with several masks the sequence view
    raises `MultipleMasksError`, so that the type never depends on the text. A result is always true.

    `inputs` is the text as sent (after translation of its mask), `request_id` the server's, `compute_time` its seconds
    (both None if it said nothing), `cached` whether its cache answered, `attempts` the number of HTTP exchanges that
    were made, `waited` the seconds spent on a cold start, `mask_token` the model's mask where it is known.
    """

    masks: tuple[tuple[Prediction, ...], ...]
    inputs: str
    model: str
    request_id: str | None = None
    compute_time: float | None = None
    cached: bool = False
    attempts: int = 1
    waited: float = 0.0
    mask_token: str | None = None

    def _only_mask(self) -> tuple[Prediction, ...]:
        if len(self.masks) == 1:
            return self.masks[0]
        raise MultipleMasksError(f"the text has {len(self.masks)} masks.", model=self.model, attempts=self.attempts)

    @overload
    def __getitem__(self, index: int) -> Prediction: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Prediction, ...]: ...
    def __getitem__(self, index: int | slice) -> Prediction | tuple[Prediction, ...]:
        """Return the prediction at `index`, best first."""
        return self._only_mask()[index]

    def __len__(self) -> int:
        """Count the predictions of the one mask."""
        return len(self._only_mask())

    def __iter__(self) -> Iterator[Prediction]:
        """Go through the predictions of the one mask, best first."""
        return iter(self._only_mask())

    def __bool__(self) -> bool:
        """Hold for every result, also for one without predictions."""
        return True

    def filled(self) -> str:
        """Return the text with every mask replaced by its best word; a mask without predictions stays.

        Raises ValueError if the text's mask cannot be told (a token of no known family, and more of them than masks).
        """
        mask_token = self.mask_token or find_mask(self.inputs, len(self.masks))
        if mask_token is None:
            raise ValueError(f"cannot tell which token is the mask in {self.inputs!r}; read result.masks")
        parts = self.inputs.split(mask_token)
        best = [mask[0].word if mask else mask_token for mask in self.masks[: len(parts) - 1]]
        best += [mask_token] * (len(parts) - 1 - len(best))
        return parts[0] + "".join(word + part for word, part in zip(best, parts[1:], strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts and lists, ready for JSON: `masks` is a list a mask of lists of predictions."""
        return {
            "inputs": self.inputs,
            "model": self.model,
            "masks": [[prediction.to_dict() for prediction in mask] for mask in self.masks],
            "request_id": self.request_id,
            "compute_time": self.compute_time,
            "cached": self.cached,
            "attempts": self.attempts,
            "waited": self.waited,
        }

    def _repr_html_(self) -> str:
        """Show a table a mask, with a bar for each probability, in a notebook."""
        rows = [[(p.token_str, p.score) for p in mask] for mask in self.masks]
        return result_table(self.model, self.inputs, rows)


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One text of a batch: its place in the input, and either its result or its error; the other one is None.

    `index` counts from 0, `inputs` is the text as the user wrote it: its mask may have been sent as another one.
    """

    index: int
    inputs: str
    result: FillMaskResult | None = None
    error: FillMaskError | None = None


@dataclass(frozen=True, slots=True)
class ColdStart:
    """News of a model's wake-up, told once for all the callers who wait for it.

    `phase` is "waiting" at its beginning, and then "warm", or "failed" when it ended in an error; a hand-over from one
    caller to another is no news. `model` is the id or the URL as the caller named it.
    `estimated_time` is the server's guess in seconds (None if it gave none; it is a poor guess), `waited` the seconds
    since the first 503.
    """

    model: str
    phase: Literal["waiting", "warm", "failed"]
    estimated_time: float | None
    waited: float


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the Hub knows of a model; a field that it does not give is None.

    `model` is its id, `mask_token` how it writes its mask, `pipeline_tag` its task, "fill-mask" for all that can
    be asked here. `inference` is "warm" while the model is served; `providers` maps a provider's name to what the Hub
    says of it, for example ``{"hf-inference": {"status": "live", "task": "fill-mask"}}``.
    """

    model: str
    mask_token: str | None = None
    pipeline_tag: str | None = None
    inference: str | None = None
    providers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]], hash=False)

    @property
    def warm(self) -> bool:
        """Whether the Hub says that the model is loaded now."""
        return self.inference == "warm"

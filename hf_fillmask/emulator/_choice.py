"""Which models a server has: the built-in one under every id, or a real one under its own.

Rule: arguments are judged here, before anything listens, and nothing is loaded.
"""

import os
from collections.abc import Iterable
from math import isfinite

from ._corpus import read_sentences
from ._models import BuiltInModels
from ._pipeline import PipelineModels
from ._served import Models

__all__ = ["chosen_models"]

_LOAD_SECONDS = 3.0
_DEFAULT_MODEL = "google-bert/bert-base-uncased"


def chosen_models(
    model: str | os.PathLike[str] | None,
    *,
    load_seconds: float | None,
    corpus: str | os.PathLike[str] | None,
    warm: Iterable[str],
    default_model: str | None,
) -> Models:
    """Return the models that `create_app`'s arguments ask for; its docstring has the errors."""
    if model is not None:
        given = {"load_seconds": load_seconds, "corpus": corpus, "warm": tuple(warm) or None}
        given["default_model"] = default_model
        if names := [name for name, value in given.items() if value is not None]:
            raise ValueError(f"{names[0]} is for the built-in model; with a model of yours, leave it out")
        return PipelineModels(model)
    seconds = _LOAD_SECONDS if load_seconds is None else load_seconds
    if not isfinite(seconds) or seconds < 0:
        raise ValueError(f"load_seconds must be a number of seconds, 0 or more, not {seconds!r}")
    return BuiltInModels(
        read_sentences(corpus), load_seconds=seconds, warm=warm, default=default_model or _DEFAULT_MODEL
    )

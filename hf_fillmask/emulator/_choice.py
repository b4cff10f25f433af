"""Which models a server has: the built-in one under every id, or a real one under its own.

Rule: arguments are judged here, before anything listens, and nothing is loaded.
"""

import os
from collections.abc import Iterable
from typing import Literal

from ._faults import seconds_of
from ._knowledge import knowledge_of
from ._models import DEFAULT_MODEL, BuiltInModels
from ._pipeline import PipelineModels
from ._served import Models

__all__ = ["chosen_models"]

_LOAD_SECONDS = 3.0


def chosen_models(
    model: str | os.PathLike[str] | None,
    *,
    load_seconds: float | None,
    corpus: str | os.PathLike[str] | None,
    warm: Iterable[str] | Literal["all"],
    default_model: str | None,
) -> Models:
    """Return the models that `create_app`'s arguments ask for; its docstring has the errors."""
    if isinstance(warm, str) and warm != "all":
        raise ValueError(f"warm must be a list of model ids, or 'all', not {warm!r}")
    if model is not None:
        given = {"load_seconds": load_seconds, "corpus": corpus, "warm": tuple(warm) or None}
        given["default_model"] = default_model
        if names := [name for name, value in given.items() if value is not None]:
            raise ValueError(f"{names[0]} is for the built-in model; with a model of yours, leave it out")
        return PipelineModels(model)
    return BuiltInModels(
        knowledge_of(corpus),
        load_seconds=_LOAD_SECONDS if load_seconds is None else seconds_of("load_seconds", load_seconds),
        warm=None if warm == "all" else warm,
        default=DEFAULT_MODEL if default_model is None else default_model,
    )

"""The application, put together from what the user wants it to be."""

import os
from collections.abc import Iterable
from typing import Literal

from starlette.applications import Starlette

from ._choice import chosen_models
from ._fault_text import parsed
from ._service import Service

__all__ = ["create_app"]


def create_app(
    *,
    load_seconds: float | None = None,
    corpus: str | os.PathLike[str] | None = None,
    token: str | None = None,
    warm: Iterable[str] | Literal["all"] = (),
    default_model: str | None = None,
    model: str | os.PathLike[str] | None = None,
    faults: Iterable[str] = (),
) -> Starlette:
    """Return an ASGI application that speaks the fill-mask API, with a small masked language model of its own.

    With `model` it is a real one, in transformers' own pipeline (extra `transformers`), which begins to load when it is
    first asked, and is cold for as long as that takes.

    It needs no lifespan, and runs on asyncio and trio: under a server, or in process through `httpx.ASGITransport`.
    `app.state.model` is the id of the model that `POST /` asks.

    Args:
        load_seconds: how long a cold model takes to load, at least; the request that finds it cold gets a 503. None: 3.
        corpus: a UTF-8 text file to learn from, one sentence a line, instead of the sentences in this package.
        token: requests must carry exactly `Authorization: Bearer <token>`. None: any `Bearer hf_…` or no header.
        warm: ids of models that answer from the first request; "all" of them.
        default_model: what `POST /` and `POST /predict` ask, as at a dedicated Inference Endpoint. None:
            google-bert/bert-base-uncased.
        model: a folder with a model, served under its name, or the id of one on the Hub, which transformers downloads;
            `token` and `faults` alone go with it.
        faults: what goes wrong, in this order, each as for ``--fault``: "503x2", "429:retry-after=3", "latency=0.2".

    Raises:
        OSError: `corpus` cannot be read.
        ValueError: `corpus` is not UTF-8 or holds no sentence, `token` is empty, `load_seconds` negative or not finite,
            `warm` a single id, `model` no folder and no id, or given together with what is for the built-in model (a
            fault "cold", too), a fault cannot be read.
        ImportError: `model` needs transformers and torch; the message names the extra.

    """
    models = chosen_models(model, load_seconds=load_seconds, corpus=corpus, warm=warm, default_model=default_model)
    service = Service(models, token=token)
    for fault in [faults] if isinstance(faults, str) else faults:
        service.apply(parsed(fault))
    return service.app()

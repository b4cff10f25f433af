"""The application, put together from what the user wants it to be."""

import os
from collections.abc import Iterable
from typing import Literal

from starlette.applications import Starlette

from ._corpus import read_sentences
from ._fault_text import parsed
from ._faults import seconds_of
from ._knowledge import Knowledge, shipped
from ._models import Models
from ._service import Service

__all__ = ["create_app", "knowledge_of"]


def create_app(
    *,
    load_seconds: float = 3.0,
    corpus: str | os.PathLike[str] | None = None,
    token: str | None = None,
    warm: Iterable[str] | Literal["all"] = (),
    default_model: str = "google-bert/bert-base-uncased",
    faults: Iterable[str] = (),
) -> Starlette:
    """Return an ASGI application that speaks the fill-mask API, with a small masked language model of its own.

    It needs no lifespan, and runs on asyncio and trio: under a server, or in process through `httpx.ASGITransport`.

    Args:
        load_seconds: how long a cold model takes to load, at least; the request that finds it cold gets a 503.
        corpus: a UTF-8 text file to learn from, one sentence a line, instead of the sentences in this package.
        token: requests must carry exactly `Authorization: Bearer <token>`. None: any `Bearer hf_…` or no header.
        warm: ids of models that answer from the first request; "all" of them.
        default_model: what `POST /` and `POST /predict` ask, as at a dedicated Inference Endpoint.
        faults: what goes wrong, in this order, each as for ``--fault``: "503x2", "429:retry-after=3", "latency=0.2".

    Raises:
        OSError: `corpus` cannot be read.
        ValueError: `corpus` is not UTF-8 or holds no sentence, `token` is empty, `load_seconds` negative or not finite,
            `warm` a single id, a fault cannot be read.

    """
    if isinstance(warm, str) and warm != "all":
        raise ValueError(f"warm must be a list of model ids, or 'all', not {warm!r}")
    seconds = seconds_of("load_seconds", load_seconds)
    models = Models(knowledge_of(corpus), load_seconds=seconds, warm=None if warm == "all" else warm)
    service = Service(models, token=token, default_model=default_model)
    for fault in [faults] if isinstance(faults, str) else faults:
        service.apply(parsed(fault))
    return service.app()


def knowledge_of(corpus: str | os.PathLike[str] | None) -> Knowledge:
    """Return what `corpus` teaches; None: what the sentences of this package do."""
    return shipped() if corpus is None else Knowledge(read_sentences(corpus))

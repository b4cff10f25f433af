"""A real model: transformers' own fill-mask pipeline, asked as Hugging Face's inference toolkit asks it.

transformers is imported in the pipeline's thread, by the first request: what it takes is a part of the cold start.
One inference at a time, as in the toolkit (`MAX_CONCURRENT_THREADS = 1`).
Source: https://github.com/huggingface/huggingface-inference-toolkit (`handler.py`, `webservice_starlette.py`).
"""

import logging
import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import anyio

from .._extras import needed
from ._answers import RefusedError
from ._faults import ESTIMATED_TIME
from ._served import LoadError
from ._worker import Worker, settled

__all__ = ["PipelineModels"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_TASK = "fill-mask"
_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)
_NOT_IN_IDS = re.compile(r"[^\w.-]+|\.\.+", re.ASCII)


class PipelineModels:
    """The one model at `source`: a folder, served under its name, or an id of the Hub, which transformers downloads.

    A load that failed is not tried again: every request is told why.
    """

    def __init__(self, source: str | os.PathLike[str]) -> None:
        for library in ("transformers", "torch"):
            if not _is_there(library):
                needed(library, extra="transformers")
        self._source, self.default = _source_and_id(source)
        self._worker = Worker(f"hf_fillmask pipeline {self.default}")
        self._tokenizer: Future[Any] | None = None
        self._pipeline: Future[Any] | None = None

    @property
    def listed(self) -> tuple[str]:
        """The one model."""
        return (self.default,)

    def exists(self, model: str) -> bool:
        """Say whether `model` is the one that is served."""
        return model == self.default

    def renamed(self, model: str) -> None:
        """No id is another one's here: `bert-base-uncased` is served as just that, when asked for."""

    def is_warm(self, model: str) -> bool:
        """Say whether `model` is the one that is served, and is loaded."""
        done = self._pipeline is not None and self._pipeline.done() and self._pipeline.exception() is None
        return done and self.exists(model)

    def estimated_time(self, model: str) -> float:  # noqa: ARG002 - the protocol's: there is one model
        """Return a guess, the hosted service's for a model that it has not seen yet."""
        return ESTIMATED_TIME

    def cool(self, model: str | None, seconds: float | None) -> NoReturn:  # noqa: ARG002 - the protocol's
        """Refuse: a load takes what it takes, and comes once."""
        raise ValueError("a fault cold is for the built-in model; a model of yours is cold until it is loaded")

    async def mask_token(self, model: str) -> str | None:  # noqa: ARG002 - the protocol's: there is one model
        """Return the tokenizer's mask; the weights are not loaded for it."""
        tokenizer = self._tokenizer_begun()
        await settled(tokenizer)
        mask: str | None = _loaded(tokenizer).mask_token
        return mask

    async def loaded(self, model: str, hold: float) -> "_PipelineModel | None":  # noqa: ARG002 - the protocol's: there is one model
        """Return the pipeline, or None if it is still loading after `hold` seconds; a cold one starts to load."""
        pipeline = self._pipeline_begun()
        if hold > 0:
            with anyio.move_on_after(hold):
                await settled(pipeline)
        return _PipelineModel(_loaded(pipeline), self._worker) if pipeline.done() else None

    def _tokenizer_begun(self) -> Future[Any]:
        if self._tokenizer is None:
            self._tokenizer = self._begun(partial(_load_tokenizer, self._source))
        return self._tokenizer

    def _pipeline_begun(self) -> Future[Any]:
        if self._pipeline is None:
            tokenizer = self._tokenizer_begun()
            self._pipeline = self._begun(partial(_load_pipeline, self._source, tokenizer))
        return self._pipeline

    def _begun(self, load: Callable[[], Any]) -> Future[Any]:
        return self._worker.submit(partial(_told, self.default, load))


class _PipelineModel:
    """A pipeline, and the thread in which it may be called."""

    def __init__(self, pipeline: Any, worker: Worker) -> None:
        self._pipeline = pipeline
        self._worker = worker

    async def answer(self, body: Mapping[str, Any]) -> list[Any]:
        """Return what the pipeline says to `body`, when its turn comes."""
        asked = self._worker.submit(partial(_ask, self._pipeline, body))
        try:
            await settled(asked)
        finally:
            asked.cancel()  # the caller has gone: if its turn has not come, nobody wants it any more
        return asked.result()


def _source_and_id(source: str | os.PathLike[str]) -> tuple[str, str]:
    name = os.fspath(source)
    if name and Path(name).is_dir():  # an empty path would be the current folder
        return name, _NOT_IN_IDS.sub("-", Path(name).resolve().name) or "model"
    if _HUB_ID.fullmatch(name) is None:
        raise ValueError(f"model must be a folder with a model, or the id of one on the Hub, not {name!r}")
    return name, name


def _is_there(library: str) -> bool:
    """Look for `library` without importing it: that takes seconds, which belong to the cold start."""
    try:
        return find_spec(library) is not None
    except ValueError:  # its entry in `sys.modules` has no spec: the import itself will tell
        return False


def _load_tokenizer(source: str) -> Any:
    return needed("transformers", extra="transformers").AutoTokenizer.from_pretrained(source)


def _load_pipeline(source: str, tokenizer: Future[Any]) -> Any:
    transformers = needed("transformers", extra="transformers")
    # The tokenizer's turn came before this one's, in the same thread: there is no waiting here.
    return transformers.pipeline(_TASK, model=source, tokenizer=_loaded(tokenizer))


def _told(model: str, load: Callable[[], T]) -> T:
    """Return what `load` loads; what goes wrong is told in one line, once, and kept for those who ask."""
    try:
        return load()
    except LoadError:  # the tokenizer's
        raise
    except Exception as error:
        why = f"Model {model} could not be loaded: {type(error).__name__}: {' '.join(str(error).split())}"
        _log.error(why)
        _log.debug("in full", exc_info=True)
        raise LoadError(why) from error


def _loaded(future: Future[Any]) -> Any:
    # Its own error for each who asks: the one that is kept would grow by a traceback each time.
    if failure := future.exception():
        raise LoadError(str(failure))
    return future.result()


def _ask(pipeline: Any, body: Mapping[str, Any]) -> list[Any]:
    inputs, parameters = body["inputs"], body.get("parameters", {})
    try:
        found = pipeline(**inputs, **parameters) if isinstance(inputs, dict) else pipeline(inputs, **parameters)
    except Exception as error:
        # The toolkit's rule: every failure is a 400, in the words of whatever failed.
        raise RefusedError(str(error)) from error
    answers: list[Any] = _as_json(found)
    return answers


def _as_json(value: Any) -> Any:
    """Return `value` as the toolkit's JSON has it: a score that is no number is null."""
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    return {key: None if isinstance(each, float) and not isfinite(each) else each for key, each in value.items()}

"""Telemetry: a span and a few numbers for each request, in programs that use OpenTelemetry.

Rule: what is recorded holds no token, no text, and no words of a server, which may quote the text. A program that has
not loaded OpenTelemetry pays a look into `sys.modules` a request, and nothing is ever imported for it.

A request is one text, or one list of a batch. A batch has no span of its own: it would be exported at its end only,
after hours perhaps, and hide which of its requests waited. Neither has an attempt: the instrumentation of the HTTP
library makes those spans, as children of these.
Sources: OpenTelemetry's semantic conventions for GenAI client spans and metrics; none of their operations is ours, so
ours is ``fill_mask``, and custom operations are timed by ``gen_ai.client.operation.duration``.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from contextlib import nullcontext
from time import perf_counter
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ._address import Target
from ._values import FillMaskResult
from ._version import __version__

__all__ = ["Telemetry"]

T = TypeVar("T", bound=FillMaskResult | list[FillMaskResult])

# The conventions' own, and then as far as a cold start goes.
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68)


class Telemetry:
    """Records the requests of one client, from when the program has loaded OpenTelemetry."""

    def __init__(self) -> None:
        self._recorder: _Recorder | None = None

    async def record(self, target: Target, texts: int, work: Awaitable[T]) -> T:
        """Await `work`, which fills `texts` texts at `target`, and record what became of it."""
        if self._recorder is None:
            if "opentelemetry.trace" not in sys.modules:
                return await work
            self._recorder = _Recorder()
        return await self._recorder.record(target, texts, work)


class _Recorder:
    def __init__(self) -> None:
        from opentelemetry import metrics, trace

        self._trace = trace
        self._tracer = trace.get_tracer("hf_fillmask", __version__)
        meter = metrics.get_meter("hf_fillmask", __version__)
        self._duration = _histogram(meter, "gen_ai.client.operation.duration", "Time that requests took.")
        self._texts = meter.create_counter("hf_fillmask.texts", "{text}", "Texts that were sent.")
        self._attempts = meter.create_counter("hf_fillmask.attempts", "{attempt}", "HTTP exchanges that were made.")
        self._waited = meter.create_counter("hf_fillmask.cold_start", "s", "Time that requests waited for cold models.")

    async def record(self, target: Target, texts: int, work: Awaitable[T]) -> T:
        about = _about(target)
        name = f"fill_mask {about['gen_ai.request.model']}"
        kind = self._trace.SpanKind.CLIENT
        span = self._tracer.start_span(name, kind=kind, attributes={**about, "hf_fillmask.texts": texts})
        began = perf_counter()
        ended: dict[str, Any] = {"error.type": "cancelled"}  # by the caller, a deadline, or the end of the client
        try:
            with self._current(span):
                filled = await work
            ended = _filled(filled if isinstance(filled, FillMaskResult) else filled[0])
            return filled
        except Exception as error:
            ended = _failed(error)
            raise
        finally:
            self._end(span, ended)
            self._count(about, texts, ended, perf_counter() - began)

    def _current(self, span: Any) -> Any:
        """Make `span` the parent of what the HTTP library records; without a provider there is nothing to be one."""
        if not span.get_span_context().is_valid:
            return nullcontext()
        return self._trace.use_span(span, record_exception=False, set_status_on_exception=False)

    def _end(self, span: Any, ended: dict[str, Any]) -> None:
        if "error.type" in ended:
            span.set_status(self._trace.StatusCode.ERROR)
        span.set_attributes(ended)
        span.end()

    def _count(self, about: dict[str, Any], texts: int, ended: dict[str, Any], seconds: float) -> None:
        kind = {name: ended[name] for name in ("error.type", "hf_fillmask.cached") if name in ended}
        self._duration.record(seconds, about | kind)
        self._texts.add(texts, about | kind)
        self._attempts.add(ended.get("hf_fillmask.attempts", 0), about)
        self._waited.add(ended.get("hf_fillmask.cold_start_seconds", 0.0), about)


def _histogram(meter: Any, name: str, description: str) -> Any:
    try:
        return meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=_SECONDS)
    except TypeError:  # older than the extra asks for, and brought in by somebody else: no reason to fail a call
        return meter.create_histogram(name, "s", description)


def _about(target: Target) -> dict[str, Any]:
    parts = urlsplit(target.url)
    return {
        "gen_ai.operation.name": "fill_mask",
        "gen_ai.provider.name": "hugging_face",
        "gen_ai.request.model": target.model.partition("?")[0],  # the query of an endpoint's URL may hold a secret
        "server.address": parts.hostname,
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
    }


def _filled(result: FillMaskResult) -> dict[str, Any]:
    """Tell of a request by one of its results: they share all that is told."""
    return _known(
        {
            "http.response.status_code": 200,
            "hf_fillmask.attempts": result.attempts,
            "hf_fillmask.cold_start_seconds": result.waited,
            "hf_fillmask.cached": result.cached,
            "hf_fillmask.request_id": result.request_id,
        }
    )


def _failed(error: Exception) -> dict[str, Any]:
    """Tell of a request by its error: the name of its class, since the words may be those of the text."""
    return _known(
        {
            "error.type": type(error).__name__,
            "http.response.status_code": getattr(error, "status_code", None),
            "hf_fillmask.attempts": getattr(error, "attempts", 0),
            "hf_fillmask.cold_start_seconds": getattr(error, "waited", 0.0),
            "hf_fillmask.request_id": getattr(error, "request_id", None),
        }
    )


def _known(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}

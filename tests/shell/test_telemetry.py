"""Telemetry: a span and its numbers for each request, a debug line for each attempt, and nothing that is private."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import hf_fillmask
from hf_fillmask import AsyncFillMaskClient, DeadlineExceededError, FillMaskClient, FillMaskError

from .helpers import MODEL, PATIENCE, TEXT, TOKEN, client_of, in_thread, mocked
from .pipeline_server import pipeline
from .scripted_server import PREDICTION, Received, Wire, cold, scripted, warm

pytestmark = pytest.mark.anyio

TRACER = trace.get_tracer("tests")
TOLD = ("http.response.status_code", "hf_fillmask.attempts", "hf_fillmask.cached", "hf_fillmask.texts", "error.type")


WITHOUT_A_PROVIDER = """
import sys
import anyio, httpx
from opentelemetry import trace
from hf_fillmask import AsyncFillMaskClient

seen = []

def answer(request):
    seen.append(trace.get_current_span())
    return httpx.Response(200, json=[{"score": 1.0, "token": 7, "token_str": "word", "sequence": "a word"}])

async def main():
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as injected:
        async with AsyncFillMaskClient("org/model", token=False, http_client=injected) as client:
            print((await client.fill_mask("a [MASK]"))[0].token, seen == [trace.INVALID_SPAN])

anyio.run(main, backend=sys.argv[1])
"""


def test_without_a_provider_nothing_changes(anyio_backend_name: str) -> None:
    """A program that has loaded the API, and set up nothing, gets its result and no span."""
    command = [sys.executable, "-c", WITHOUT_A_PROVIDER, anyio_backend_name]  # a process has one provider, for ever
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (ended.stdout, ended.stderr) == ("7 True\n", "")


class Recorded:
    """What the SDK was given since the beginning of a test."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        delta = dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)
        self.reader = InMemoryMetricReader(preferred_temporality=delta)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        trace.set_tracer_provider(provider)
        metrics.set_meter_provider(MeterProvider([self.reader], shutdown_on_exit=False))

    def forget(self) -> None:
        """Begin a test."""
        self.exporter.clear()
        self.reader.get_metrics_data()

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans of the package."""
        return [span for span in self.exporter.get_finished_spans() if span.name.startswith("fill_mask ")]

    @property
    def told(self) -> list[dict[str, Any]]:
        """What the spans tell of their ends."""
        return [{name: dict(span.attributes or {}).get(name) for name in TOLD} for span in self.spans]

    def points(self) -> dict[str, list[Any]]:
        """Return the data points of each metric since the last look."""
        data = self.reader.get_metrics_data()
        found = [metric for each in data.resource_metrics for scope in each.scope_metrics for metric in scope.metrics]
        return {metric.name: list(metric.data.data_points) for metric in found}


@pytest.fixture(scope="session")
def providers() -> Recorded:
    """The process's providers, which OpenTelemetry lets nobody replace, when xdist comes back to this module either."""
    return Recorded()


@pytest.fixture
def recorded(providers: Recorded) -> Recorded:
    """The providers, with nothing recorded yet."""
    providers.forget()
    return providers


def id_of(context: trace.SpanContext | None) -> int:
    """Return the id of a span; 0 for none."""
    return 0 if context is None else context.span_id


def told(**changed: Any) -> dict[str, Any]:
    """Return what a span tells of the end of a simple call, and what is different in this one."""
    usual = {"status_code": 200, "attempts": 1, "cached": False, "texts": 1, "type": None} | changed
    return {name: usual[name.rpartition(".")[2]] for name in TOLD}


async def test_a_call_is_one_client_span(recorded: Recorded) -> None:
    """A call is one CLIENT span with the conventions' name and attributes, a child of the caller's own span."""

    def script(request: Received, wire: Wire) -> None:
        wire.reply(200, [PREDICTION], x_request_id="r-1", x_compute_type="cache")

    with scripted(script) as server:
        async with client_of(server) as client:
            with TRACER.start_as_current_span("outer") as outer:
                await client.fill_mask(TEXT)
                assert trace.get_current_span() is outer
    (span,) = recorded.spans
    assert (span.name, span.kind, span.status.is_unset) == (f"fill_mask {MODEL}", trace.SpanKind.CLIENT, True)
    assert span.parent == outer.get_span_context()
    assert span.attributes == {
        "gen_ai.operation.name": "fill_mask",
        "gen_ai.provider.name": "hugging_face",
        "gen_ai.request.model": MODEL,
        "server.address": "127.0.0.1",
        "server.port": int(server.url.rpartition(":")[2]),
        "http.response.status_code": 200,
        "hf_fillmask.texts": 1,
        "hf_fillmask.attempts": 1,
        "hf_fillmask.cold_start_seconds": 0.0,
        "hf_fillmask.cached": True,
        "hf_fillmask.request_id": "r-1",
    }


async def test_a_cold_start_is_in_the_span(recorded: Recorded) -> None:
    """The span of a call that waits for a cold model says how long, and that there were two attempts."""
    with scripted(cold) as server:
        async with client_of(server) as client:
            result = await client.fill_mask(TEXT)
    assert recorded.told == [told(attempts=2)]
    assert (recorded.spans[0].attributes or {})["hf_fillmask.cold_start_seconds"] == result.waited > 0


def quotes(request: Received, wire: Wire) -> None:
    """Refuse a text, and quote it and the token."""
    wire.reply(500, {"error": f"{request.inputs} {request.headers.get('authorization')}"})


def nonsense(request: Received, wire: Wire) -> None:
    """Give the text back as a 200."""
    wire.reply(200, request.body)


def hang_up(request: Received, wire: Wire) -> None:
    """Close the connection before an answer."""
    wire.close()


@pytest.mark.parametrize(
    ("script", "kind", "status"),
    [
        pytest.param(quotes, "ServerError", 500, id="a server's error"),
        pytest.param(nonsense, "DecodeError", None, id="no result"),
        pytest.param(hang_up, "ConnectError", None, id="no answer"),
    ],
)
async def test_a_failed_call_tells_its_class_and_no_words(
    recorded: Recorded, script: Any, kind: str, status: int | None
) -> None:
    """A failed call's span is an error with the name of its class; nothing quotes the text, the token or the server."""
    with scripted(script) as server:
        async with client_of(server, token=TOKEN, max_retries=0) as client:
            with pytest.raises(FillMaskError):
                await client.fill_mask(TEXT)
    assert recorded.told == [told(type=kind, status_code=status, cached=None)]
    (span,) = recorded.spans
    assert (span.status.status_code, span.status.description) == (trace.StatusCode.ERROR, None)
    shown = span.to_json()
    assert TOKEN not in shown
    assert "Paris" not in shown


async def test_a_call_that_its_deadline_ends(recorded: Recorded) -> None:
    """What cancels a request has no error for it yet: its span says that it was cancelled."""

    def script(request: Received, wire: Wire) -> None:
        wire.wait_until_gone()

    with scripted(script) as server:
        async with client_of(server) as client:
            with pytest.raises(DeadlineExceededError):
                await client.fill_mask(TEXT, deadline=0.05)
    assert recorded.told == [told(type="cancelled", status_code=None, attempts=None, cached=None)]


async def test_each_request_of_a_batch_is_a_span(recorded: Recorded) -> None:
    """A batch has a span for each of its lists and single texts, all of them children of the caller's own."""
    texts = [f"{number} <mask>" for number in range(5)]
    with scripted(pipeline()) as server:
        async with client_of(server) as client:
            with TRACER.start_as_current_span("outer") as outer:
                await client.fill_mask_batch(texts, inputs_per_request=2)
    assert sorted(each["hf_fillmask.texts"] for each in recorded.told) == [1, 2, 2]
    assert {id_of(span.parent) for span in recorded.spans} == {id_of(outer.get_span_context())}


async def test_the_http_librarys_spans_are_children(recorded: Recorded) -> None:
    """What instruments the HTTP library finds the request's span as its parent, in every attempt."""
    seen: list[trace.SpanContext] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(trace.get_current_span().get_span_context())
        status = 200 if "x-wait-for-model" in request.headers else 503
        return httpx.Response(status, json=[PREDICTION])

    async with mocked(answer) as injected, AsyncFillMaskClient(MODEL, http_client=injected) as client:
        await client.fill_mask(TEXT)
    assert seen == [recorded.spans[0].context] * 2


async def test_an_endpoints_query_is_not_told(recorded: Recorded) -> None:
    """An endpoint is named by its URL without the query, where secrets may stand; its port is the scheme's."""
    async with mocked(lambda request: httpx.Response(200, json=[PREDICTION])) as injected:
        async with AsyncFillMaskClient("https://a.example/fill?key=secret", http_client=injected) as client:
            await client.fill_mask(TEXT)
        async with AsyncFillMaskClient(MODEL, base_url="http://b.example", http_client=injected) as client:
            await client.fill_mask(TEXT)
    names = ("gen_ai.request.model", "server.address", "server.port")
    assert [tuple((span.attributes or {})[name] for name in names) for span in recorded.spans] == [
        ("https://a.example/fill", "a.example", 443),
        (MODEL, "b.example", 80),
    ]
    assert "secret" not in "".join(span.to_json() for span in recorded.spans)


async def test_the_sync_client_takes_the_callers_span_along(recorded: Recorded) -> None:
    """The span of a call from plain code is a child of the span in its thread."""

    def call(url: str) -> trace.SpanContext:
        with FillMaskClient(MODEL, base_url=url, token=False) as client, TRACER.start_as_current_span("outer") as outer:
            client.fill_mask(TEXT)
        return outer.get_span_context()

    with scripted(warm) as server:
        outer = await in_thread(call, server.url)
    assert [span.parent for span in recorded.spans] == [outer]


async def test_the_numbers(recorded: Recorded) -> None:
    """Duration, texts, attempts and seconds of cold start are counted by model, server and class of error."""

    def script(request: Received, wire: Wire) -> None:
        if "bad" in request.inputs:
            wire.reply(400, {"error": "bad"})
        else:
            wire.warm()

    with scripted(script) as server:
        async with client_of(server) as client:
            await client.fill_mask(TEXT)
            await client.fill_mask(TEXT)
            with pytest.raises(hf_fillmask.BadRequestError):
                await client.fill_mask("a bad [MASK]")
    points = recorded.points()
    assert set(points) == {
        *("gen_ai.client.operation.duration", "hf_fillmask.texts", "hf_fillmask.attempts", "hf_fillmask.cold_start")
    }
    fine, bad = sorted(points["gen_ai.client.operation.duration"], key=lambda point: point.count, reverse=True)
    assert (fine.count, bad.count) == (2, 1)
    assert 0 < fine.sum < 10
    assert fine.explicit_bounds[-1] > 300
    assert (fine.attributes["gen_ai.request.model"], fine.attributes["hf_fillmask.cached"]) == (MODEL, False)
    assert bad.attributes["error.type"] == "BadRequestError"
    assert [point.value for point in points["hf_fillmask.attempts"]] == [3]
    assert [point.value for point in points["hf_fillmask.cold_start"]] == [0]
    assert sorted(point.value for point in points["hf_fillmask.texts"]) == [1, 2]


async def test_a_program_without_opentelemetry(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody has loaded OpenTelemetry, nothing is recorded; a client notices when somebody does."""
    with scripted(warm) as server:
        async with client_of(server) as client:
            with monkeypatch.context() as patch:
                patch.delitem(sys.modules, "opentelemetry.trace")
                await client.fill_mask(TEXT)
            assert recorded.spans == []
            await client.fill_mask(TEXT)
            assert len(recorded.spans) == 1


async def test_an_older_opentelemetry(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """An API from before histograms took advice on their buckets, brought by some other package, fails no call."""
    made: list[str] = []

    class OldMeter:
        def create_counter(self, name: str, unit: str, description: str) -> Any:
            return metrics.NoOpMeter("old").create_counter(name)

        def create_histogram(self, name: str, unit: str, description: str) -> Any:
            made.append(name)
            return metrics.NoOpMeter("old").create_histogram(name)

    monkeypatch.setattr(metrics, "get_meter", lambda name, version: OldMeter())
    with scripted(warm) as server:
        async with client_of(server) as client:
            await client.fill_mask(TEXT)
    assert made == ["gen_ai.client.operation.duration"]
    assert recorded.told == [told()]


PLAIN_PROGRAM = """
import asyncio, sys
from hf_fillmask import AsyncFillMaskClient

async def main():
    async with AsyncFillMaskClient("org/model", base_url=sys.argv[1], token=False) as client:
        await client.fill_mask("a [MASK]")

asyncio.run(main())
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


def test_a_call_loads_no_opentelemetry() -> None:
    """A program that does not use OpenTelemetry does not pay for it, installed or not."""
    with scripted(warm) as server:
        command = [sys.executable, "-c", PLAIN_PROGRAM, server.url]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("[]\n", "")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """The package's debug lines, without their times."""
    found: list[str] = []
    with caplog.at_level(logging.DEBUG, "hf_fillmask"):
        yield found
    told = [record.getMessage() for record in caplog.get_records("call") if record.levelno == logging.DEBUG]
    assert [line.rpartition(" after ")[0] for line in told if "cold start," not in line] == found
    assert TOKEN not in caplog.text
    assert "Paris" not in caplog.text


async def test_an_attempt_is_a_debug_line(lines: list[str]) -> None:
    """Each attempt is one line: the model, what was sent, and the status or the class of the error."""

    def script(request: Received, wire: Wire) -> None:
        if json.loads(request.body)["inputs"] == "again":
            wire.close()
        elif request.waits:
            wire.warm()
        else:
            wire.loading()

    with scripted(script) as server:
        async with client_of(server, token=TOKEN, max_retries=0) as client:
            await client.fill_mask(TEXT)
            with pytest.raises(hf_fillmask.ConnectError):
                await client.fill_mask("again")
    ended = ("POST: HTTP 503", "POST, waiting: HTTP 200", "POST: ConnectError")
    lines += [f"{MODEL}: {each}" for each in ended]


async def test_many_callers_keep_their_own_spans(recorded: Recorded) -> None:
    """Calls side by side are each a child of their own caller's span."""
    parents: list[int] = []

    async def call(client: AsyncFillMaskClient) -> None:
        with TRACER.start_as_current_span("outer") as outer:
            parents.append(id_of(outer.get_span_context()))
            await client.fill_mask(TEXT)

    with scripted(warm) as server:
        async with client_of(server) as client, anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(call, client)
    assert sorted(id_of(span.parent) for span in recorded.spans) == sorted(parents)
    assert len(parents) == 5

"""How users use the package, for type checkers alone: nothing in this file is ever run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Unpack, assert_type

import httpx

from hf_fillmask import (
    APIError,
    AsyncFillMaskClient,
    BatchItem,
    BatchStream,
    CallOptions,
    ColdStart,
    DeadlineExceededError,
    DecodeError,
    FillMaskClient,
    FillMaskError,
    FillMaskResult,
    MaskNotFoundError,
    ModelInfo,
    ModelLoadingError,
    MultipleMasksError,
    Prediction,
    RateLimitError,
    RequestTimeoutError,
    SyncBatchStream,
    TransportError,
    __version__,
    to_arrow,
    to_pandas,
    to_polars,
)
from hf_fillmask.emulator import FillMaskEmulator, Received

version: str = __version__


def on_cold_start(news: ColdStart) -> None:
    assert_type(news.model, str)
    assert_type(news.estimated_time, float | None)
    assert_type(news.waited, float)
    if news.phase == "asleep":  # type: ignore[comparison-overlap]  # no such phase
        raise AssertionError


def on_progress(done: int, total: int | None, errors: int) -> None:
    assert_type(total, int | None)


def clients() -> None:
    FillMaskClient()
    FillMaskClient("bert-base-uncased", token=False)
    FillMaskClient(transport="aiohttp")
    client = AsyncFillMaskClient(
        "google-bert/bert-base-uncased",
        token="hf_x",
        base_url="https://router.huggingface.co/hf-inference",
        timeout=30,
        cold_start_timeout=300,
        cold_start="raise",
        max_retries=2,
        max_connections=32,
        use_cache=True,
        translate_mask=True,
        on_cold_start=on_cold_start,
        headers={"x-hf-bill-to": "my-org"},
        http_client=httpx.AsyncClient(),
    )
    assert_type(client, AsyncFillMaskClient)
    assert_type(client.configuration(include_token=True), dict[str, Any])


def wrong_arguments() -> None:
    FillMaskClient(5)  # type: ignore[arg-type]  # no model
    FillMaskClient("a", "hf_x")  # type: ignore[call-arg]  # token= has to be named
    FillMaskClient(token=True)  # type: ignore[arg-type]  # no token
    FillMaskClient(cold_start="retry")  # type: ignore[arg-type]  # no such way
    FillMaskClient().fill_mask(["a [MASK]"])  # type: ignore[arg-type]  # one text a call
    FillMaskClient().fill_mask("a [MASK]", 5)  # type: ignore[call-arg, arg-type]  # top_k= has to be named


def results(result: FillMaskResult) -> None:
    assert_type(result[0], Prediction)
    assert_type(result[:2], tuple[Prediction, ...])
    assert_type(result.masks, tuple[tuple[Prediction, ...], ...])
    assert_type(len(result), int)
    assert_type(result.filled(), str)
    assert_type(result.to_dict(), dict[str, Any])
    assert_type(result.inputs, str)
    assert_type(result.model, str)
    assert_type(result.request_id, str | None)
    assert_type(result.compute_time, float | None)
    assert_type(result.cached, bool)
    assert_type(result.attempts, int)
    assert_type(result.waited, float)
    assert_type([each.word for each in result], list[str])
    assert_type(list(reversed(result)), list[Prediction])
    for prediction in result:
        assert_type(prediction, Prediction)
        assert_type(prediction.score, float)
        assert_type(prediction.token, int)
        assert_type(prediction.token_str, str)
        assert_type(prediction.sequence, str)
        assert_type(prediction.to_dict(), dict[str, Any])
    first, *others = result
    assert_type(first, Prediction)
    assert_type(others, list[Prediction])
    assert_type({result, result}, set[FillMaskResult])


def frozen(result: FillMaskResult) -> None:
    result.inputs = "other"  # type: ignore[misc]  # frozen
    result[0].score = 0.5  # type: ignore[misc]  # frozen
    result[0] = result[1]  # type: ignore[index]  # frozen


def items(item: BatchItem) -> None:
    assert_type(item.index, int)
    assert_type(item.inputs, str)
    assert_type(item.result, FillMaskResult | None)
    assert_type(item.error, FillMaskError | None)


def frames(result: FillMaskResult, error: FillMaskError, item: BatchItem) -> None:
    to_arrow(result)
    to_pandas([result, error, item])
    to_polars(iter([item]))
    to_polars(["a text"])  # type: ignore[list-item]  # a text is no result


def infos(info: ModelInfo) -> None:
    assert_type(info.mask_token, str | None)
    assert_type(info.pipeline_tag, str | None)
    assert_type(info.inference, str | None)
    assert_type(info.warm, bool)
    assert_type(info.providers["hf-inference"]["status"], Any)


def sync_calls() -> None:
    with FillMaskClient("bert-base-uncased") as client:
        assert_type(client, FillMaskClient)
        assert_type(client.fill_mask("a [MASK]"), FillMaskResult)
        assert_type(client.model_info(), ModelInfo)
        assert_type(client.models("bert", warm=True, limit=5), list[ModelInfo])
        client.fill_mask(
            "a [MASK]",
            model="bert-base-cased",
            top_k=3,
            targets={"city", "town"},
            use_cache=False,
            timeout=1,
            cold_start_timeout=2.5,
            deadline=60,
        )
    client.close()


def sync_batch(client: FillMaskClient, texts: list[str]) -> None:
    assert_type(client.fill_mask_batch(texts), list[FillMaskResult])
    assert_type(client.fill_mask_batch(texts, return_errors=False, top_k=1), list[FillMaskResult])
    assert_type(client.fill_mask_batch(texts, return_errors=True), list[FillMaskResult | FillMaskError])
    client.fill_mask_batch(iter(texts), max_concurrency=8, inputs_per_request="auto", on_progress=on_progress)
    client.fill_mask_batch(texts, max_concurrency="fast")  # type: ignore[call-overload]  # no such way
    client.fill_mask_batch(texts, topk=1)  # type: ignore[call-overload]  # misspelt
    with client.fill_mask_stream(texts, ordered=True, deadline=60) as stream:
        for item in stream:
            assert_type(item, BatchItem)


async def async_calls() -> None:
    async with AsyncFillMaskClient("bert-base-uncased") as client:
        assert_type(client, AsyncFillMaskClient)
        assert_type(await client.fill_mask("a [MASK]"), FillMaskResult)
        assert_type(await client.model_info("bert-base-cased"), ModelInfo)
        assert_type(await client.models(), list[ModelInfo])
        await client.fill_mask("a [MASK]", targets=(word for word in ("city", "town")), deadline=60)
    await client.aclose()


async def async_batch(client: AsyncFillMaskClient, texts: list[str]) -> None:
    async def slowly() -> AsyncIterator[str]:
        for text in texts:
            yield text

    assert_type(await client.fill_mask_batch(texts), list[FillMaskResult])
    assert_type(await client.fill_mask_batch(slowly(), return_errors=True), list[FillMaskResult | FillMaskError])
    async with client.fill_mask_stream(slowly(), max_concurrency=8, inputs_per_request=16, top_k=1) as stream:
        async for item in stream:
            assert_type(item, BatchItem)


def handed_on(client: AsyncFillMaskClient, texts: list[str], **options: Unpack[CallOptions]) -> BatchStream:
    return client.fill_mask_stream(texts, ordered=True, **options)


def handed_on_by(client: FillMaskClient, texts: list[str], **options: Unpack[CallOptions]) -> SyncBatchStream:
    return client.fill_mask_stream(texts, ordered=True, **options)


async def by_the_way(client: AsyncFillMaskClient, blocking: FillMaskClient) -> None:
    handed_on(client, ["a [MASK]"], topk=1)  # type: ignore[call-arg]  # misspelt
    async with handed_on(client, ["a [MASK]"], top_k=1) as stream:
        assert_type(await stream.next_items(), list[BatchItem])
    assert_type(next(handed_on_by(blocking, ["a [MASK]"], deadline=5)), BatchItem)


def errors(client: FillMaskClient) -> None:
    try:
        client.fill_mask("a [MASK]")
    except MaskNotFoundError as error:
        assert_type(error.mask_token, str | None)
        assert_type(error.status_code, int | None)
    except RateLimitError as error:
        assert_type(error.retry_after, float | None)
    except ModelLoadingError as error:
        assert_type(error.estimated_time, float | None)
        assert_type(error.waited, float)
    except APIError as error:
        assert_type(error.status_code, int | None)
        assert_type(error.message, str)
        assert_type(error.body, bytes)
        assert_type(error.headers, dict[str, str])
        assert_type(error.warnings, tuple[str, ...])
        assert_type(error.request_id, str | None)
    except DecodeError as error:
        assert_type(error.body, bytes)
        assert_type(error.request_id, str | None)
    except (DeadlineExceededError, TransportError) as error:
        assert_type(error.__traceback__, TracebackType | None)
        assert_type(error.attempts, int)
    except FillMaskError as error:
        assert_type(error.model, str | None)
        assert_type(error.hint, str)
        assert_type(error.summary, str)


def errors_are_builtin_ones_too(result: FillMaskResult, late: RequestTimeoutError, many: MultipleMasksError) -> None:
    as_timeout: TimeoutError = late
    as_value_error: ValueError = many
    del as_timeout, as_value_error, result


async def kit(fill_mask_emulator: FillMaskEmulator) -> None:
    assert_type(fill_mask_emulator.async_client("org/model", max_retries=0), AsyncFillMaskClient)
    assert_type(fill_mask_emulator.client(), FillMaskClient)
    assert_type(fill_mask_emulator.transport, httpx.AsyncBaseTransport)
    assert_type(fill_mask_emulator.url, str)
    assert_type(fill_mask_emulator.requests, tuple[Received, ...])
    fill_mask_emulator.answer("[MASK] is in [MASK].", "Paris", ["France"])
    fill_mask_emulator.answer("[MASK] is in [MASK].", {"Paris": 0.7}, ("France", "Italy"), model="org/model")
    fill_mask_emulator.fail(418, {"error": ["tea"]}, times=None, headers={"x-mine": "1"})

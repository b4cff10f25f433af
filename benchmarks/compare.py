"""This client beside its neighbours, against a local server: one table in Markdown.

    python -m pip install -e '.[bench]'
    python benchmarks/compare.py            # all rows, some minutes
    python benchmarks/compare.py single     # one of: single, fanout, lists, sync, pace

Each figure is the median of five runs, taken in turns, so that a machine whose speed drifts treats all alike. Trust the
ratios, not the times.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from hf_fillmask import AsyncFillMaskClient, FillMaskClient, FillMaskResult

RUNS = 5
TEXT = "Paris is the capital of [MASK]."
MODEL = "google-bert/bert-base-uncased"
DELAY = 0.05

Run = Callable[[], Awaitable[float]]


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    """Run the server as a process of its own; yield its base URL."""
    command = [sys.executable, str(Path(__file__).with_name("server.py")), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.communicate("")


@asynccontextmanager
async def client(url: str, **options: Any) -> AsyncIterator[AsyncFillMaskClient]:
    """Open a client whose model is known to be warm."""
    async with AsyncFillMaskClient(MODEL, base_url=url, token=False, **options) as opened:
        await opened.fill_mask(TEXT)
        yield opened


async def in_turns(runs: dict[str, Run]) -> dict[str, float]:
    """Take the median of each, one run of each at a time, after one that is not counted."""
    figures: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(RUNS + 1):
        for name, run in runs.items():
            figure = await run()
            if number:
                figures[name].append(figure)
    return {name: median(values) for name, values in figures.items()}


async def timed(calls: int, work: Awaitable[Any]) -> float:
    """Return the seconds a call."""
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) / calls


def row(what: str, figure: str, ratio: float, target: str) -> None:
    """Print a row of the table."""
    print(f"| {what} | {figure} | {ratio:.2f} | {target} |", flush=True)


async def gathered(one: Callable[[], Awaitable[Any]], calls: int, at_a_time: int) -> None:
    """Make many calls as people do it by hand: gather behind a semaphore."""
    gate = asyncio.Semaphore(at_a_time)

    async def gated() -> None:
        async with gate:
            await one()

    await asyncio.gather(*(gated() for _ in range(calls)))


async def single() -> None:
    """One warm call after another: what this client adds to bare httpx."""
    with served() as url:
        async with httpx.AsyncClient() as bare, client(url) as ours:

            async def by_httpx() -> None:
                for _ in range(400):
                    answer = await bare.post(f"{url}/models/{MODEL}", json={"inputs": TEXT})
                    answer.json()

            async def by_us() -> None:
                for _ in range(400):
                    await ours.fill_mask(TEXT)

            found = await in_turns({"httpx": lambda: timed(400, by_httpx()), "ours": lambda: timed(400, by_us())})
    row("one warm call / bare httpx", f"{found['ours'] * 1e6:.0f} µs", found["ours"] / found["httpx"], "≤ 1.10")


async def fanout() -> None:
    """64 and 256 in flight on a server that takes 50 ms: the part of the possible rate."""
    import huggingface_hub

    calls = 1280
    with served("--delay", str(DELAY)) as url:
        target = f"{url}/models/{MODEL}"
        hub = huggingface_hub.AsyncInferenceClient(token="hf_none")
        unlimited = httpx.Limits(max_connections=64)
        async with (
            hub,
            httpx.AsyncClient(timeout=None, limits=unlimited) as bare,
            client(url, max_connections=64) as ours,
            client(url, max_connections=64, transport="aiohttp") as by_aiohttp,
            client(url, max_connections=256) as many,
        ):
            texts = [TEXT] * calls

            async def batch(of: AsyncFillMaskClient, at_a_time: int) -> None:
                await of.fill_mask_batch(texts, max_concurrency=at_a_time)

            found = await in_turns(
                {
                    "ours": lambda: timed(calls, batch(ours, 64)),
                    "ours, aiohttp": lambda: timed(calls, batch(by_aiohttp, 64)),
                    "huggingface_hub": lambda: timed(
                        calls, gathered(lambda: hub.fill_mask(TEXT, model=target), calls, 64)
                    ),
                    "bare httpx, one pool": lambda: timed(
                        calls, gathered(lambda: bare.post(target, json={"inputs": TEXT}), calls, 64)
                    ),
                    "ours, 256 in flight": lambda: timed(calls, batch(many, 256)),
                }
            )
    targets = {"ours": "≥ 0.85", "ours, aiohttp": "≥ 0.92", "ours, 256 in flight": "(of 64's limit)"}
    for name, seconds in found.items():
        possible = 64 / DELAY
        row(f"64 x 50 ms: {name}", f"{1 / seconds:.0f}/s", 1 / seconds / possible, targets.get(name, ""))


async def lists() -> None:
    """100,000 texts in lists of 32: the rate, and what the memory grew by."""
    count = 100_000
    with served() as url:
        async with client(url) as ours:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            began = time.perf_counter()
            done = 0
            async with ours.fill_mask_stream((TEXT for _ in range(count)), inputs_per_request=32) as items:
                async for item in items:
                    done += item.result is not None
            rate = done / (time.perf_counter() - began)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    row("100,000 texts in lists of 32", f"{rate:.0f} texts/s, +{grown:.0f} MiB", rate / 8000, "≥ 1 (8,000/s), ≤ 30 MiB")


async def sync() -> None:
    """A batch from the sync client, beside the async one; and a single sync call."""
    calls = 640
    with served("--delay", str(DELAY)) as url, FillMaskClient(MODEL, base_url=url, token=False) as blocking:
        blocking.fill_mask(TEXT)

        def by_sync() -> float:
            began = time.perf_counter()
            blocking.fill_mask_batch([TEXT] * calls, max_concurrency=32)
            return (time.perf_counter() - began) / calls

        async with client(url) as ours:
            found = await in_turns(
                {
                    "async": lambda: timed(calls, ours.fill_mask_batch([TEXT] * calls, max_concurrency=32)),
                    "sync": lambda: asyncio.to_thread(by_sync),
                }
            )
    row("a sync batch / the async rate", f"{1 / found['sync']:.0f}/s", found["async"] / found["sync"], "≥ 0.95")
    with served() as url, FillMaskClient(MODEL, base_url=url, token=False) as blocking:
        async with client(url) as ours:

            def call_by_call() -> float:
                began = time.perf_counter()
                for _ in range(200):
                    blocking.fill_mask(TEXT)
                return (time.perf_counter() - began) / 200

            async def awaited() -> None:
                for _ in range(200):
                    await ours.fill_mask(TEXT)

            found = await in_turns(
                {"async": lambda: timed(200, awaited()), "sync": lambda: asyncio.to_thread(call_by_call)}
            )
    row("a sync call / an async one", f"{found['sync'] * 1e6:.0f} µs", found["sync"] / found["async"], "≤ 2")


async def pace() -> None:
    """A server that works on 32 at 50 ms and refuses above 96: the adaptive pace beside fixed ones."""
    count = 10_000
    with served("--delay", str(DELAY), "--hold", "32", "--refuse", "96") as url:
        async with client(url, max_connections=256) as ours, httpx.AsyncClient() as other:
            for concurrency in (32, "adaptive", 256):
                await other.post(f"{url}/stats", json={})
                began = time.perf_counter()
                texts = (TEXT for _ in range(count))
                results = await ours.fill_mask_batch(texts, max_concurrency=concurrency, return_errors=True)
                seconds = time.perf_counter() - began
                refused = (await other.post(f"{url}/stats", json={})).json()["refused"]
                good = sum(isinstance(result, FillMaskResult) for result in results)
                what = f"holds 32, refuses above 96: {concurrency}"
                row(what, f"{good / seconds:.0f}/s, {refused} refused", good / seconds / (32 / DELAY), "")


def main() -> None:
    """Run the rows that were asked for."""
    parts = {"single": single, "fanout": fanout, "lists": lists, "sync": sync, "pace": pace}
    print("| what | figure | ratio | target |\n|---|---|---|---|")
    for name in sys.argv[1:] or parts:
        asyncio.run(parts[name]())


if __name__ == "__main__":
    main()

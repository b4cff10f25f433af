"""This client beside its neighbours, against a local server: one table in Markdown.

    python -m pip install -e '.[bench]'
    python benchmarks/compare.py            # all rows, some minutes
    python benchmarks/compare.py single     # one of: single, fanout, lists, sync, pace
    python benchmarks/compare.py fanout --delay 0.13

Each figure is the median of five runs, taken in turns, so that a machine whose speed drifts treats all alike. Trust the
ratios, not the times.

The targets of the part `fanout` come from a machine on which huggingface_hub reaches 0.87 of the possible rate at 50 ms
a request. Where it does not, `--delay` gives the machine more time: with the delay at which huggingface_hub reaches
0.87 again, the parts that the others reach are those of the targets' machine.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import httpx

from hf_fillmask import AsyncFillMaskClient, FillMaskClient, FillMaskResult

RUNS = 5
TEXT = "Paris is the capital of [MASK]."
MODEL = "google-bert/bert-base-uncased"
DELAY = 0.05
ROUNDS = 25  # requests that each of those in flight makes, one after the other


class Cost(NamedTuple):
    """What a call costs: seconds by the clock, and seconds of this process's CPU."""

    seconds: float
    cpu: float


Run = Callable[[], Awaitable[Cost]]


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


async def in_turns(runs: dict[str, Run]) -> dict[str, Cost]:
    """Take the median of each, one run of each at a time, after one that is not counted."""
    figures: dict[str, list[Cost]] = {name: [] for name in runs}
    for number in range(RUNS + 1):
        for name, run in runs.items():
            cost = await run()
            if number:
                figures[name].append(cost)
    return {name: Cost(*map(median, zip(*costs, strict=True))) for name, costs in figures.items()}


async def timed(calls: int, work: Awaitable[Any]) -> Cost:
    """Return what each of `calls` calls cost."""
    began, cpu_began = time.perf_counter(), time.process_time()
    await work
    return Cost((time.perf_counter() - began) / calls, (time.process_time() - cpu_began) / calls)


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
    ours, theirs = found["ours"].seconds, found["httpx"].seconds
    row("one warm call / bare httpx", f"{ours * 1e6:.0f} µs", ours / theirs, "≤ 1.10")


async def fanout(delay: float) -> None:
    """64 and 256 in flight on a server that takes `delay` seconds: which part of the rate, and the CPU."""
    import huggingface_hub

    with served("--delay", str(delay)) as url:
        target = f"{url}/models/{MODEL}"
        limits = httpx.Limits(max_connections=64)
        async with (
            huggingface_hub.AsyncInferenceClient(token="hf_none") as hub,
            httpx.AsyncClient(timeout=None, limits=limits) as bare,
            client(url, max_connections=64) as ours,
            client(url, max_connections=64, transport="aiohttp") as by_aiohttp,
            client(url, max_connections=256) as many,
        ):

            def batch(of: AsyncFillMaskClient, at_a_time: int) -> Awaitable[Cost]:
                calls = ROUNDS * at_a_time
                return timed(calls, of.fill_mask_batch([TEXT] * calls, max_concurrency=at_a_time))

            def by_hand(one: Callable[[], Awaitable[Any]], rounds: int = ROUNDS) -> Awaitable[Cost]:
                return timed(64 * rounds, gathered(one, 64 * rounds, 64))

            found = await in_turns(
                {
                    "ours": lambda: batch(ours, 64),
                    "ours, aiohttp": lambda: batch(by_aiohttp, 64),
                    "huggingface_hub": lambda: by_hand(lambda: hub.fill_mask(TEXT, model=target)),
                    "bare httpx, one pool": lambda: by_hand(
                        lambda: bare.post(target, json={"inputs": TEXT}), ROUNDS // 5
                    ),
                    "ours / at 64": lambda: batch(many, 256),
                }
            )
    targets = {"ours": "≥ 0.85", "ours, aiohttp": "≥ 0.92", "ours / at 64": "≥ 1"}
    at_64 = found["ours"].seconds
    for name, cost in found.items():
        together, ratio = (256, at_64 / cost.seconds) if "/" in name else (64, delay / 64 / cost.seconds)
        what = f"{together} x {delay * 1000:.0f} ms: {name}"
        row(what, f"{1 / cost.seconds:.0f}/s, {cost.cpu * 1e6:.0f} µs of CPU", ratio, targets.get(name, ""))


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

        def by_sync() -> None:
            blocking.fill_mask_batch([TEXT] * calls, max_concurrency=32)

        async with client(url) as ours:
            found = await in_turns(
                {
                    "async": lambda: timed(calls, ours.fill_mask_batch([TEXT] * calls, max_concurrency=32)),
                    "sync": lambda: timed(calls, asyncio.to_thread(by_sync)),
                }
            )
    of_sync, of_async = found["sync"].seconds, found["async"].seconds
    row("a sync batch / the async rate", f"{1 / of_sync:.0f}/s", of_async / of_sync, "≥ 0.95")
    with served() as url, FillMaskClient(MODEL, base_url=url, token=False) as blocking:
        async with client(url) as ours:

            def call_by_call() -> None:
                for _ in range(200):
                    blocking.fill_mask(TEXT)

            async def awaited() -> None:
                for _ in range(200):
                    await ours.fill_mask(TEXT)

            found = await in_turns(
                {
                    "async": lambda: timed(200, awaited()),
                    "sync": lambda: timed(200, asyncio.to_thread(call_by_call)),
                }
            )
    of_sync, of_async = found["sync"].seconds, found["async"].seconds
    row("a sync call / an async one", f"{of_sync * 1e6:.0f} µs", of_sync / of_async, "≤ 2")


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
    parts: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
        "single": single,
        "fanout": lambda: fanout(arguments.delay),
        "lists": lists,
        "sync": sync,
        "pace": pace,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", help=f"some of: {', '.join(parts)}; all of them if none is named")
    parser.add_argument("--delay", type=float, default=DELAY, help="seconds that a request of `fanout` takes")
    arguments = parser.parse_args()
    chosen = arguments.part or list(parts)
    if unknown := set(chosen) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if not arguments.delay > 0:
        parser.error("--delay must be more than 0 seconds")
    print("| what | figure | ratio | target |\n|---|---|---|---|")
    for name in chosen:
        asyncio.run(parts[name]())


if __name__ == "__main__":
    main()

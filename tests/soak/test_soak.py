"""Minutes of calls and batches through faults, cold starts and cancellations: nothing lost, doubled or growing.

Not in the default run: ``nox -s soak``. HF_FILLMASK_SOAK_SECONDS is the time on each event loop, ten minutes if it is
not set, and HF_FILLMASK_SOAK_SEED where the chance begins.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hf_fillmask import AsyncFillMaskClient, FillMaskError, FillMaskResult
from hf_fillmask.emulator import create_app, serving

pytestmark = [pytest.mark.anyio, pytest.mark.soak]

SECONDS = float(os.environ.get("HF_FILLMASK_SOAK_SECONDS", "600"))
SEED = int(os.environ.get("HF_FILLMASK_SOAK_SEED", "1"))
CALLERS = 32
MODELS = ("google-bert/bert-base-uncased", "FacebookAI/xlm-roberta-base", "org/bert-of-ours", "org/roberta-of-ours")
SYSTEM = Path("/proc/self")
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0


class Faults:
    """An ASGI application that spoils some of the answers of another, and lets its models go cold."""

    def __init__(self, app: ASGIApp, seed: int) -> None:
        self.app = app
        self.chance = random.Random(seed)
        self.cold_until: dict[str, float] = {}
        self.done: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or do not."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        waits = (b"x-wait-for-model", b"true") in scope["headers"]
        fault = await self.fault(scope["path"], waits=waits)
        self.done[fault] += 1
        if fault == "cut":
            await self.app(scope, receive, _halved(send))
        elif fault == "held":
            await anyio.sleep(self.chance.random())
            await self.app(scope, receive, send)
        elif fault == "right":
            await self.app(scope, receive, send)
        else:
            await _reply(send, *ANSWERS[fault])

    async def fault(self, model: str, *, waits: bool) -> str:
        """Choose what happens to a request."""
        now = anyio.current_time()
        if self.chance.random() < 0.001:
            self.cold_until[model] = now + self.chance.random()
        left = self.cold_until.get(model, now) - now
        if left > 0 and not waits:
            return "cold"
        if left > 0:
            await anyio.sleep(left)
        fate = self.chance.random()
        for name, share in SHARES.items():
            fate -= share
            if fate < 0:
                return name
        return "right"


SHARES = {"429": 0.005, "502": 0.01, "500": 0.01, "HTML": 0.01, "lasting 503": 0.002, "cut": 0.01, "held": 0.01}
ANSWERS: dict[str, tuple[int, bytes, dict[bytes, bytes]]] = {
    "cold": (503, b'{"error": "loading", "estimated_time": 1.0}', {}),
    "lasting 503": (503, b"<html>busy</html>", {}),
    "429": (429, b'{"error": "Rate limit reached."}', {b"retry-after-ms": b"50"}),
    "500": (500, b'{"error": "unknown error"}', {}),
    "502": (502, b"", {b"retry-after-ms": b"20"}),
    "HTML": (200, b"<html><title>hello</title></html>", {}),
}


async def _reply(send: Send, status: int, body: bytes, headers: dict[bytes, bytes]) -> None:
    fields = [(b"content-length", str(len(body)).encode()), *headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def _halved(send: Send) -> Send:
    """Send half of the first body and say that it is all: the server then closes the connection."""

    async def halve(message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            message = {"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True}
        await send(message)

    return halve


@dataclass
class Ledger:
    """Every call that went in, and every outcome that came out of it."""

    begun: int = 0
    ended: Counter[int] = field(default_factory=Counter[int])
    outcomes: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    def begin(self, count: int) -> list[int]:
        """Number some calls."""
        numbers = list(range(self.begun, self.begun + count))
        self.begun += count
        return numbers

    def end(self, number: int, outcome: FillMaskResult | FillMaskError | str) -> None:
        """Take an outcome; a result must be that of its own text."""
        self.ended[number] += 1
        self.outcomes[outcome if isinstance(outcome, str) else type(outcome).__name__] += 1
        if isinstance(outcome, FillMaskResult) and text_of(number) != outcome.inputs.replace("<mask>", "[MASK]"):
            self.wrong.append(f"{number}: {outcome.inputs}")


def text_of(number: int) -> str:
    """Write a text that only one call has."""
    return f"Paris is the capital of [MASK], said number {number}."


@dataclass(frozen=True)
class Sample:
    """What this process holds: megabytes, tasks, open files."""

    memory: float
    tasks: int
    files: int


def sample() -> Sample:
    """Take a sample, garbage collected."""
    gc.collect()
    memory = int((SYSTEM / "statm").read_text().split()[1]) * PAGE / 2**20 if SYSTEM.exists() else 0.0
    files = len(os.listdir(SYSTEM / "fd")) if SYSTEM.exists() else 0
    return Sample(memory, _tasks(), files)


def _tasks() -> int:
    if trio.lowlevel.in_trio_run():
        return trio.lowlevel.current_statistics().tasks_living
    return len(asyncio.all_tasks())


class Soak:
    """Callers that call until the time is over."""

    def __init__(self, client: AsyncFillMaskClient, seed: int) -> None:
        self.client = client
        self.chance = random.Random(seed)
        self.ledger = Ledger()

    async def run(self, seconds: float) -> None:
        """Call for `seconds`, and until the last call has ended."""
        ends = anyio.current_time() + seconds
        async with anyio.create_task_group() as group:
            for _ in range(CALLERS):
                group.start_soon(self._caller, ends)

    async def _caller(self, ends: float) -> None:
        while anyio.current_time() < ends:
            if self.chance.random() < 0.03:
                await self._batch()
            else:
                await self._call()

    async def _call(self) -> None:
        (number,) = self.ledger.begin(1)
        patience = self.chance.random() * 0.2 if self.chance.random() < 0.2 else 60.0
        outcome: FillMaskResult | FillMaskError | str = "cancelled"
        with anyio.move_on_after(patience):
            try:
                outcome = await self.client.fill_mask(text_of(number), **self._options())
            except FillMaskError as error:
                outcome = error
        self.ledger.end(number, outcome)

    async def _batch(self) -> None:
        numbers = self.ledger.begin(self.chance.randrange(1, 50))
        patience = self.chance.random() if self.chance.random() < 0.2 else 60.0
        outcomes: list[Any] = ["cancelled"] * len(numbers)
        with anyio.move_on_after(patience):
            outcomes = await self.client.fill_mask_batch(
                [text_of(number) for number in numbers], return_errors=True, **self._options()
            )
        for number, outcome in zip(numbers, outcomes, strict=True):
            self.ledger.end(number, outcome)

    def _options(self) -> dict[str, Any]:
        return {
            "model": self.chance.choice(MODELS),
            "top_k": self.chance.choice([None, 1, 3]),
            "use_cache": False,
            "deadline": self.chance.choice([None, None, None, self.chance.random()]),
        }


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    """Make an emulator that has little to learn and answers fast; it runs in a loop of its own."""
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("Paris is the capital of France.\nRome is the capital of Italy.\nThe cat sat on the mat.\n")
    return Faults(create_app(load_seconds=0.2, corpus=corpus), SEED)


async def test_soak(faults: Faults, anyio_backend_name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each call that went in came out once and right, and memory, tasks and files are as many as in the beginning."""
    with serving(faults) as url:
        before = sample()
        client = AsyncFillMaskClient(
            base_url=url, token=False, timeout=2.0, cold_start_timeout=5.0, max_connections=16, max_retries=2
        )
        async with client:
            soak = Soak(client, SEED)
            await soak.run(SECONDS / 5)
            settled = sample()
            await soak.run(SECONDS * 4 / 5)
            after = sample()
    closed = sample()
    figures = [
        f"soak on {anyio_backend_name}, {SECONDS:g} s, seed {SEED}: {soak.ledger.begun} calls",
        f"outcomes: {dict(soak.ledger.outcomes.most_common())}",
        f"requests: {dict(faults.done.most_common())}",
        *(f"before {before}", f"settled {settled}", f"after {after}", f"closed {closed}"),
    ]
    with capsys.disabled():
        sys.stdout.write("\n  ".join(["", *figures, ""]))
    assert set(soak.ledger.ended) == set(range(soak.ledger.begun))
    assert set(soak.ledger.ended.values()) == {1}
    assert soak.ledger.wrong == []
    assert soak.ledger.outcomes["FillMaskResult"] > soak.ledger.begun / 2
    assert after.tasks <= settled.tasks
    assert after.files <= settled.files + 16
    assert after.memory <= settled.memory * 1.1 + 10
    assert (closed.tasks, closed.files <= before.files) == (before.tasks, True)

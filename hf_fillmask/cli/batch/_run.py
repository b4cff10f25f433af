"""A run of `hf-fillmask batch`, from the files that it opens to its summary.

Rule: whatever ends a run (its last row, a signal, a hopeless error, a full disk), what is done is written first.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import anyio
from anyio import from_thread, to_thread
from rich.console import Console

from ..._client import AsyncFillMaskClient
from ..._errors import FillMaskError
from ..._rate import Rate
from .._errors import Failure, in_options, tell, wrong_use
from .._server import Server, connected
from .._terminal import console, is_terminal
from ._answers import Answers
from ._bitmap import Bitmap
from ._counts import Counts
from ._desk import Desk
from ._feed import Feed
from ._input import Failed, Input, open_input
from ._job import Job
from ._manifest import manifest
from ._output import OutputFile, is_file, open_output
from ._progress import Progress
from ._signals import stopping
from ._sink import Sink, Writers, writing
from ._speed import summary
from ._stop import StopRule
from ._streams import StreamOutput
from ._tidy import tidy

__all__ = ["Run", "fill_file"]

T = TypeVar("T")


async def fill_file(job: Job, server: Server) -> int:
    """Do a job and return the exit code: 1 if rows failed, 128 and its number after a signal."""
    counts, err, began = Counts(), console(sys.stderr), time.monotonic()
    ended = False
    try:
        async with _as_itself(), stopping() as stop:
            with Progress(err, counts, live=job.output != "-" or not is_terminal(sys.stdout)) as progress:
                async with connected(server, job.model, on_cold_start=progress.on_cold_start, **job.settings) as client:
                    base_url = "emulator" if server.is_emulator else client.configuration()["base_url"]
                    await Run(job, client, base_url, counts, progress).go()
        ended = stop.signal is None
    finally:
        if ended or counts.lines:
            _say(err, summary(counts, time.monotonic() - began))
    if stop.signal is not None:
        with suppress(OSError):
            tell(err, f"stopped by {stop.name}", job.hint)
        return 128 + stop.signal
    return 1 if counts.failed else 0


def _say(err: Console, text: str) -> None:
    with suppress(OSError):  # the exit code still tells
        err.print(text, soft_wrap=True)


@asynccontextmanager
async def _as_itself() -> AsyncGenerator[None]:
    """Take an error out of the groups of the tasks that it came through: a command ends in one."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


class Run:
    """One run: `go` opens the files, fills the rows and tidies up."""

    def __init__(
        self, job: Job, client: AsyncFillMaskClient, base_url: str, counts: Counts, progress: Progress
    ) -> None:
        self._job = job
        self._client = client
        self._base_url = base_url
        self._counts = counts
        self._progress = progress

    async def go(self) -> None:
        """Do all of it; a `Failure` says what ended it early."""
        job = self._job
        with ExitStack() as stack:
            source = await _in_thread(open_input, job.input, job.format, job.column, from_thread.check_cancelled)
            stack.callback(source.close)
            output = await _in_thread(self._open, source)
            stack.callback(output.close)
            failed = await _in_thread(self._open_failed, source)
            if failed is not None:
                stack.callback(failed.close)
            async with writing(self._writers(output, failed)) as sink:
                await self._fill(source, output, sink)
            await _in_thread(self._finish, output, failed)

    def _open(self, source: Input) -> OutputFile | StreamOutput:
        job = self._job
        if not is_file(job.output):
            with self._told(job.output):
                return StreamOutput(job.output)
        made_of = manifest(
            model=job.model,
            base_url=self._base_url,
            top_k=job.call.get("top_k"),
            targets=job.call.get("targets") or (),
            format=source.format,
            column=job.column,
            identity=source.identity,
        )
        return open_output(job.output, job.mode, made_of, from_thread.check_cancelled)

    def _open_failed(self, source: Input) -> Failed | None:
        if self._job.errors is None:
            return None
        with self._told(self._job.errors):
            return source.failed(self._job.errors)

    def _writers(self, output: OutputFile | StreamOutput, failed: Failed | None) -> Writers:
        def write(data: bytes) -> None:
            output.write(data)
            self._counts.written += data.count(b"\n")

        told = partial(self._telling, self._job.output)
        write_failed = None if failed is None else self._telling(str(self._job.errors), failed.write)
        return Writers(told(write), told(output.sync), write_failed)

    async def _fill(self, source: Input, output: OutputFile | StreamOutput, sink: Sink) -> None:
        job, counts = self._job, self._counts
        done = output.found.done if isinstance(output, OutputFile) else Bitmap()
        desk = Desk(sink, counts, ordered=job.ordered)
        rate = None if job.max_rps is None else Rate(job.max_rps)
        answers = Answers() if job.asks_equal_texts_once else None
        feed = Feed(source.chunks(done), desk, counts, rate, answers, texts_a_turn=job.texts_a_request)
        async with anyio.create_task_group() as group:
            group.start_soon(self._progress.report)
            group.start_soon(self._count, source)
            try:
                await self._ask(feed)
            finally:
                if isinstance(output, OutputFile):
                    desk.let_go()
            group.cancel_scope.cancel()

    async def _ask(self, feed: Feed) -> None:
        rule = StopRule(keep_going=self._job.keep_going)
        with wrong_use():  # what cannot be sent at all, through a proxy of the environment, is found out on the way
            async with self._client.fill_mask_stream(feed, ordered=self._job.ordered, **self._job.call) as items:
                async for item in items:
                    reason = rule.reason(feed.answer(item).failure)
                    if reason is not None:
                        raise self._stopped(reason)

    def _stopped(self, failure: FillMaskError) -> Failure:
        others = "--keep-going asks the others all the same"
        return Failure(f"stopped: {failure.summary}", f"{in_options(failure.hint)} Then: {self._job.hint}; {others}")

    async def _count(self, source: Input) -> None:
        self._counts.all_lines = await _in_thread(source.count, from_thread.check_cancelled)

    def _finish(self, output: OutputFile | StreamOutput, failed: Failed | None) -> None:
        if isinstance(output, OutputFile):
            with self._told(self._job.output):
                tidy(output, from_thread.check_cancelled, ordered=self._job.ordered)
        if failed is not None:
            with self._told(str(self._job.errors)):
                failed.commit()

    def _telling(self, path: str, function: Callable[..., T]) -> Callable[..., T]:
        def telling(*args: Any) -> T:
            with self._told(path):
                return function(*args)

        return telling

    @contextmanager
    def _told(self, path: str) -> Generator[None]:
        """Turn what the system refuses into a failure that says what to do."""
        try:
            yield
        except BrokenPipeError as error:
            raise Failure("nobody reads the output any more") from error
        except OSError as error:
            name = "standard output" if path == "-" else path
            raise Failure(f"cannot write {name}: {error.strerror}", self._job.hint) from error


async def _in_thread(function: Callable[..., T], *args: Any) -> T:
    return await to_thread.run_sync(partial(function, *args))

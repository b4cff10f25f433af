"""A thread that does one job at a time, and a way to wait for a job from any event loop.

A job cannot be interrupted. At the end of the program the one in hand is waited for, because an interpreter that ends
under a library's C++ aborts; who cannot wait for that ends the process itself.
"""

import atexit
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread, get_ident
from typing import Any, TypeVar, cast

import anyio
import anyio.lowlevel

__all__ = ["Worker", "settled"]

T = TypeVar("T")


class Worker:
    """One thread, started by the first job; it ends when nobody holds the worker any more."""

    def __init__(self, name: str) -> None:
        self._thread = _Thread(name, daemon=True)
        weakref.finalize(self, self._thread.jobs.put, None)

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Queue `job`; cancelling its future before its turn leaves it undone."""
        future: Future[T] = Future()
        self._thread.jobs.put(partial(_do, job, future))
        if self._thread.ident is None:
            self._thread.start()
            atexit.register(self._thread.finish)
        return future

    def finish(self) -> None:
        """Wait until all that is queued is done; the worker takes no more jobs."""
        self._thread.finish()


class _Thread(Thread):
    """It does not know its worker, which could never be let go otherwise."""

    def __init__(self, name: str, *, daemon: bool) -> None:
        super().__init__(name=name, daemon=daemon)
        self.jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def run(self) -> None:
        while job := self.jobs.get():
            job()
            # Not kept until the next one comes: it may hold a whole model.
            del job

    def finish(self) -> None:
        self.jobs.put(None)
        self.join()


def _do(job: Callable[[], T], future: Future[T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = job()
    except BaseException as error:
        # Whatever it is, it belongs to whoever waits, and the thread to the next job.
        future.set_exception(error)
    else:
        future.set_result(result)


async def settled(future: Future[Any]) -> None:
    """Wait until `future` is done, whatever comes of it. When the wait is cancelled, the job goes on."""
    done, loop = anyio.Event(), anyio.lowlevel.current_token().native_token
    here, soon = get_ident(), _call_soon(loop)

    def tell(_: Future[Any]) -> None:
        if get_ident() == here:  # it was done already
            done.set()
        else:
            with suppress(RuntimeError):  # that event loop is over
                soon(done.set)

    future.add_done_callback(tell)
    await done.wait()


def _call_soon(loop: Any) -> Callable[[Callable[[], None]], object]:
    # Not `anyio.from_thread`, which waits for the loop: if that has just ended, for ever, and the program with it.
    asyncio_or_trio = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon
    return cast("Callable[[Callable[[], None]], object]", asyncio_or_trio)

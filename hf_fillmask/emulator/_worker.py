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
from typing import Any, TypeVar

import anyio
import anyio.from_thread
import anyio.lowlevel

__all__ = ["Worker", "settled"]

T = TypeVar("T")

_Jobs = SimpleQueue[Callable[[], None] | None]


class Worker:
    """One thread, started by the first job; it ends when nobody holds the worker any more."""

    def __init__(self, name: str) -> None:
        self._jobs: _Jobs = SimpleQueue()
        self._thread = Thread(target=_work, args=(self._jobs,), name=name, daemon=True)
        weakref.finalize(self, self._jobs.put, None)

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Queue `job`; cancelling its future before its turn leaves it undone."""
        future: Future[T] = Future()
        self._jobs.put(partial(_do, job, future))
        if self._thread.ident is None:
            self._thread.start()
            atexit.register(_finish, self._jobs, self._thread)
        return future


async def settled(future: Future[Any]) -> None:
    """Wait until `future` is done, whatever comes of it. When the wait is cancelled, the job goes on."""
    done, token, here = anyio.Event(), anyio.lowlevel.current_token(), get_ident()
    waits = True

    def tell(_: Future[Any]) -> None:
        if get_ident() == here:  # it was done already
            done.set()
        elif waits:
            with suppress(RuntimeError):  # that event loop is over
                anyio.from_thread.run_sync(done.set, token=token)

    future.add_done_callback(tell)
    try:
        await done.wait()
    finally:
        waits = False


def _work(jobs: _Jobs) -> None:
    while job := jobs.get():
        job()
        # Not kept until the next one comes: it may hold a whole model.
        del job


def _finish(jobs: _Jobs, thread: Thread) -> None:
    jobs.put(None)
    thread.join()


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

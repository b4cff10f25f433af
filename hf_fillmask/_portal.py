"""The portal: an event loop in a thread of its own, for callers who have none.

Rule: knows no client. What it hides: a plain blocking portal keeps the inner task running after Ctrl-C, holds up the
interpreter's exit when it was forgotten, and hangs for ever in a forked child.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from typing import TypeVar

import anyio
from anyio.from_thread import BlockingPortal

__all__ = ["Portal"]

T = TypeVar("T")

_PATIENCE = 5.0  # seconds that the end of the interpreter waits for the last calls to let go


class Portal:
    """Runs coroutines for threads: started at the first call, stopped by `close`, by garbage collection or at exit.

    `farewell` is the last that runs in it. A forked child has no thread of its parent's: it must make a portal of its
    own.
    """

    def __init__(self, farewell: Callable[[], Awaitable[None]]) -> None:
        self._farewell = farewell
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._portal: BlockingPortal | None = None
        self._finalizer: weakref.finalize[..., Portal] | None = None

    @property
    def inside(self) -> bool:
        """Whether the caller runs in the portal's own event loop."""
        return threading.current_thread() is self._thread

    def call(self, function: Callable[[], Awaitable[T]]) -> T:
        """Run `function` in the portal and wait; an interrupt cancels it, and waits until it has let go."""
        if self._finalizer is not None and not self._finalizer.alive:
            raise RuntimeError("this client is closed; make a new one")
        portal = self._started()
        done = threading.Event()
        future = portal.start_task_soon(partial(_run, function, done))
        try:
            return future.result()
        except BaseException:
            if not done.is_set():
                future.cancel()
                done.wait()
            raise

    def enter(self, manager: AbstractAsyncContextManager[object]) -> AbstractContextManager[object]:
        """Enter an async context manager in a task of its own, which waits for the exit."""
        context = self._started().wrap_async_context_manager(manager)
        context.__enter__()
        return context

    def close(self) -> None:
        """Stop the event loop, if it ever started."""
        if self._finalizer is not None:
            self._finalizer()

    def _started(self) -> BlockingPortal:
        with self._lock:
            if self._portal is None:
                ready: Future[BlockingPortal] = Future()
                self._thread = threading.Thread(target=_serve, args=(ready,), name="hf_fillmask portal", daemon=True)
                self._thread.start()
                self._portal = ready.result()
                self._finalizer = weakref.finalize(self, _stop, self._portal, self._thread, self._farewell)
            return self._portal


async def _run(function: Callable[[], Awaitable[T]], done: threading.Event) -> T:
    try:
        return await function()
    finally:
        done.set()


def _serve(ready: Future[BlockingPortal]) -> None:
    async def main() -> None:
        async with BlockingPortal() as portal:
            ready.set_result(portal)
            await portal.sleep_until_stopped()

    try:
        anyio.run(main)
    except BaseException as error:  # no event loop could be made: whoever waits for it is told
        ready.set_exception(error)


def _stop(portal: BlockingPortal, thread: threading.Thread, farewell: Callable[[], Awaitable[None]]) -> None:
    """Stop the portal from whatever thread; in a forked child its thread is dead, and nothing is left to stop.

    Nor is there when the interpreter is past its exit functions: its daemon threads are frozen then, and a join hangs.
    """
    if not thread.is_alive() or sys.is_finalizing():
        return
    if thread is threading.current_thread():  # garbage collection runs anywhere, in the portal itself, too
        threading.Thread(target=_stop, args=(portal, thread, farewell), daemon=True).start()
        return
    portal.start_task_soon(_end, portal, farewell)
    thread.join(_PATIENCE)


async def _end(portal: BlockingPortal, farewell: Callable[[], Awaitable[None]]) -> None:
    try:
        await farewell()
    finally:
        await portal.stop(cancel_remaining=True)

"""The thread that does one job at a time, and waiting for it."""

import subprocess
import sys
import threading
from concurrent.futures import Future
from functools import partial

import anyio
import pytest

from hf_fillmask.emulator._worker import Worker, settled


@pytest.mark.anyio
async def test_jobs_are_done_in_their_order() -> None:
    """Each job has the thread for itself, and its future has what it returned."""
    worker = Worker("in order")
    done: list[int] = []
    futures = [worker.submit(partial(done.append, number)) for number in range(100)]
    await settled(futures[-1])
    await settled(futures[0])
    assert done == list(range(100))


@pytest.mark.anyio
@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
async def test_whatever_a_job_raises_is_its_own(error: type[BaseException]) -> None:
    """An error goes to whoever asks for the result, and the thread to the next job."""

    def fail() -> None:
        raise error

    worker = Worker("failing")
    failing, next_one = worker.submit(fail), worker.submit(lambda: 5)
    await settled(next_one)
    assert next_one.result() == 5
    assert isinstance(failing.exception(), error)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_event_loop_that_is_over_is_no_obstacle(backend: str) -> None:
    """Whoever waited in a loop that has ended is not told, and the thread goes on."""
    worker, gate = Worker("left alone"), threading.Event()

    async def leave() -> Future[bool]:
        job = worker.submit(lambda: gate.wait(10))
        with anyio.move_on_after(0):
            await settled(job)
        return job

    left = anyio.run(leave, backend=backend)
    gate.set()
    worker.finish()
    assert left.result() is True


def test_a_cancelled_job_is_not_done() -> None:
    """A job whose future is cancelled before its turn is left out."""
    worker, gate, done = Worker("cancelling"), threading.Event(), list[str]()
    worker.submit(lambda: gate.wait(10))
    cancelled = worker.submit(lambda: done.append("cancelled"))
    worker.submit(lambda: done.append("kept"))
    cancelled.cancel()
    gate.set()
    worker.finish()
    assert done == ["kept"]


LEAVING = """
import threading
from hf_fillmask.emulator._worker import Worker

begun = threading.Event()

def job():
    begun.set()
    threading.Event().wait(0.2)
    print("done")

worker = Worker("at the end")
worker.submit(job)
begun.wait()
"""


def test_the_end_of_the_program_waits_for_the_job_in_hand() -> None:
    """No job is cut in the middle: what a library does there would abort the interpreter."""
    run = subprocess.run([sys.executable, "-c", LEAVING], capture_output=True, text=True, check=False, timeout=30)
    assert (run.returncode, run.stdout, run.stderr) == (0, "done\n", "")

"""A legacy script: threads that take lines from a queue, with one client for all of them.

    python docs/examples/legacy_threads.py < docs/examples/lines.txt

Nothing here knows of async. `max_connections` bounds what all threads together have in flight,
and the first of them wakes the model for the others. Ctrl-C closes the client, which ends all
calls.
"""

import queue
import sys
import threading

from hf_fillmask import ColdStart, FillMaskClient, FillMaskError

THREADS = 8


def tell(news: ColdStart) -> None:
    """Show that the script waits for the model, and does not hang."""
    print(f"{news.model} is {news.phase}", file=sys.stderr)


class Worker(threading.Thread):
    """Fills the lines of a queue until it finds None, and counts."""

    def __init__(self, client: FillMaskClient, lines: queue.Queue[str | None]) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.lines = lines
        self.requests = 0
        self.failed = 0

    def run(self) -> None:
        """Fill one line after the other; one that fails does not stop the thread."""
        while (line := self.lines.get()) is not None:
            try:
                result = self.client.fill_mask(line, top_k=1, deadline=120)
            except FillMaskError as error:
                self.requests += error.attempts
                self.failed += 1
                print(f"{line!r}: {error}", file=sys.stderr)
            except RuntimeError:
                return  # the client was closed
            else:
                self.requests += result.attempts
                sys.stdout.write(
                    f"{result.filled()}\n"
                )  # one write, so that lines of threads do not mix


def main() -> int:
    """Fill the lines of standard input; return the exit code."""
    lines: queue.Queue[str | None] = queue.Queue()
    for line in filter(None, map(str.strip, sys.stdin)):
        lines.put(line)
    with FillMaskClient(
        "google-bert/bert-base-cased", max_connections=4, on_cold_start=tell
    ) as client:
        workers = [Worker(client, lines) for _ in range(THREADS)]
        for worker in workers:
            lines.put(None)
            worker.start()
        for worker in workers:
            worker.join()
    failed = sum(worker.failed for worker in workers)
    print(
        f"{failed} failed, {sum(worker.requests for worker in workers)} requests",
        file=sys.stderr,
    )
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

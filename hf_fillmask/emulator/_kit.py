"""The emulator for tests of applications: one object to connect to, to script, and to look at afterwards.

Rule: nothing here waits or listens before it is asked to; what a test does not use costs it nothing. Only the words are
learnt at once (a third of a second, once a process), so that no test's time limit depends on being the first.
"""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .._client import AsyncFillMaskClient
from .._sync import FillMaskClient
from ._fault_text import parsed
from ._faults import Break, Cold, Fault, Latency, Scripted, answer_of, seconds_of
from ._fixed import Words
from ._in_process import InProcessTransport, client_of
from ._knowledge import knowledge_of
from ._models import DEFAULT_MODEL, BuiltInModels
from ._received import Received
from ._service import Service
from ._serving import serving

if TYPE_CHECKING:
    import httpx
    import pytest

__all__ = ["FillMaskEmulator"]

_IN_PROCESS = "https://fill-mask-emulator.test"
"""An address for the transport only; https, since a client sends a token nowhere else."""


class FillMaskEmulator:
    """A server for a test: every model is warm and answers, until you say otherwise.

    Each method below that takes `times` and `model` scripts what happens to the next `times` requests (None: to all of
    them) for that `model` (None: for any). Faults come in the order in which they were scripted, those without an end
    when nothing else is due. Wrong arguments are a ValueError or TypeError at once.

    Args:
        corpus: a UTF-8 text file to learn from, one sentence a line, instead of the sentences in the package.
        token: requests must carry exactly this token. None: any ``hf_…``, or none.

    Use it as a context manager, or `close` it; the pytest fixture ``fill_mask_emulator`` is one, and does it for you.
    """

    def __init__(self, *, corpus: str | os.PathLike[str] | None = None, token: str | None = None) -> None:
        knowledge = knowledge_of(corpus)
        knowledge.learn()
        self._models = BuiltInModels(knowledge, load_seconds=None, warm=None)
        self._service = Service(self._models, token=token, remembers=True)
        self._app = self._service.app()
        self._closing = ExitStack()

    def async_client(self, model: str | None = DEFAULT_MODEL, **options: Any) -> AsyncFillMaskClient:
        """Return a client that asks this emulator within the process, on asyncio and trio.

        `options` are arguments of `AsyncFillMaskClient`. Nothing is left over when it is not closed.
        """
        return AsyncFillMaskClient(model, **(self._in_process() | options))

    def client(self, model: str | None = DEFAULT_MODEL, **options: Any) -> FillMaskClient:
        """Return a sync client that asks this emulator within the process; the emulator's end closes it."""
        client = FillMaskClient(model, **(self._in_process() | options))
        self._closing.callback(client.close)
        return client

    @cached_property
    def transport(self) -> "httpx.AsyncBaseTransport":
        """The way here for an HTTP client of your own: ``httpx.AsyncClient(transport=emulator.transport)``."""
        return InProcessTransport(self._app)

    @cached_property
    def url(self) -> str:
        """The base URL of this emulator on a socket, ``http://127.0.0.1:PORT``; it listens from the first look on."""
        return self._closing.enter_context(serving(self._app))

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that lead every client here, for another process; it listens from now on."""
        local = "127.0.0.1"
        exempt = ",".join(filter(None, (os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), local)))
        return {
            **dict.fromkeys(("HF_FILLMASK_BASE_URL", "HF_ENDPOINT"), self.url),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), exempt),
        }

    def patch(self, monkeypatch: "pytest.MonkeyPatch") -> None:
        """Lead every client here that is made from now on, without a word to the code that makes it."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)

    def answer(self, text: str, *masks: Words, model: str | None = None) -> None:
        """Fix the answer to `text`, however its masks are written: for each mask, its words, best first.

        Words are a text, a list of texts, or a mapping of texts to scores: ``answer("A [MASK].", ["cat", "dog"])``. The
        `top_k` and `targets` of a request still hold.
        """
        self._models.fix(text, masks, model)
        self._service.inference.clear()

    def cold(self, seconds: float | None = None, *, model: str | None = None) -> None:
        """Let the model be cold: it answers 503 until a request waits for it, which then gets its answer at once.

        With `seconds`, it loads for so long from the next request on, and a request that waits is held.
        """
        self._script(Cold(None if seconds is None else seconds_of("seconds", seconds)), None, model)

    def fail(
        self,
        status: int,
        body: Any = None,
        *,
        times: int | None = 1,
        headers: Mapping[str, str] | None = None,
        model: str | None = None,
    ) -> None:
        """Answer with a status from 200 to 599, and any body: bytes, a text, or what JSON can say.

        Without a body it is an error in the words of the real servers; that of a 503 says that the model loads.
        """
        self._script(answer_of(status, body, headers), times, model)

    def rate_limit(self, retry_after: float | None = None, *, times: int | None = 1, model: str | None = None) -> None:
        """Answer 429; `retry_after` is the advice in seconds, which real servers often do not give."""
        advice = {} if retry_after is None else {"retry-after": f"{seconds_of('retry_after', retry_after):g}"}
        self.fail(429, times=times, headers=advice, model=model)

    def cut(self, *, times: int | None = 1, model: str | None = None) -> None:
        """Close the connection after half of the answer's body."""
        self._script(Break.CUT, times, model)

    def stall(self, *, times: int | None = 1, model: str | None = None) -> None:
        """Never answer; the request is held until the client leaves."""
        self._script(Break.STALL, times, model)

    def reset(self, *, times: int | None = 1, model: str | None = None) -> None:
        """Reset the connection in place of an answer."""
        self._script(Break.RESET, times, model)

    def latency(self, seconds: float, *, times: int | None = None, model: str | None = None) -> None:
        """Let `seconds` pass before each answer, whatever it is."""
        self._script(Latency(seconds_of("seconds", seconds)), times, model)

    def fault(self, text: str) -> None:
        """Script a fault as the command line's ``--fault`` has it: "503x2", "429:retry-after=3", "cut"."""
        self._service.apply(parsed(text))

    @property
    def requests(self) -> tuple[Received, ...]:
        """The requests to fill masks so far, in the order they came; what the Hub was asked is not among them."""
        return self._service.script.requests

    def clear(self) -> None:
        """Forget the requests and all that was scripted; every model is warm again."""
        self._service.script.clear()
        self._service.inference.clear()
        self._models.reset()

    def close(self) -> None:
        """Stop listening, and close the sync clients; a second time does nothing."""
        self._closing.close()

    def __enter__(self) -> Self:
        """Return the emulator itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _in_process(self) -> dict[str, Any]:
        addresses = dict.fromkeys(("base_url", "hub_url"), _IN_PROCESS)
        return {**addresses, "token": False, "http_client": client_of(self.transport)}

    def _script(self, what: Fault | Latency | Cold, times: int | None, model: str | None) -> None:
        self._service.apply(Scripted(what, times, model))

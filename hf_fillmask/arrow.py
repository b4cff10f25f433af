"""Arrow tables in, Arrow tables out: one plain callable for every engine that can hand one over (extra ``arrow``).

Rule: knows no engine. It holds configuration only; connections are opened where it runs, and failures become rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from ._arrow_columns import NULL_TEXT, Row, checked_output, joined, output_schema, row_of, texts_of
from ._checks import count, text
from ._client import AsyncFillMaskClient
from ._clients import Clients, Opened
from ._errors import AuthenticationError, CreditsExhaustedError, PermissionDeniedError
from ._fanout import Concurrency, PerRequest
from ._portal import Portal
from ._rate import checked_rate

__all__ = ["FillMaskTable"]

T = TypeVar("T")

_HOPELESS = (AuthenticationError, CreditsExhaustedError, PermissionDeniedError)  # whatever the text


class FillMaskTable:
    """Fills a column of texts: ``filled = FillMaskTable("google-bert/bert-base-uncased")(table)``.

    Args:
        model: Hub id or the full URL of an endpoint, as for `AsyncFillMaskClient`.
        column: The column of texts: strings of any kind, dictionary-encoded ones, too.
        output: Name of the new column of predictions: for each text a list a mask of lists of structs, best first.
        top_k: Predictions a mask; None is the server's default.
        targets: The words to choose from; None is the whole vocabulary.
        max_concurrency: Requests in flight, or "adaptive"; never more than the client's `max_connections`.
        inputs_per_request: Texts a request, or "auto".
        requests_per_second: Cap on the requests that this process begins; with "auto" each text counts as one.
            Resends, and lists that the server wants in parts, come on top.
        options: The other options of `AsyncFillMaskClient`, but for `http_client`.

    A table or record batch comes back with the same rows in the same order, all its columns, and four more: `output`,
    ``error`` (str), ``status`` (the last answer's; null if there was none) and ``attempts``. A null text is not sent:
    its masks are null, and its error says so. Only what would fail every row is raised: `AuthenticationError`,
    `CreditsExhaustedError` and `PermissionDeniedError`. A wrong table or option is a ValueError or TypeError.

    It pickles as its configuration. A token that was passed does not travel, so pickling is a TypeError then: leave it
    out, and it is looked up where the table runs (``HF_TOKEN``).
    """

    def __init__(
        self,
        model: str,
        column: str = "text",
        output: str = "masks",
        *,
        top_k: int | None = None,
        targets: Iterable[str] | None = None,
        max_concurrency: Concurrency = "adaptive",
        inputs_per_request: PerRequest = 1,
        requests_per_second: float | None = None,
        **options: Any,
    ) -> None:
        self._model = AsyncFillMaskClient(text("model", model), **options)  # never opened; those in use are copies
        # One package: the client's own check of a call's options is asked before there is a call.
        asked = self._model._settings.options(top_k=top_k, targets=targets)
        self._arguments: dict[str, Any] = {
            "column": text("column", column),
            "output": checked_output(output),
            "top_k": asked.top_k,
            "targets": asked.targets,
            "max_concurrency": _counted("max_concurrency", max_concurrency, "adaptive"),
            "inputs_per_request": _counted("inputs_per_request", inputs_per_request, "auto"),
            "requests_per_second": None if requests_per_second is None else checked_rate(requests_per_second),
        }
        self._model.configuration()
        self._start()

    def _start(self) -> None:
        self._clients = Clients(self._model, self._arguments["requests_per_second"])
        self._portal = Portal(self._clients.aclose)

    def __call__(self, table: T) -> T:
        """Fill a table or record batch; inside a running event loop, which this blocks, better await `acall`."""
        if self._portal.foreign:
            # A forked child has neither the thread nor a right to the connections; what collects them would hang.
            self._parents = self._clients, self._portal
            self._start()
        texts = self._texts(table)
        return joined(table, self._portal.call(partial(self._fill, texts)), self._arguments["output"])

    async def acall(self, table: T) -> T:
        """Fill a table or record batch; `aclose` ends what this opens in an event loop."""
        return joined(table, await self._fill(self._texts(table)), self._arguments["output"])

    def iter_batches(self, batches: Iterable[T]) -> Iterator[T]:
        """Fill record batches one after the other, as they are asked for; one at a time is held in memory."""
        return map(self, batches)

    def schema(self, schema: Any) -> Any:
        """Return the schema of what comes back for tables of a schema, for engines that ask beforehand."""
        return output_schema(schema, self._arguments["output"])

"""Arrow tables in, Arrow tables out: one plain callable for every engine that can hand one over (extra ``arrow``).

Rule: knows no engine. It holds configuration only; connections are opened where it runs, and failures become rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from ._arrow_columns import NULL_TEXT, Row, checked_output, joined, output_schema, row_of, texts_of
from ._batch import BatchStream
from ._checks import count, text
from ._client import AsyncFillMaskClient
from ._clients import Clients
from ._errors import AuthenticationError, CreditsExhaustedError, PermissionDeniedError
from ._fanout import Concurrency, PerRequest
from ._portal import Portal
from ._rate import Paced, checked_rate

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
        requests_per_second: Cap on the requests that one process begins; None is no cap. With "auto" each text counts
            as one. Resends, and lists that the server wants in parts, come on top.
        options: The other options of `AsyncFillMaskClient`, but for `http_client`.

    A table or record batch comes back with the same rows in the same order, all its columns, and four more: `output`,
    ``error`` (str), ``status`` (the last answer's; null if there was none) and ``attempts``. A null text is not sent:
    its masks are null, and its error says so. Only what would fail every row is raised: `AuthenticationError`,
    `CreditsExhaustedError` and `PermissionDeniedError`. A wrong table or option is a ValueError or TypeError, and where
    pyarrow is not installed, the import of this module is an ImportError.

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
        self._client = AsyncFillMaskClient(text("model", model), **options)  # never opened; those in use are copies
        self._client.configuration()  # an http_client cannot be copied
        # One package: the client's own check of a call's options is asked before there is a call.
        asked = self._client._settings.options(top_k=top_k, targets=targets)
        self._column, self._output = text("column", column), checked_output(output)
        self._call: dict[str, Any] = {
            "top_k": asked.top_k,
            "targets": asked.targets,
            "max_concurrency": _amount("max_concurrency", max_concurrency, "adaptive"),
            "inputs_per_request": _amount("inputs_per_request", inputs_per_request, "auto"),
        }
        self._rate = None if requests_per_second is None else checked_rate(requests_per_second)
        self._clients = Clients(self._client, self._rate)
        self._portals: dict[int, Portal] = {}

    def __call__(self, table: T) -> T:
        """Fill a table or record batch: same rows, same order, four columns more. It blocks; `acall` does not.

        Raises RuntimeError in a callback of the table's own event loop.
        """
        portal = self._portal()
        if portal.inside:
            raise RuntimeError(
                "a FillMaskTable cannot be called from a callback in its own event loop; await acall there"
            )
        texts = texts_of(table, self._column, self._output)
        return joined(table, portal.call(partial(self._fill, texts)), self._output)

    async def acall(self, table: T) -> T:
        """Fill a table or record batch in the running event loop; end with `aclose` there."""
        texts = texts_of(table, self._column, self._output)
        return joined(table, await self._fill(texts), self._output)

    def iter_batches(self, batches: Iterable[T]) -> Iterator[T]:
        """Fill record batches as they are asked for, one after the other; one at a time is held in memory."""
        return map(self, batches)

    def schema(self, schema: Any) -> Any:
        """Return the schema of what comes back for a table's schema, for engines that want to know beforehand."""
        return output_schema(schema, self._output)

    async def _fill(self, texts: list[str | None]) -> list[Row]:
        rows = [NULL_TEXT] * len(texts)
        places = [place for place, words in enumerate(texts) if words is not None]
        if places:
            async with self._stream([words for words in texts if words is not None]) as items:
                async for item in items:
                    if isinstance(item.error, _HOPELESS):
                        raise item.error
                    rows[places[item.index]] = row_of(item)
        return rows

    def _stream(self, texts: list[str]) -> BatchStream:
        opened = self._clients.here()
        if opened.rate is None:
            return opened.client.fill_mask_stream(texts, **self._call)
        each = self._call["inputs_per_request"]
        paced = Paced(texts, opened.rate, 1 if each == "auto" else each)
        return opened.client.fill_mask_stream(paced, **self._call)

    def _portal(self) -> Portal:
        # A process's own event loop: a forked child has no thread for its parent's, and to let go of that would hang.
        return self._portals.setdefault(os.getpid(), Portal(self._clients.aclose))

    def close(self) -> None:
        """Close the connections that calls opened in this process; a further call opens new ones."""
        portal = self._portals.pop(os.getpid(), None)
        if portal is not None:
            portal.close()

    async def aclose(self) -> None:
        """Close the connections that `acall` opened in this event loop."""
        await self._clients.aclose()

    def configuration(self) -> dict[str, Any]:
        """Return the arguments that make an equal table elsewhere; a TypeError if a token is one of them."""
        options = self._client.configuration(include_token=True)
        if isinstance(options["token"], str):
            raise TypeError(
                "a FillMaskTable with a token= does not travel, since a token is a secret; "
                "leave it out and set HF_TOKEN where the table runs"
            )
        rate = {"requests_per_second": self._rate}
        return {"column": self._column, "output": self._output, **self._call, **rate, **options}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the configuration."""
        return partial(type(self), **self.configuration()), ()

    def __repr__(self) -> str:
        """Show model, address and columns; never the token."""
        client = repr(self._client).partition("(")[2]
        return f"FillMaskTable(column={self._column!r}, output={self._output!r}, {client}"


def _amount(name: str, value: int | str, automatic: str) -> int | str:
    return automatic if value == automatic else count(name, value)

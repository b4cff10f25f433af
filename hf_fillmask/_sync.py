"""The sync facade: the async client behind a portal, for code that has no event loop.

Rule: every method has the signature of the async one (a test compares them) and does nothing but call it.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, overload

from ._batch import BatchStream, OnProgress
from ._client import AsyncFillMaskClient
from ._configured import Configured
from ._errors import FillMaskError
from ._fanout import Concurrency, PerRequest
from ._portal import Portal
from ._settings import CallOptions, TransportKind
from ._source import Inputs
from ._sync_stream import SyncBatchStream
from ._values import ColdStart, FillMaskResult, ModelInfo

if TYPE_CHECKING:
    import httpx

__all__ = ["FillMaskClient"]

T = TypeVar("T")


class FillMaskClient(Configured):
    """Fills masked sentences from plain, blocking code; see `AsyncFillMaskClient` for arguments and errors.

    It may be shared by threads, is usable inside a running event loop (which it blocks meanwhile) and in notebooks,
    and starts afresh in a forked child. Its event loop starts at the first call, in a thread of its own, where
    callbacks run, too. The `http_client` is an async one all the same.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        token: str | Literal[False] | None = None,
        base_url: str | None = None,
        hub_url: str | None = None,
        timeout: float = 30.0,
        cold_start_timeout: float = 300.0,
        cold_start: Literal["wait", "raise"] = "wait",
        max_retries: int = 2,
        max_connections: int = 32,
        use_cache: bool = True,
        translate_mask: bool = True,
        on_cold_start: Callable[[ColdStart], None] | None = None,
        headers: Mapping[str, str] | None = None,
        transport: TransportKind = "httpx",
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._make = partial(
            AsyncFillMaskClient,
            model,
            token=token,
            base_url=base_url,
            hub_url=hub_url,
            timeout=timeout,
            cold_start_timeout=cold_start_timeout,
            cold_start=cold_start,
            max_retries=max_retries,
            max_connections=max_connections,
            use_cache=use_cache,
            translate_mask=translate_mask,
            on_cold_start=on_cold_start,
            headers=headers,
            transport=transport,
            http_client=http_client,
        )
        self._closed = False
        self._homes: dict[int, _Home] = {os.getpid(): _Home(self._make())}

    def fill_mask(
        self,
        inputs: str,
        *,
        model: str | None = None,
        top_k: int | None = None,
        targets: Iterable[str] | None = None,
        use_cache: bool | None = None,
        timeout: float | None = None,
        cold_start_timeout: float | None = None,
        deadline: float | None = None,
    ) -> FillMaskResult:
        """Fill the masks of one text; see `AsyncFillMaskClient.fill_mask`."""
        return self._call(
            lambda client: client.fill_mask(
                inputs,
                model=model,
                top_k=top_k,
                targets=targets,
                use_cache=use_cache,
                timeout=timeout,
                cold_start_timeout=cold_start_timeout,
                deadline=deadline,
            )
        )

    @overload
    def fill_mask_batch(
        self,
        inputs: Inputs,
        *,
        max_concurrency: Concurrency = "adaptive",
        inputs_per_request: PerRequest = 1,
        return_errors: Literal[False] = False,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallOptions],
    ) -> list[FillMaskResult]: ...
    @overload
    def fill_mask_batch(
        self,
        inputs: Inputs,
        *,
        max_concurrency: Concurrency = "adaptive",
        inputs_per_request: PerRequest = 1,
        return_errors: bool,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallOptions],
    ) -> list[FillMaskResult | FillMaskError]: ...
    def fill_mask_batch(
        self,
        inputs: Inputs,
        *,
        max_concurrency: Concurrency = "adaptive",
        inputs_per_request: PerRequest = 1,
        return_errors: bool = False,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallOptions],
    ) -> list[FillMaskResult] | list[FillMaskResult | FillMaskError]:
        """Fill many texts and return their results in order; see `AsyncFillMaskClient.fill_mask_batch`.

        The iterable is pulled in the thread of the client's event loop.
        """
        return self._call(
            lambda client: client.fill_mask_batch(
                inputs,
                max_concurrency=max_concurrency,
                inputs_per_request=inputs_per_request,
                return_errors=return_errors,
                on_progress=on_progress,
                **options,
            )
        )

    def fill_mask_stream(
        self,
        inputs: Inputs,
        *,
        ordered: bool = False,
        max_concurrency: Concurrency = "adaptive",
        inputs_per_request: PerRequest = 1,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallOptions],
    ) -> SyncBatchStream:
        """Fill many texts in bounded memory: ``with client.fill_mask_stream(texts) as items: for item in items: …``.

        See `AsyncFillMaskClient.fill_mask_stream`.
        """

        async def make(client: AsyncFillMaskClient) -> BatchStream:
            return client.fill_mask_stream(
                inputs,
                ordered=ordered,
                max_concurrency=max_concurrency,
                inputs_per_request=inputs_per_request,
                on_progress=on_progress,
                **options,
            )

        return SyncBatchStream(self._call(make), self._home.portal)

    def model_info(self, model: str | None = None) -> ModelInfo:
        """Ask the Hub for a model's mask token, task and state; see `AsyncFillMaskClient.model_info`."""
        return self._call(lambda client: client.model_info(model))

    def models(self, search: str | None = None, *, warm: bool = False, limit: int = 100) -> list[ModelInfo]:
        """Ask the Hub for the fill-mask models that Hugging Face serves; see `AsyncFillMaskClient.models`."""
        return self._call(lambda client: client.models(search, warm=warm, limit=limit))

    def configuration(self, *, include_token: bool = False) -> dict[str, Any]:
        """Return the keyword arguments that make an equal client; see `AsyncFillMaskClient.configuration`."""
        return self._home.client.configuration(include_token=include_token)

    def close(self) -> None:
        """Close the connections and end the event loop; a second time does nothing.

        Calls under way in other threads end with a RuntimeError. Raises RuntimeError in a callback, such as
        `on_cold_start`: that runs in the event loop.
        """
        if self._closed:
            return
        home = self._home
        if home.portal.inside:
            raise RuntimeError("a client cannot be closed from a callback in its own event loop")
        self._closed = True
        home.portal.close()

    def __enter__(self) -> Self:
        """Return the client itself."""
        self._check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the client."""
        self.close()

    def __repr__(self) -> str:
        """Show model and address; never the token."""
        return repr(self._home.client).removeprefix("Async")

    @property
    def _home(self) -> _Home:
        """The client and its event loop in this process.

        A forked child has neither the thread nor a right to the connections of its parent, so it gets its own; the
        parent's stay referenced, because what collects them would talk to the parent's event loop.
        """
        pid = os.getpid()
        return self._homes.get(pid) or self._homes.setdefault(pid, _Home(self._make()))

    def _check(self) -> _Home:
        home = self._home
        if self._closed:
            raise RuntimeError("this client is closed; make a new one")
        if home.portal.inside:
            raise RuntimeError(
                "a FillMaskClient cannot be called from a callback in its own event loop; use AsyncFillMaskClient there"
            )
        return home

    def _call(self, work: Callable[[AsyncFillMaskClient], Awaitable[T]]) -> T:
        home = self._check()
        return home.portal.call(lambda: work(home.client))


class _Home:
    """An async client, and the portal that it lives in."""

    def __init__(self, client: AsyncFillMaskClient) -> None:
        self.client = client
        self.portal = Portal(client.aclose)

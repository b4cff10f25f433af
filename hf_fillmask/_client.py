"""The async client: what users hold. It checks arguments, opens and closes, and hands each text to the one path.

Rule: no HTTP and no retries here; see `_opening` for what its first call does, `_filler` for the way of a text and
`_transport` for the way of a request.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

import anyio

from ._address import model_info_url
from ._batch import BatchStream, OnProgress
from ._checks import count, flag, text
from ._configured import Configured
from ._connections import Connections
from ._errors import DeadlineExceededError, FillMaskError
from ._fanout import Concurrency, PerRequest, fan_out
from ._lifetime import Lifetime
from ._opening import Opening
from ._settings import CallOptions, TransportKind, settings
from ._source import Inputs
from ._values import ColdStart, FillMaskResult, ModelInfo

if TYPE_CHECKING:
    import httpx

__all__ = ["AsyncFillMaskClient"]


class AsyncFillMaskClient(Configured):
    """Fills masked sentences over the Hugging Face Inference API, on asyncio and trio.

    Args:
        model: Hub id, such as "google-bert/bert-base-uncased", or the full URL of an endpoint; None leaves it to
            each call.
        token: None looks it up as huggingface_hub does and sends it to Hugging Face only; False sends none; one that
            is passed goes to whatever server the client is pointed at, over https or to this machine.
        base_url: None takes ``HF_FILLMASK_BASE_URL``, else the serverless router.
        hub_url: The Hub, for `model_info`, `models` and ``{mask}``; None takes ``HF_ENDPOINT``, else huggingface.co.
        timeout: Seconds that one attempt may take in total, from when it may send to the last byte of its answer.
        cold_start_timeout: Seconds that waiting for a cold model may take in all, parked, held or between resends; sent
            along as ``X-Scale-Up-Timeout``.
        cold_start: "wait" retries a 503 once, with the wait headers; "raise" raises `ModelLoadingError` at once.
        max_retries: How many resends a call may make, after a lost connection, a 429, 502 or 504; the cold start's one
            retry is apart.
        max_connections: How many requests may be in flight, whatever the number of callers; twice as many connections
            may be open if they lead to several hosts.
        use_cache: False asks for a fresh answer instead of a cached one.
        translate_mask: Write the model's own mask where a text has another family's, or ``{mask}``.
        on_cold_start: A plain function, called with a `ColdStart` at the beginning and the end of a wake-up, not once a
            caller; an exception in it is logged, not raised.
        headers: Further headers for the requests that fill, for example ``{"X-HF-Bill-To": "my-org"}``; the Hub gets
            none of them.
        transport: "aiohttp" sends through httpx-aiohttp (asyncio only, extra ``aiohttp``), at less CPU a call.
        http_client: A client of your own (proxies, certificates, mock transports); it is never closed here, and goes
            with no other `transport`.

    Wrong arguments are a ValueError or TypeError here and at each call, before anything is sent; a closed client, or
    one of another event loop, is a RuntimeError, and a missing extra an ImportError. All other errors are members of
    the `FillMaskError` tree.
    Sources: https://huggingface.co/docs/inference-providers/tasks/fill-mask; the parameters guide of the Inference API
    for the cold start; docs/reference/wire.md for what servers really answer.
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
        self._settings = settings(
            model=model,
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
        )
        if transport != "httpx" and http_client is not None:
            raise ValueError("pass either transport= or an http_client= of your own")
        self._injected = http_client is not None
        self._connections = Connections(max_connections, http_client, transport)
        self._opening = Opening(self._settings, self._connections)
        self._lifetime = Lifetime()
        self._pid = os.getpid()

    async def fill_mask(
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
        """Fill the masks of one text.

        Args:
            inputs: The text, with one mask or several; it is the server that judges it.
            model: Stands in for the client's, as the other arguments do that the client has, too.
            top_k: How many predictions a mask gets; None is the server's default, 5, or all of `targets`.
            targets: The words that alone are scored; None is the whole vocabulary. Of a word that is no token, servers
                score the first piece.
            use_cache: False asks for a fresh answer.
            timeout: Seconds an attempt.
            cold_start_timeout: Seconds for a cold model.
            deadline: Seconds for the whole call: queueing, attempts, pauses and waits; None is no bound.

        Returns the predictions, best first; with several masks, one tuple a mask in `masks`, in text order.
        Raises `MaskNotFoundError` without asking where the model's mask is known and the text has none.
        """
        options = self._settings.options(
            model=model,
            top_k=top_k,
            targets=targets,
            use_cache=use_cache,
            timeout=timeout,
            cold_start_timeout=cold_start_timeout,
            deadline=deadline,
        )
        text("inputs", inputs)
        with self._lifetime.call(options.target.model, options.deadline):
            return await (await self._opening.filler()).fill(inputs, options)

    @overload
    async def fill_mask_batch(
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
    async def fill_mask_batch(
        self,
        inputs: Inputs,
        *,
        max_concurrency: Concurrency = "adaptive",
        inputs_per_request: PerRequest = 1,
        return_errors: bool,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallOptions],
    ) -> list[FillMaskResult | FillMaskError]: ...
    async def fill_mask_batch(
        self,
        inputs: Inputs,
        *,
        max_concurrency: Concurrency = "adaptive",
        inputs_per_request: PerRequest = 1,
        return_errors: bool = False,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallOptions],
    ) -> list[FillMaskResult] | list[FillMaskResult | FillMaskError]:
        """Fill many texts and return their results in order.

        Args:
            inputs: Any iterable or async iterable of texts, pulled lazily.
            max_concurrency: How many requests are in flight; "adaptive" finds the right number, never more than the
                client's `max_connections`.
            inputs_per_request: How many texts are in a request; "auto" tries lists of up to 64 and keeps what is
                quickest.
            return_errors: A text that fails has its error in the list; without, the first error cancels the rest and
                is raised.
            on_progress: A plain function, called after each request with the number of texts that are done, of how many
                (None where `inputs` has no length), and how many of them with an error; an exception in it is logged.
            options: Those of `fill_mask`; the `deadline` bounds the whole batch, from its first text on: texts that
                are not done by then have a DeadlineExceededError. An iterable without a length is not read any further,
                and one such error stands at the end of the list for what was not read.

        Returns one result a text, in the order of the texts.
        An exception of the iterable comes out as it is.
        """
        results: dict[int, FillMaskResult | FillMaskError] = {}
        stream = self.fill_mask_stream(
            inputs,
            max_concurrency=max_concurrency,
            inputs_per_request=inputs_per_request,
            on_progress=on_progress,
            **options,
        )
        async with stream as items:
            try:
                async for item in items:
                    if item.error is not None and not return_errors:
                        raise item.error
                    results[item.index] = item.result or item.error  # type: ignore[assignment]  # one of the two is there
            except DeadlineExceededError as rest:
                if not return_errors or rest is not items.unread:
                    raise
                results[len(results)] = rest
        return [results[index] for index in range(len(results))]

    def fill_mask_stream(
        self,
        inputs: Inputs,
        *,
        ordered: bool = False,
        max_concurrency: Concurrency = "adaptive",
        inputs_per_request: PerRequest = 1,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallOptions],
    ) -> BatchStream:
        """Fill many texts in bounded memory: ``async with client.fill_mask_stream(texts) as items: async for …``.

        Each `BatchItem` has a result or an error, as they get done, or in the order of the texts with `ordered`.
        Leaving the block cancels what still runs. The arguments are those of `fill_mask_batch`; nothing is sent, and no
        text taken, before the block is entered. When the `deadline` ends the reading of an iterable without a length, a
        DeadlineExceededError is raised after the last item.
        """
        return fan_out(
            inputs,
            self._settings.options(**options),
            open_filler=self._opening.filler,
            lifetime=self._lifetime,
            max_connections=self._settings.max_connections,
            max_concurrency=max_concurrency,
            inputs_per_request=inputs_per_request,
            ordered=ordered,
            on_progress=on_progress,
        )

    async def model_info(self, model: str | None = None) -> ModelInfo:
        """Ask the Hub for a model's mask token, task and state; `model` is a Hub id, None the client's own.

        Raises `ModelNotFoundError` for one that the Hub does not know (a private one without a token is
        `AuthenticationError`), the errors of any other call, and ValueError for the URL of an endpoint.
        Source: https://huggingface.co/docs/hub/api.
        """
        model = self._settings.model if model is None else model
        model_info_url(model, self._settings.hub_url)
        with self._lifetime.call(model, None):
            return await (await self._opening.filler()).model_info(model, self._settings.timeout)

    async def models(self, search: str | None = None, *, warm: bool = False, limit: int = 100) -> list[ModelInfo]:
        """Ask the Hub for the fill-mask models that Hugging Face serves, at most `limit`, in the Hub's order.

        `search` is a part of their ids; `warm` leaves only those that are loaded now, and answer without a cold start.
        The client's `timeout` bounds each page. The errors are those of any other call.
        Source: https://huggingface.co/docs/hub/api.
        """
        search = None if search is None else text("search", search)
        warm, limit = flag("warm", warm), count("limit", limit)
        with self._lifetime.call(None, None):
            return await (await self._opening.filler()).models(search, warm=warm, limit=limit)

    async def aclose(self) -> None:
        """Close the connections; calls under way end with a RuntimeError. A second time does nothing.

        Raises RuntimeError in another event loop than that of the first call.
        """
        if self._lifetime.closed:
            return
        self._lifetime.check_loop()
        async with anyio.create_task_group() as group:  # asyncio's own cancellation passes through a shield
            group.start_soon(self._end)

    async def _end(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._lifetime.end()
            await self._connections.aclose()

    async def __aenter__(self) -> Self:
        """Check that the client can be used in this event loop."""
        self._lifetime.check()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the client."""
        await self.aclose()

    def configuration(self, *, include_token: bool = False) -> dict[str, Any]:
        """Return the keyword arguments that make an equal client elsewhere, by their names.

        A token that was passed explicitly is in it only with `include_token`; one that was found is looked up anew.
        Raises TypeError for a client with an `http_client`: that one cannot be made again.
        """
        if self._injected:
            raise TypeError("a client with an http_client of yours cannot be copied or pickled")
        return self._settings.arguments(include_token=include_token)

    def __repr__(self) -> str:
        """Show model and address; never the token."""
        return f"{type(self).__name__}(model={self._settings.model!r}, base_url={self._settings.base_url!r})"

    def __del__(self) -> None:
        """Warn about connections that nobody closed."""
        connections = getattr(self, "_connections", None)  # there is none if the arguments were refused
        if connections is not None and connections.owns_connections and self._pid == os.getpid():
            warnings.warn(f"{self!r} was not closed; use 'async with' or aclose()", ResourceWarning, 2, self)

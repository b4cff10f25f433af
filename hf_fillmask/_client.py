"""The async client: builder → transport → decoder, and what it learns of masks on the way.

Rule: everything else (batch, sync facade, command line) goes through the one path of `fill_mask`.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import anyio

from ._address import is_url, model_info_url
from ._checks import text
from ._credentials import Credentials, is_hugging_face, token_in
from ._errors import FillMaskError, MaskNotFoundError
from ._exchange import Request, Response
from ._http import ConnectionPools
from ._hub import fetch_model_info
from ._lifetime import Lifetime
from ._mask import PLACEHOLDER
from ._mask_memory import MaskMemory
from ._plan import cold_start_plan, single_attempt
from ._request import build_request
from ._response import decode_response
from ._settings import Options, settings
from ._transport import AsyncTransport
from ._values import ColdStart, FillMaskResult, ModelInfo

if TYPE_CHECKING:
    import httpx

__all__ = ["AsyncFillMaskClient"]

_log = logging.getLogger("hf_fillmask")

_LARGE = 1 << 20  # bytes; decoding more than this would hold up the event loop, a worker thread does it
_HUB_TIMEOUT = 10.0  # seconds; a look-up that only saves a request must not cost more than this


class AsyncFillMaskClient:
    """Fills masked sentences over the Hugging Face Inference API, on asyncio and trio.

    Args:
        model: Hub id, such as "google-bert/bert-base-uncased", or the full URL of an endpoint.
        token: None looks it up as huggingface_hub does and sends it to Hugging Face only; False sends none; one that
            is passed goes to whatever server the client is pointed at, over https or to this machine.
        base_url: None takes ``HF_FILLMASK_BASE_URL``, else the serverless router.
        timeout: Seconds that one attempt may take in total.
        cold_start_timeout: Seconds that waiting for a cold model may take.
        cold_start: "wait" retries a 503 once, with the wait headers; "raise" raises `ModelLoadingError` at once.
        max_retries: Resends after a lost connection, a 429, 502 or 504; the cold start's one retry is apart.
        max_connections: Requests in flight, whatever the number of callers.
        use_cache: False asks for a fresh answer instead of a cached one.
        translate_mask: Write the model's own mask where a text has another family's, or ``{mask}``.
        on_cold_start: Called with a `ColdStart` once a wake-up, not once a caller.
        headers: Further headers for each request, for example ``{"X-HF-Bill-To": "my-org"}``.
        http_client: A client of your own (proxies, certificates, mock transports); it is never closed here.

    Wrong arguments are a ValueError or TypeError here and at each call, before anything is sent; a closed client, or
    one of another event loop, is a RuntimeError. All other errors are members of the `FillMaskError` tree.
    Sources: the fill-mask and parameters pages of the Inference API's documentation.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        token: str | Literal[False] | None = None,
        base_url: str | None = None,
        timeout: float = 30.0,
        cold_start_timeout: float = 300.0,
        cold_start: Literal["wait", "raise"] = "wait",
        max_retries: int = 2,
        max_connections: int = 32,
        use_cache: bool = True,
        translate_mask: bool = True,
        on_cold_start: Callable[[ColdStart], None] | None = None,
        headers: Mapping[str, str] | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._settings = settings(
            model=model,
            token=token,
            base_url=base_url,
            timeout=timeout,
            cold_start_timeout=cold_start_timeout,
            cold_start=cold_start,
            max_retries=max_retries,
            max_connections=max_connections,
            use_cache=use_cache,
            translate_mask=translate_mask,
            on_cold_start=on_cold_start,
            headers=headers,
        )
        self._injected = http_client is not None
        self._pools = ConnectionPools(max_connections, http_client)
        self._transport = AsyncTransport(
            self._pools, max_connections=max_connections, max_retries=max_retries, on_cold_start=on_cold_start
        )
        self._lifetime = Lifetime()
        self._opening = anyio.Lock()
        self._credentials: Credentials | None = None
        self._masks = MaskMemory(translates=translate_mask)

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

        `top_k` is the number of predictions a mask (the server's default is 5), `targets` limits them to some words,
        `deadline` bounds the whole call in seconds: queueing, attempts, pauses and waits. The other arguments stand in
        for the client's. Returns the predictions, best first; with several masks, one tuple a mask in `masks`.
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
            return await self._fill(inputs, options, await self._open())

    async def model_info(self, model: str | None = None) -> ModelInfo:
        """Ask the Hub for a model's mask token, task and state; `model` is a Hub id, None the client's own.

        The Hub is huggingface.co, or ``HF_ENDPOINT``.
        """
        target = model_info_url(self._settings.model if model is None else model, self._settings.hub_url)
        with self._lifetime.call(target.model, None):
            return await fetch_model_info(
                self._transport, target, self._hub_credentials(await self._open()), self._settings.timeout
            )

    async def aclose(self) -> None:
        """Close the connections; calls under way end with a RuntimeError. A second time does nothing."""
        if self._lifetime.closed:
            return
        with anyio.CancelScope(shield=True):
            await self._lifetime.end()
            await self._pools.aclose()

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
        """Return the keyword arguments that make an equal client elsewhere.

        A token that was passed explicitly is in it only with `include_token`; one that was found is looked up anew.
        Raises TypeError for a client with an `http_client`: that one cannot be made again.
        """
        if self._injected:
            raise TypeError("a client with an http_client of yours cannot be copied or pickled")
        return self._settings.arguments(include_token=include_token)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the configuration, without an explicit token."""
        return partial(type(self), **self.configuration()), ()

    def __copy__(self) -> Self:
        """Copy the configuration; connections, learnt masks and wake-ups are not shared."""
        return type(self)(**self.configuration(include_token=True))

    def __deepcopy__(self, memo: object) -> Self:
        """Copy as `copy.copy` does."""
        return self.__copy__()

    def __repr__(self) -> str:
        """Show model and address; never the token."""
        return f"{type(self).__name__}(model={self._settings.model!r}, base_url={self._settings.base_url!r})"

    def __del__(self) -> None:
        """Warn about connections that nobody closed."""
        pools = getattr(self, "_pools", None)
        if pools is not None and pools.owns_connections:
            warnings.warn(f"{self!r} was not closed; use 'async with' or aclose()", ResourceWarning, 2, self)

    async def _open(self) -> Credentials:
        """Do what blocks in a worker thread: read the token's file and the CA bundle."""
        if self._credentials is None:
            async with self._opening:
                if self._credentials is None:
                    self._credentials = await anyio.to_thread.run_sync(self._opened)
        return self._credentials

    def _opened(self) -> Credentials:
        if not self._pools.is_open:
            self._pools.open()
        found = self._settings.found_token
        return _read_token(found) if isinstance(found, Path) else found or Credentials()

    def _hub_credentials(self, credentials: Credentials) -> Credentials:
        return credentials if is_hugging_face(self._settings.base_url) else Credentials()

    async def _fill(self, inputs: str, options: Options, credentials: Credentials) -> FillMaskResult:
        if PLACEHOLDER in inputs and self._masks.translates:
            await self._ask_hub(options, credentials)
        written, mask_token = self._masks.written(inputs, options.target)
        request = self._request(written, options, mask_token)
        response = await self._send(request, options, credentials)
        try:
            return await _decoded(request, response)
        except MaskNotFoundError as error:
            learnt = self._masks.learn(error, inputs, written, options.target)
            if learnt is None:
                raise
            again = self._request(learnt, options, error.mask_token)
        second = await self._send(again, options, credentials)
        attempts, waited = response.attempts + second.attempts, response.waited + second.waited
        return await _decoded(again, replace(second, attempts=attempts, waited=waited))

    def _request(self, inputs: str, options: Options, mask_token: str | None) -> Request:
        return build_request(
            options.target,
            inputs,
            top_k=options.top_k,
            targets=options.targets,
            use_cache=options.use_cache,
            headers=self._settings.headers,
            mask_token=mask_token,
        )

    async def _send(self, request: Request, options: Options, credentials: Credentials) -> Response:
        if self._settings.cold_start == "wait":
            plan = cold_start_plan(request, options.timeout, options.cold_start_timeout)
        else:
            plan = single_attempt(request, options.timeout)
        return await self._transport.send(plan, credentials, options.target.key)

    async def _ask_hub(self, options: Options, credentials: Credentials) -> None:
        """Ask the Hub for the mask of a model, once; what it does not know, the server's own error will tell."""
        target = options.target
        async with self._opening:
            if self._masks.has_asked(target) or is_url(target.model):
                return
            try:
                page = model_info_url(target.model, self._settings.hub_url)
                timeout = min(options.timeout, _HUB_TIMEOUT)
                info = await fetch_model_info(self._transport, page, self._hub_credentials(credentials), timeout)
            except FillMaskError as error:
                _log.info("%s: the Hub does not tell its mask: %s", target.model, error)
                self._masks.remember(target, None)
            else:
                self._masks.remember(target, info.mask_token)


async def _decoded(request: Request, response: Response) -> FillMaskResult:
    if len(response.body) < _LARGE:
        return decode_response(request, response)
    return await anyio.to_thread.run_sync(decode_response, request, response, abandon_on_cancel=True)


def _read_token(path: Path) -> Credentials:
    try:
        return token_in(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Credentials()
    except (OSError, UnicodeDecodeError) as error:
        _log.warning("the token file %s cannot be read, no token is sent: %s", path, type(error).__name__)
        return Credentials()

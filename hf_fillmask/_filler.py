"""From a text to its result: builder → transport → decoder, and what is learnt of masks on the way.

Rule: the one path of every call; the client gives it its arguments, the batch its many texts.
"""

from __future__ import annotations

import copy
import logging
from dataclasses import replace

import anyio

from ._address import Target, is_url, model_info_url, models_url
from ._credentials import Credentials, is_hugging_face
from ._errors import FillMaskError, MaskNotFoundError
from ._exchange import Request, Response
from ._hub import fetch_model_info, fetch_models
from ._mask import PLACEHOLDER
from ._mask_memory import MaskMemory
from ._plan import cold_start_plan, single_attempt
from ._request import build_request
from ._response import decode_list, decode_response
from ._settings import Options, Settings
from ._telemetry import Telemetry
from ._transport import AsyncTransport, Observe
from ._values import FillMaskResult, ModelInfo

__all__ = ["Filler"]

_log = logging.getLogger("hf_fillmask")

_LARGE = 1 << 20  # bytes; decoding more than this would hold up the event loop, a worker thread does it
_HUB_TIMEOUT = 10.0  # seconds; a look-up that only saves a request must not cost more than this


class Filler:
    """Fills texts with a client's settings, credentials and transport."""

    def __init__(self, settings: Settings, credentials: Credentials, transport: AsyncTransport) -> None:
        self.settings = settings
        self.masks = MaskMemory(translates=settings.translate_mask)
        self._credentials = credentials
        self._transport = transport
        self._asking: dict[tuple[str, str], anyio.Lock] = {}
        self._telemetry = Telemetry()

    def for_workers(self, observe: Observe) -> Filler:
        """Return this filler for the workers of a batch, whose task group cancels them; what is learnt is shared."""
        theirs = copy.copy(self)
        theirs._transport = self._transport.for_workers(observe)
        return theirs

    async def fill(self, inputs: str, options: Options) -> FillMaskResult:
        """Fill the masks of one text."""
        return await self._telemetry.record(options.target, 1, self._fill(inputs, options))

    async def fill_list(self, request: Request, options: Options) -> list[FillMaskResult]:
        """Send a list request: the results of its texts, in their order."""
        return await self._telemetry.record(options.target, len(request.texts), self._list(request, options))

    async def _list(self, request: Request, options: Options) -> list[FillMaskResult]:
        return decode_list(request, await self._send(request, options))

    async def _fill(self, inputs: str, options: Options) -> FillMaskResult:
        await self.ask_mask(inputs, options.target)
        written, mask_token = self.masks.written(inputs, options.target)
        request = self.request(written, options, mask_token)
        response = await self._send(request, options)
        try:
            return await _decoded(request, response)
        except MaskNotFoundError as error:
            learnt = self.masks.learn(error, inputs, written, options.target)
            if learnt is None:
                raise
            again = self.request(learnt, options, error.mask_token)
        second = await self._send(again, options)
        attempts, waited = response.attempts + second.attempts, response.waited + second.waited
        return await _decoded(again, replace(second, attempts=attempts, waited=waited))

    def request(self, inputs: str | tuple[str, ...], options: Options, mask_token: str | None) -> Request:
        """Build the request for one text, or for a tuple of several, written with `mask_token`."""
        return build_request(
            options.target,
            inputs,
            top_k=options.top_k,
            targets=options.targets,
            use_cache=options.use_cache,
            headers=self.settings.headers,
            mask_token=mask_token,
        )

    async def _send(self, request: Request, options: Options) -> Response:
        """Send a fill-mask request along the plan of the client."""
        if self.settings.cold_start == "wait":
            plan = cold_start_plan(request, options.timeout, options.cold_start_timeout)
        else:
            plan = single_attempt(request, options.timeout)
        return await self._transport.send(plan, self._credentials, options.target.key)

    async def model_info(self, model: str | None, timeout: float) -> ModelInfo:
        """Ask the Hub about a model."""
        target = model_info_url(model, self.settings.hub_url)
        return await fetch_model_info(self._transport, target, self._for_the_hub(), timeout)

    async def models(self, search: str | None, *, warm: bool, limit: int) -> list[ModelInfo]:
        """Ask the Hub for a list of models."""
        target = models_url(self.settings.hub_url, search, warm=warm, limit=limit)
        credentials, timeout = self._for_the_hub(), self.settings.timeout
        return await fetch_models(self._transport, target, credentials, timeout, warm=warm, limit=limit)

    def _for_the_hub(self) -> Credentials:
        """Let the Hub see a token only if the client talks to Hugging Face anyway."""
        return self._credentials if is_hugging_face(self.settings.base_url) else Credentials()

    async def ask_mask(self, inputs: str, target: Target) -> None:
        """For a text with ``{mask}``, ask the Hub for the mask of the model, once.

        What the Hub does not know, the server's own error will tell.
        """
        if PLACEHOLDER not in inputs or not self.masks.translates or is_url(target.model):
            return
        async with self._asking.setdefault(target.key, anyio.Lock()):
            if not self.masks.has_asked(target):
                self.masks.remember(target, await self._look_up(target))

    async def _look_up(self, target: Target) -> str | None:
        try:
            with anyio.move_on_after(min(self.settings.timeout, _HUB_TIMEOUT)):
                return (await self.model_info(target.model, self.settings.timeout)).mask_token
            reason = "it took too long"
        except FillMaskError as error:
            reason = str(error)
        _log.info("%s: the Hub does not tell its mask: %s", target.model, reason)
        return None


async def _decoded(request: Request, response: Response) -> FillMaskResult:
    if len(response.body) < _LARGE:
        return decode_response(request, response)
    return await anyio.to_thread.run_sync(decode_response, request, response, abandon_on_cancel=True)

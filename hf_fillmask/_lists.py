"""Lists on the wire: several texts in one request, and what to do when one of them spoils it for all.

Rule: the same results as one by one. A list that is refused is halved until the guilty text stands alone; a size that a
server refuses although each of its texts is fine is not sent to it again.
Source: what the pipelines that serve fill-mask answer to lists (tests/samples); some servers refuse each with a 400.
"""

from __future__ import annotations

import copy

import anyio

from ._batch import Filled
from ._errors import BadRequestError, DecodeError, FillMaskError, MaskNotFoundError
from ._filler import Filler
from ._settings import Options
from ._values import FillMaskResult

__all__ = ["ListFiller"]

_NO_LISTS = "valid string"  # api-inference-community: "Input should be a valid string: received `[...]`"


class ListFiller:
    """Fills lists of texts at one model, and remembers the longest list that its server takes."""

    def __init__(self, filler: Filler, options: Options) -> None:
        self._filler = filler
        self._options = options
        self._untried = anyio.Lock()  # the first list goes alone: whether lists are taken is found out once
        self._tried = False
        self.longest: int | None = None

    async def fill(self, texts: list[str]) -> list[Filled]:
        """Return a result or an error for each text, in their order; what is no error of the tree is raised."""
        if len(texts) == 1:
            return [await self._fill_one(texts[0])]
        if self._too_long(texts):
            return await self._in_parts(texts, self.longest or 1)
        if self._tried:
            filled = await self._fill_list(texts)
        else:
            async with self._untried:
                known = self._too_long(texts)
                filled = None if known else await self._fill_list(texts)
            if known:
                return await self.fill(texts)
        return await self._halved(texts) if filled is None else filled

    def _too_long(self, texts: list[str]) -> bool:
        return self.longest is not None and len(texts) > self.longest

    async def _halved(self, texts: list[str]) -> list[Filled]:
        half = (len(texts) + 1) // 2
        filled = await self.fill(texts[:half]) + await self.fill(texts[half:])
        if all(isinstance(item, FillMaskResult) for item in filled):
            self._refuses(len(texts))  # nobody was guilty but the length of the list
        return filled

    async def _in_parts(self, texts: list[str], size: int) -> list[Filled]:
        filled: list[Filled] = []
        for start in range(0, len(texts), size):
            filled += await self.fill(texts[start : start + size])
        return filled

    def _refuses(self, size: int) -> None:
        """Remember that a list of `size` fine texts was refused."""
        self._tried = True
        smaller = max(1, size // 2)
        self.longest = smaller if self.longest is None else min(self.longest, smaller)

    async def _fill_one(self, inputs: str) -> Filled:
        try:
            return await self._filler.fill(inputs, self._options)
        except FillMaskError as error:
            return error

    async def _fill_list(self, texts: list[str]) -> list[Filled] | None:
        """Send one list; None if it is better taken apart."""
        written = await self._written(texts)
        if written is None:
            return None
        request = self._filler.request(written[0], self._options, written[1])
        try:
            filled: list[Filled] = [*await self._filler.fill_list(request, self._options)]
        except MaskNotFoundError as error:
            learnt = error.mask_token != request.mask_token and self._filler.masks.translates
            self._filler.masks.learn(error, "", "", self._options.target)
            return await self._fill_list(texts) if learnt else None
        except (BadRequestError, DecodeError) as error:
            if _NO_LISTS in error.message:
                self._refuses(2)
            return None
        except FillMaskError as error:
            return [_own(error) for _ in texts]
        self._tried = True
        return filled

    async def _written(self, texts: list[str]) -> tuple[tuple[str, ...], str | None] | None:
        """Write the texts with the model's mask; None if one of them has none, which would spoil the list."""
        target, masks = self._options.target, self._filler.masks
        mask_token: str | None = None
        written: list[str] = []
        for text in texts:
            await self._filler.ask_mask(text, target)
            try:
                new, mask_token = masks.written(text, target)
            except MaskNotFoundError:
                return None
            written.append(new)
        return tuple(written), mask_token


def _own(error: FillMaskError) -> FillMaskError:
    """Give each text an exception of its own."""
    mine = copy.copy(error)
    mine.__cause__ = error.__cause__
    return mine

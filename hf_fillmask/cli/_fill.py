"""What `hf-fillmask fill` does: several texts at a time, shown in the order in which they were given.

Rule: one text that fails does not keep the others from being filled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectSendStream

from .._errors import FillMaskError
from .._values import FillMaskResult
from ._errors import wrong_use

__all__ = ["Fill", "Outcome", "fill_in_order"]

_AHEAD = 64  # texts under way, or filled and waiting for an earlier one to be shown

Outcome = FillMaskResult | FillMaskError
Fill = Callable[[str], Awaitable[FillMaskResult]]


@dataclass(eq=False, slots=True)
class _Slot:
    text: str
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    settled: anyio.Event = field(default_factory=anyio.Event)


async def fill_in_order(texts: Sequence[str], fill: Fill, show: Callable[[str, Outcome], None]) -> None:
    """Call `show` with each text and what `fill` made of it, in the order of `texts`, as soon as it is its turn."""
    send, receive = anyio.create_memory_object_stream[_Slot](_AHEAD)
    async with send, receive, anyio.create_task_group() as group:
        group.start_soon(_begin, texts, fill, send, group)
        async for slot in receive:
            await slot.settled.wait()
            show(slot.text, slot.outcomes[0])


async def _begin(texts: Sequence[str], fill: Fill, send: MemoryObjectSendStream[_Slot], group: TaskGroup) -> None:
    async with send:
        for text in texts:
            slot = _Slot(text)
            group.start_soon(_settle, slot, fill)
            await send.send(slot)


async def _settle(slot: _Slot, fill: Fill) -> None:
    try:
        with wrong_use():
            slot.outcomes.append(await fill(slot.text))
    except FillMaskError as error:
        slot.outcomes.append(error)
    slot.settled.set()

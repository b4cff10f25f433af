"""Connections that anyio drops: made in the moment of a cancellation, and given to nobody.

Rule: goes away with the versions of anyio that need it. Before 4.16 a task that was cancelled between the end of its
connecting and the return of `anyio.connect_tcp` (asyncio only) left an open socket for the garbage collector to find.
"""

from __future__ import annotations

from traceback import walk_tb

import anyio

__all__ = ["close_dropped"]


async def close_dropped(cancelled: BaseException) -> None:
    """Close the connections that `connect_tcp` had made when the cancellation went through it.

    Nobody else has them: they are found in its frame, which the traceback still holds.
    """
    frames = (frame for frame, _ in walk_tb(cancelled.__traceback__) if frame.f_code is anyio.connect_tcp.__code__)
    for frame in frames:
        stream = frame.f_locals.get("connected_stream")
        if stream is not None:
            await anyio.aclose_forcefully(stream)

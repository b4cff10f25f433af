"""Reading an answer: its headers as plain strings, its body whole, unpacked and within the limit.

Rule: knows no HTTP library, only an iterator of bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterable

import anyio

from ._body import MAX_BODY, unpack
from ._errors import ProtocolError
from ._retry_after import number

__all__ = ["plain_headers", "read_body"]

_QUICK = 16_384  # packed bytes that the event loop may unpack by itself; more go to a worker thread


def plain_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Turn headers into a dict, names in lower case; what comes several times is joined by commas."""
    headers: dict[str, str] = {}
    for key, value in raw:
        name, text = key.decode("latin-1").lower(), value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


async def read_body(chunks: AsyncIterable[bytes], headers: dict[str, str], model: str) -> bytes:
    """Read the chunks to their end, and unpack them; `ProtocolError` for a body that is too large, corrupt or cut."""
    announced = number(headers.get("content-length")) or 0.0
    if announced > MAX_BODY:
        raise ProtocolError(f"the answer has {announced:.0f} bytes, more than the limit of {MAX_BODY}", model=model)
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > MAX_BODY:
            raise ProtocolError(f"the answer has more bytes than the limit of {MAX_BODY}", model=model)
        parts.append(chunk)
    encoding = headers.get("content-encoding")
    return b"".join(parts) if encoding is None else await _unpacked(b"".join(parts), encoding, model)


async def _unpacked(packed: bytes, encoding: str, model: str) -> bytes:
    try:
        if len(packed) < _QUICK:
            return unpack(packed, encoding)
        return await anyio.to_thread.run_sync(unpack, packed, encoding)
    except ValueError as error:
        raise ProtocolError(str(error), model=model) from error

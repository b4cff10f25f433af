"""Reading an answer: its headers as plain strings, its body whole, unpacked and within the limit.

Rule: knows no HTTP library, only an iterator of bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterable

import anyio

from ._body import MAX_BODY, unpack
from ._errors import ProtocolError
from ._retry_after import number

__all__ = ["plain_headers", "read_body", "within_limit"]

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
    announced = number(headers.get("content-length"))
    if announced is not None and announced > MAX_BODY:
        raise ProtocolError(f"the answer has {announced:.0f} bytes, more than the limit of {MAX_BODY}", model=model)
    body = await (_unannounced(chunks, model) if announced is None else _joined(chunks))
    encoding = headers.get("content-encoding")
    return body if encoding is None else await _unpacked(body, encoding, model)


async def _joined(chunks: AsyncIterable[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def _unannounced(chunks: AsyncIterable[bytes], model: str) -> bytes:
    """Read a body of unknown length.

    Beyond the limit the reading is cancelled, and not just left: a library's generators end from the inside only.
    """
    parts: list[bytes] = []
    size = 0
    with anyio.CancelScope() as scope:
        async for chunk in chunks:
            size += len(chunk)
            if size > MAX_BODY:
                scope.cancel()
            else:
                parts.append(chunk)
    if size > MAX_BODY:
        raise _too_large(model)
    return b"".join(parts)


def within_limit(body: bytes, model: str) -> bytes:
    """Accept a body that was read by somebody else; `ProtocolError` if it is too large."""
    if len(body) > MAX_BODY:
        raise _too_large(model)
    return body


def _too_large(model: str) -> ProtocolError:
    return ProtocolError(f"the answer has more bytes than the limit of {MAX_BODY}", model=model)


async def _unpacked(packed: bytes, encoding: str, model: str) -> bytes:
    try:
        if len(packed) < _QUICK:
            return unpack(packed, encoding)
        return await anyio.to_thread.run_sync(unpack, packed, encoding)
    except ValueError as error:
        reason = str(error)
    raise ProtocolError(reason, model=model)

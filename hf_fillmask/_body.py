"""The body of an answer: unpacked within a limit, and known to be whole.

Rule: pure. httpx would unpack as well, but takes a gzip body that was cut short for a whole one, and has no limit.
"""

from __future__ import annotations

import zlib

__all__ = ["MAX_BODY", "unpack"]

MAX_BODY = 64 * 1024 * 1024  # bytes, unpacked: a full answer of a thousand predictions has some hundred kilobytes

_MOST_MEMBERS = 64
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


def unpack(body: bytes, encoding: str, limit: int = MAX_BODY) -> bytes:
    """Undo a content encoding; ValueError says what is wrong with a body that is corrupt, cut short or too large."""
    for step in reversed([name.strip() for name in encoding.lower().split(",")]):
        if step in ("gzip", "x-gzip"):
            body = _inflate(body, _GZIP, limit)
        elif step == "deflate":
            # The name means zlib's format; some servers send the bare stream, whose first byte differs.
            body = _inflate(body, _ZLIB if _has_zlib_header(body) else _RAW, limit)
        elif step not in ("", "identity"):
            raise ValueError(f"the body is packed as {step!r}, which was not asked for")
    return body


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    unpacked = b""
    for _ in range(_MOST_MEMBERS):
        if not body:
            return unpacked
        inflater = zlib.decompressobj(window)
        try:
            unpacked += inflater.decompress(body, limit + 1 - len(unpacked))
        except zlib.error as error:
            raise ValueError(f"the body is corrupt: {error}") from error
        if len(unpacked) > limit:
            raise ValueError(f"the body is larger than {limit} bytes when unpacked")
        if not inflater.eof:
            raise ValueError("the packed body was cut short")
        body = inflater.unused_data
    raise ValueError(f"the body has more than {_MOST_MEMBERS} packed parts")


def _has_zlib_header(body: bytes) -> bool:
    """RFC 1950: method 8 in the low bits, and a check that makes the first two bytes a multiple of 31."""
    return body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0 if body else False

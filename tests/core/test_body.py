"""The body of an answer: unpacked within a limit, and known to be whole."""

from __future__ import annotations

import gzip
import time
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask._body import MAX_BODY, unpack

BODIES = st.binary(max_size=300) | st.text("ab", max_size=300).map(str.encode)


def _deflated(body: bytes, window: int) -> bytes:
    packer = zlib.compressobj(wbits=window)
    return packer.compress(body) + packer.flush()


@given(BODIES, st.sampled_from(["gzip", "x-gzip", "GZIP", " gzip ", "identity, gzip"]))
def test_gzip(body: bytes, encoding: str) -> None:
    """A gzip body comes back as it was packed, however its encoding is spelt."""
    assert body == unpack(gzip.compress(body), encoding)


@given(BODIES, st.data())
def test_a_cut_gzip_body_is_refused(body: bytes, data: st.DataObject) -> None:
    """A gzip body that lost any number of its last bytes is a ValueError."""
    packed = gzip.compress(body)
    left = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(ValueError, match="cut short"):
        unpack(packed[:left], "gzip")


@given(BODIES, BODIES)
def test_several_gzip_members_are_one_body(first: bytes, second: bytes) -> None:
    """A gzip body may consist of members (RFC 1952, 2.2); none of them is dropped."""
    assert first + second == unpack(gzip.compress(first) + gzip.compress(second), "gzip")


@given(BODIES, st.sampled_from([zlib.MAX_WBITS, 9, 12, -zlib.MAX_WBITS, -9]))
def test_deflate(body: bytes, window: int) -> None:
    """A deflate body comes back, in zlib's format with any window as well as bare."""
    assert body == unpack(_deflated(body, window), "deflate")


@given(BODIES, st.sampled_from([zlib.MAX_WBITS, -zlib.MAX_WBITS]), st.data())
def test_a_cut_deflate_body_is_refused(body: bytes, window: int, data: st.DataObject) -> None:
    """A deflate body that lost any number of its last bytes is a ValueError."""
    packed = _deflated(body, window)
    left = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(ValueError, match=r"cut short|corrupt"):
        unpack(packed[:left], "deflate")


@given(st.binary(), st.sampled_from(["", "identity", "gzip", "deflate", "gzip, deflate", "br", "zstd", "x" * 100]))
def test_any_bytes_unpack_or_are_refused(body: bytes, encoding: str) -> None:
    """Whatever the bytes are, they unpack within the limit or are a ValueError."""
    with suppress(ValueError):
        assert len(unpack(body, encoding, limit=1000)) <= max(1000, len(body))


@pytest.mark.parametrize("encoding", ["", "identity", " , "], ids=["none", "identity", "commas"])
def test_a_plain_body_stays(encoding: str) -> None:
    """A body that is not packed comes back as it is."""
    assert unpack(b"[]", encoding) == b"[]"


def test_encodings_are_undone_from_the_last_to_the_first() -> None:
    """A body that was packed twice is unpacked in reverse."""
    assert unpack(gzip.compress(zlib.compress(b"[]")), "deflate, gzip") == b"[]"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_nothing_unpacks_to_nothing(encoding: str) -> None:
    """An error without a body may keep the header of a packed one; it is an empty body, not a broken one."""
    assert unpack(b"", encoding) == b""


def test_an_encoding_that_was_not_asked_for() -> None:
    """A packing that cannot be undone is a ValueError that names it."""
    with pytest.raises(ValueError, match="packed as 'br', which was not asked for"):
        unpack(b"x", "br")


@pytest.mark.parametrize(
    "packed",
    [b"<html>", gzip.compress(b"[]")[:-8] + bytes(8), b"\x1f\x8b\x09" + bytes(20)],
    ids=["text", "checksum", "method"],
)
def test_a_corrupt_body_is_refused(packed: bytes) -> None:
    """What is no gzip, or fails its checksum, is a ValueError that says so."""
    with pytest.raises(ValueError, match="the body is corrupt: "):
        unpack(packed, "gzip")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_the_limit_is_exact(encoding: str) -> None:
    """A body of just the limit is whole; one byte more is a ValueError, told before all of it is unpacked."""
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    assert len(unpack(pack(bytes(1000)), encoding, limit=1000)) == 1000
    with pytest.raises(ValueError, match="larger than 1000 bytes when unpacked"):
        unpack(pack(bytes(1001)), encoding, limit=1000)


@pytest.mark.parametrize(
    "bomb", [gzip.compress(bytes(2_000_000)), gzip.compress(bytes(600_000)) * 2], ids=["one-member", "two-members"]
)
def test_a_bomb_does_not_go_off(bomb: bytes) -> None:
    """A small body that would unpack to more than the limit is refused, also if each of its members is below it."""
    with pytest.raises(ValueError, match="larger than 1000000 bytes when unpacked"):
        unpack(bomb, "gzip", limit=1_000_000)


def test_many_members_cost_no_time() -> None:
    """A hundred thousand members of nothing are refused, or read, in a moment."""
    body = gzip.compress(b"") * 100_000
    began = time.perf_counter()
    with suppress(ValueError):
        unpack(body, "gzip")
    assert time.perf_counter() - began < 1


def test_the_limit_is_64_mib() -> None:
    """The documented limit holds."""
    assert MAX_BODY == 64 * 1024 * 1024

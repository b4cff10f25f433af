"""What servers do wrong, on a real socket: each fault ends in its documented class, and the next call works."""

from __future__ import annotations

import gzip
import json
import math
import socket
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import anyio
import pytest

import hf_fillmask
from hf_fillmask import AsyncFillMaskClient, FillMaskError

from .helpers import MODEL, PATIENCE, TOKEN, chain, client_of, everything_shown_by, in_thread
from .scripted_server import LOADING, PREDICTION, Received, Script, Wire, scripted

pytestmark = pytest.mark.anyio

SICK, HEALTHY = "a sick [MASK]", "a healthy [MASK]"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
ANSWER = json.dumps([PREDICTION]).encode()
PACKED = gzip.compress(ANSWER)
MEGABYTE = b" " * (1 << 20)
SOON = {"retry_after_ms": "1"}


def replies(status: int, body: Any = b"", **headers: str) -> Script:
    """Answer properly, with something that is no result."""

    def script(request: Received, wire: Wire) -> None:
        wire.reply(status, body, **headers)

    return script


def breaks_off(data: bytes, *, reset: bool = False) -> Script:
    """Send `data`, then close or reset the connection."""

    def script(request: Received, wire: Wire) -> None:
        wire.send(data)
        if reset:
            wire.reset()
        else:
            wire.close()

    return script


def pours(head: bytes, piece: bytes, *, pause: float = 0.0) -> Script:
    """Send `head`, then `piece` again and again, with `pause` seconds before each, until the client has enough."""

    def script(request: Received, wire: Wire) -> None:
        wire.close()
        with suppress(OSError):
            wire.send(head)
            while True:
                wire.pause(pause)
                wire.send(piece)

    return script


def echoes(status: int, body: Callable[[bytes], bytes] = bytes, **headers: str) -> Script:
    """Send the token back, in a header and in the body."""

    def script(request: Received, wire: Wire) -> None:
        secret = request.headers["authorization"]
        wire.reply(status, body(secret.encode()), x_echo=secret, **headers)

    return script


def stalls(request: Received, wire: Wire) -> None:
    """Never answer."""
    wire.wait_until_gone()


@cache
def bomb() -> bytes:
    """Pack more than may be unpacked into some hundred kilobytes."""
    return gzip.compress(MEGABYTE * 65, 1)


def explodes(request: Received, wire: Wire) -> None:
    """Send a small body that is a large one."""
    wire.reply(200, bomb(), content_encoding="gzip")


def error_of(name: str) -> type[FillMaskError]:
    """Name a class of the tree shortly."""
    return getattr(hf_fillmask, f"{name}Error")


FAULTS: dict[str, tuple[Script, str, int]] = {
    # name: what the server does, the error's class, the requests that the call costs with one resend allowed
    "201": (replies(201, {"error": "boom"}), "API", 1),
    "204": (replies(204), "API", 1),
    "300": (replies(300), "API", 1),
    "302 without a location": (replies(302), "API", 1),
    "307": (replies(307, location="https://evil.example/"), "API", 1),
    "400": (replies(400, {"error": "boom"}), "BadRequest", 1),
    "400, a list": (replies(400, {"error": ["one", "two"]}), "BadRequest", 1),
    "400, paused": (replies(400, {"error": "Bad Request: Invalid state"}), "EndpointPaused", 1),
    "400, bad token": (replies(400, {"error": "… the token seems invalid"}), "Authentication", 1),
    "400, no mask": (replies(400, {"error": "No mask_token (<x>) found on the input"}), "MaskNotFound", 1),
    "401": (replies(401, {"error": "Invalid username or password."}), "Authentication", 1),
    "401 with the token in it": (echoes(401), "Authentication", 1),
    "402": (replies(402, {"error": "boom"}), "CreditsExhausted", 1),
    "403": (replies(403, {"error": "boom"}), "PermissionDenied", 1),
    "404": (replies(404, b"Not Found", content_type="text/plain"), "ModelNotFound", 1),
    "405": (replies(405), "API", 1),
    "410": (replies(410, {"error": "no longer supported"}), "Gone", 1),
    "413": (replies(413), "BadRequest", 1),
    "418": (replies(418, {"message": "boom"}), "API", 1),
    "422": (replies(422, b"expected a string", content_type="text/plain"), "BadRequest", 1),
    "424": (replies(424, {"detail": "boom"}), "API", 1),
    "429": (replies(429, {"error": "Rate limit reached."}, **SOON), "RateLimit", 2),
    "429 for minutes": (replies(429, retry_after="120"), "RateLimit", 1),
    "500": (replies(500, {"error": "unknown error", "warnings": ["boom"]}), "Server", 1),
    "500, no mask": (
        replies(500, {"error": "unknown error", "warnings": ["No mask_token (<x>) found on the input"]}),
        "MaskNotFound",
        1,
    ),
    "500, nested": (replies(500, b'{"error":' * 100_000), "Server", 1),
    "501": (replies(501), "Server", 1),
    "502": (replies(502, b"<html><title>502 Bad Gateway</title></html>", **SOON), "Server", 2),
    "503": (replies(503, LOADING), "ModelLoading", 2),
    "503, HTML": (replies(503, b"<html><title>503 busy</title></html>"), "ModelLoading", 2),
    "503, nothing": (replies(503), "ModelLoading", 2),
    "504": (replies(504, **SOON), "Server", 2),
    "520": (replies(520), "Server", 1),
    "599": (replies(599), "Server", 1),
    "closed before an answer": (breaks_off(b""), "Connect", 2),
    "reset before an answer": (breaks_off(b"", reset=True), "Connect", 2),
    "closed in the headers": (breaks_off(b"HTTP/1.1 200 OK\r\nconte"), "Connect", 2),
    "cut body": (breaks_off(HEAD + b"content-length: 1000\r\n\r\n[{"), "CutAnswer", 2),
    "cut body, reset": (breaks_off(HEAD + b"content-length: 1000\r\n\r\n[{", reset=True), "Connect", 2),
    "cut chunks": (breaks_off(HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n[{"), "CutAnswer", 2),
    "bad chunk": (breaks_off(HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n[{"), "Protocol", 1),
    "no HTTP": (breaks_off(b"\x00\x01\x02\r\n\r\n"), "Protocol", 1),
    "no answer": (stalls, "RequestTimeout", 1),
    "dripping body": (pours(HEAD + b"content-length: 100\r\n\r\n", b" ", pause=0.05), "RequestTimeout", 1),
    "dripping headers": (pours(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n", pause=0.05), "RequestTimeout", 1),
    "100 MB": (pours(HEAD + b"content-length: 104857600\r\n\r\n", MEGABYTE), "Protocol", 1),
    "100 MB in chunks": (
        pours(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"100000\r\n" + MEGABYTE + b"\r\n"),
        "Protocol",
        1,
    ),
    "65 MB in a small gzip": (explodes, "Protocol", 1),
    "corrupt gzip": (replies(200, b"\x1f\x8bnope", content_encoding="gzip"), "Protocol", 1),
    "cut gzip": (replies(200, PACKED[:-12], content_encoding="gzip"), "Protocol", 1),
    "unknown encoding": (replies(200, b"xx", content_encoding="br"), "Protocol", 1),
    "200, nothing": (replies(200), "Decode", 1),
    "200, HTML": (replies(200, b"<html><title>hello</title></html>"), "Decode", 1),
    "200, null": (replies(200, None), "Decode", 1),
    "200, text": (replies(200, "word"), "Decode", 1),
    "200, number": (replies(200, 5), "Decode", 1),
    "200, loading": (replies(200, LOADING), "Decode", 1),
    "200, error": (replies(200, {"error": "boom"}), "Decode", 1),
    "200, cut JSON": (replies(200, ANSWER[:-5]), "Decode", 1),
    "200, not UTF-8": (replies(200, b'["\xff"]'), "Decode", 1),
    "200, nested": (replies(200, b"[" * 200_000 + b"]" * 200_000), "Decode", 1),
    "200, keys missing": (replies(200, [{"score": 1.0}]), "Decode", 1),
    "200, wrong types": (replies(200, [{**PREDICTION, "token": "7"}]), "Decode", 1),
    "200, mixed shapes": (replies(200, [PREDICTION, [PREDICTION]]), "Decode", 1),
    "200, huge number": (replies(200, ANSWER.replace(b"0.5", b"9" * 5000)), "Decode", 1),
    "200 with the token in it": (echoes(200), "Decode", 1),
    "corrupt gzip with the token in it": (echoes(200, content_encoding="gzip"), "Protocol", 1),
    "cut gzip with the token in it": (
        echoes(200, lambda secret: zlib.compress(secret)[:-4], content_encoding="deflate"),
        "Protocol",
        1,
    ),
}
BOUNDED = {"no answer", "dripping body", "dripping headers"}


def one_sick_text(fault: Script) -> Script:
    """Break for one text alone."""

    def script(request: Received, wire: Wire) -> None:
        if request.inputs == SICK:
            fault(request, wire)
        else:
            wire.warm()

    return script


async def error_from(client: AsyncFillMaskClient) -> FillMaskError:
    """Ask for the sick text; nothing but an error of the tree may come of it, and in bounded time."""
    with anyio.fail_after(PATIENCE), pytest.raises(FillMaskError) as caught:
        await client.fill_mask(SICK)
    return caught.value


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_ends_in_its_class(name: str) -> None:
    """The class is the documented one, the message names the model, no token shows, and the next call works."""
    fault, expected, requests = FAULTS[name]
    timeout = 0.3 if name in BOUNDED else PATIENCE
    with scripted(one_sick_text(fault)) as server:
        async with client_of(server, token=TOKEN, timeout=timeout, max_retries=1, translate_mask=False) as client:
            error = await error_from(client)
            cost = len(server.requests)
            after = await client.fill_mask(HEALTHY, timeout=PATIENCE)
    assert type(error) is error_of(expected)
    assert (cost, error.attempts) == (requests, requests)
    assert str(error).startswith(f"{MODEL}: ")
    assert after[0].token_str == "word"
    assert TOKEN not in everything_shown_by(error)


@pytest.mark.parametrize(
    ("body", "headers", "scores"),
    [
        pytest.param(PACKED, {"content_encoding": "gzip"}, [[0.5]], id="gzip"),
        pytest.param(zlib.compress(ANSWER), {"content_encoding": "deflate"}, [[0.5]], id="deflate"),
        pytest.param(ANSWER.replace(b"0.5", b"NaN"), {}, [[math.nan]], id="NaN"),
        pytest.param([{**PREDICTION, "score": None}], {}, [[math.nan]], id="null score"),
        pytest.param([{**PREDICTION, "more": [1]}], {}, [[0.5]], id="extra keys"),
        pytest.param([], {}, [[]], id="no predictions"),
        pytest.param([[PREDICTION], [PREDICTION]], {}, [[0.5], [0.5]], id="two masks"),
    ],
)
async def test_an_odd_answer_is_a_result(body: Any, headers: dict[str, str], scores: list[list[float]]) -> None:
    """What is odd but documented is no fault."""
    with scripted(replies(200, body, **headers)) as server:
        async with client_of(server) as client:
            result = await client.fill_mask(SICK)
    assert repr([[prediction.score for prediction in mask] for mask in result.masks]) == repr(scores)


async def test_a_large_answer_is_decoded() -> None:
    """An answer of more than a megabyte is decoded, away from the event loop."""
    with scripted(replies(200, [PREDICTION] * 20_000)) as server:
        async with client_of(server) as client:
            result = await client.fill_mask(SICK)
    assert len(result) == 20_000


async def test_a_large_packed_answer_is_unpacked() -> None:
    """A packed body that takes long to unpack is unpacked, away from the event loop."""
    body = json.dumps([{**PREDICTION, "token": 7919 * number % 1_000_003} for number in range(10_000)]).encode()
    packed = gzip.compress(body, 1)
    with scripted(replies(200, packed, content_encoding="gzip")) as server:
        async with client_of(server) as client:
            result = await client.fill_mask(SICK)
    assert (len(packed) > 16_384, len(result)) == (True, 10_000)


async def test_nobody_listens() -> None:
    """A refused connection is a ConnectError that names the address and has the library's error as its cause."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with AsyncFillMaskClient(MODEL, base_url=url, token=TOKEN, max_retries=1) as client:
        error = await error_from(client)
    assert type(error) is hf_fillmask.ConnectError
    assert error.attempts == 2
    assert f"no answer from {url}" in str(error)
    assert type(error.__cause__).__module__ == "httpx"
    assert TOKEN not in everything_shown_by(error)


@pytest.mark.parametrize("host", ["xn--a.example", "\u2764.example"], ids=["punycode", "no letter"])
async def test_an_address_that_the_library_refuses(host: str) -> None:
    """A host that no name can be is a ValueError that says so, and the token shows in none of its links either."""
    async with AsyncFillMaskClient(MODEL, base_url=f"https://{host}", token=TOKEN) as client:
        with pytest.raises(ValueError, match="not a valid address") as caught:
            await client.fill_mask(SICK)
    shown = "".join(map(everything_shown_by, chain(caught.value)))
    assert TOKEN not in shown


async def test_a_fault_that_passes_is_not_seen() -> None:
    """A lost connection and a 502 are resent, and the caller sees the answer."""
    faults = [breaks_off(b"", reset=True), replies(502, **SOON)]

    def script(request: Received, wire: Wire) -> None:
        (faults.pop(0) if faults else replies(200, [PREDICTION]))(request, wire)

    with scripted(script) as server:
        async with client_of(server) as client:
            result = await client.fill_mask(SICK)
    assert (result.attempts, len(server.requests)) == (3, 3)


async def test_a_connection_that_was_closed_while_idle() -> None:
    """A connection that the server closed after an answer does not disturb the next call."""

    def script(request: Received, wire: Wire) -> None:
        wire.warm()
        wire.close()

    with scripted(script) as server:
        async with client_of(server, max_retries=0) as client:
            for _ in range(3):
                assert (await client.fill_mask(SICK)).attempts == 1
                await in_thread(server.wait_until_idle)

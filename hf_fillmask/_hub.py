"""The Hub: what it knows of a model.

Rule: one GET, asked through the same transport as everything else. A redirect (the Hub answers one for old model ids)
is followed here, and takes the token to no other origin.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from ._address import Target, check_url
from ._credentials import Credentials
from ._exchange import Request, Response
from ._plan import single_attempt
from ._request import build_info_request
from ._response import decode_model_info
from ._transport import AsyncTransport
from ._values import ModelInfo

__all__ = ["fetch_model_info"]

_MOST_HOPS = 5


async def fetch_model_info(
    transport: AsyncTransport, target: Target, credentials: Credentials, timeout: float
) -> ModelInfo:
    """Ask the Hub about a model; the errors are those of any other call."""
    request = build_info_request(target)
    response = await transport.send(single_attempt(request, timeout), credentials)
    for _ in range(_MOST_HOPS):
        moved = _moved(request, response)
        if moved is None:
            break
        if _origin(moved.url) != _origin(request.url):
            credentials = Credentials()
        request = moved
        response = await transport.send(single_attempt(request, timeout), credentials)
    return decode_model_info(request, response)


def _moved(request: Request, response: Response) -> Request | None:
    location = response.headers.get("location")
    if response.status_code not in (301, 302, 303, 307, 308) or not location:
        return None
    url = urljoin(request.url, location)
    try:
        check_url("the redirect", url)
    except ValueError:
        return None  # the decoder then reports the redirect itself
    return replace(request, url=url)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port

"""The Hub: what it knows of a model, and which models it knows.

Rule: GETs, asked through the same transport as everything else. A redirect (the Hub answers one for old model ids) is
followed here, and takes the token to no other origin.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urljoin

from ._address import Target, check_url, origin
from ._credentials import Credentials
from ._exchange import Request, Response
from ._models import decode_model_info, decode_models, next_page
from ._plan import single_attempt
from ._request import build_info_request
from ._transport import AsyncTransport
from ._values import ModelInfo

__all__ = ["fetch_model_info", "fetch_models"]

_MOST_HOPS = 5
_MOST_PAGES = 100


async def fetch_model_info(
    transport: AsyncTransport, target: Target, credentials: Credentials, timeout: float
) -> ModelInfo:
    """Ask the Hub about a model; the errors are those of any other call."""
    return decode_model_info(*await _fetched(transport, build_info_request(target), credentials, timeout))


async def fetch_models(
    transport: AsyncTransport, target: Target, credentials: Credentials, timeout: float, *, warm: bool, limit: int
) -> list[ModelInfo]:
    """Ask the Hub for a list of at most `limit` models, page by page; with `warm` for those that are loaded now.

    Pages at another origin than the first are not asked for.
    """
    found: list[ModelInfo] = []
    request = build_info_request(target)
    for _ in range(_MOST_PAGES):
        answered, response = await _fetched(transport, request, credentials, timeout)
        found += [info for info in decode_models(answered, response) if info.warm or not warm]
        following = next_page(answered, response)
        if len(found) >= limit or following is None or origin(following) != origin(target.url):
            break
        request = replace(request, url=following)
    return found[:limit]


async def _fetched(
    transport: AsyncTransport, request: Request, credentials: Credentials, timeout: float
) -> tuple[Request, Response]:
    """Send a GET, and on to where it is redirected: the last request, and its answer."""
    response = await transport.send(single_attempt(request, timeout), credentials)
    for _ in range(_MOST_HOPS):
        moved = _moved(request, response)
        if moved is None:
            break
        if origin(moved.url) != origin(request.url):
            credentials = Credentials()
        request = moved
        response = await transport.send(single_attempt(request, timeout), credentials)
    return request, response


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

"""What the tests of the wire share: respx in the place of the network, and what it was sent."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import respx

from .helpers import MODEL
from .scripted_server import PREDICTION

BASE = "https://api.example/hf"
ENDPOINT = f"{BASE}/models/{MODEL}"
HUB = "https://huggingface.co"
HUB_PAGE = f"{HUB}/api/models/{MODEL}"


@pytest.fixture
def wire() -> Iterator[respx.MockRouter]:
    """Stand in for the network, under the client's own connections."""
    with respx.mock(assert_all_called=False) as router:
        yield router


def warm(_: httpx.Request | None = None) -> httpx.Response:
    """Answer as a warm model."""
    return httpx.Response(200, json=[PREDICTION])


def sent(route: respx.Route) -> list[httpx.Request]:
    """Return the requests that a route got."""
    return [call.request for call in route.calls]

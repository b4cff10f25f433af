"""How a client travels: by pickle and copy, as its configuration."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from hf_fillmask import AsyncFillMaskClient

from .helpers import MODEL, TOKEN, every_way_to_travel, mocked


def settings_of(client: Any) -> dict[str, Any]:
    """Return all that makes a client, its token included."""
    return client.configuration(include_token=True)


@every_way_to_travel
def test_a_client_travels_as_its_configuration(travel: Callable[[Any], Any]) -> None:
    """What arrives is another client with the same settings, and nothing shared."""
    client = AsyncFillMaskClient(
        MODEL, base_url="https://api.example", token=False, timeout=5, headers={"X-Mine": "1"}, cold_start="raise"
    )
    other = travel(client)
    assert settings_of(other) == settings_of(client)
    assert {id(part) for part in vars(client).values()} & {id(part) for part in vars(other).values()} <= {
        id(part) for part in (None, True, False)
    }


def test_the_token_travels_only_on_request() -> None:
    """A pickle never holds a passed token, a copy in the same program keeps it, and a configuration if asked for it."""
    client = AsyncFillMaskClient(MODEL, token=TOKEN)
    assert TOKEN.encode() not in pickle.dumps(client)
    assert client.configuration()["token"] is None
    assert client.configuration(include_token=True)["token"] == TOKEN
    assert settings_of(copy.copy(client))["token"] == TOKEN
    assert TOKEN not in repr(client)


def test_a_found_token_is_looked_up_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of the environment is in no configuration: it is found again where the client arrives."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    client = AsyncFillMaskClient(MODEL)
    assert client.configuration(include_token=True)["token"] is None
    assert TOKEN.encode() not in pickle.dumps(client)


@every_way_to_travel
def test_an_injected_client_does_not_travel(travel: Callable[[Any], Any]) -> None:
    """A client with an HTTP client of the user's cannot be made again elsewhere."""
    client = AsyncFillMaskClient(MODEL, http_client=mocked(lambda _: httpx.Response(200)))
    with pytest.raises(TypeError, match="http_client"):
        travel(client)

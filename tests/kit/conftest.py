"""What the test kit's tests share: an emulator that is asked within the process, and one on a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hf_fillmask import AsyncFillMaskClient
from hf_fillmask.emulator import FillMaskEmulator

from ..shell.helpers import no_surroundings

__all__ = ["no_surroundings"]

Connect = Callable[..., AsyncFillMaskClient]

_MODEL = "google-bert/bert-base-uncased"


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[FillMaskEmulator]:
    """Start one server for many tests: to stop it takes a tenth of a second."""
    with FillMaskEmulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(shared_emulator: FillMaskEmulator) -> FillMaskEmulator:
    """Give an emulator that is as good as new."""
    shared_emulator.clear()
    return shared_emulator


@pytest.fixture(params=["in process", "on a socket"])
def connect(request: pytest.FixtureRequest, emulator: FillMaskEmulator, no_surroundings: None) -> Connect:
    """Return a function that makes a client of `emulator`; it takes the client's arguments."""

    def on_a_socket(model: str = _MODEL, **options: Any) -> AsyncFillMaskClient:
        return AsyncFillMaskClient(model, **{"base_url": emulator.url, "hub_url": emulator.url, **options})

    return emulator.async_client if request.param == "in process" else on_a_socket

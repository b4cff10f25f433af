"""The pytest plugin of hf_fillmask: the fixture `fill_mask_emulator`, a server to script and to look into.

Rule: pytest loads this file in every run of whoever has the package installed, before coverage begins to count. So it
is installed beside the package, whose modules it would load too early, and imports only what pytest has loaded anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hf_fillmask.emulator import FillMaskEmulator


@pytest.fixture
def fill_mask_emulator() -> Iterator[FillMaskEmulator]:
    """A fill-mask server for this test: in process for async and sync clients, or on a socket (`.url`).

    Script it in one line each: cold, fail, rate_limit, cut, stall, reset, latency, answer; and assert on `.requests`.
    """
    emulator = _emulator()
    if isinstance(emulator, str):
        pytest.fail(emulator, pytrace=False)
    with emulator:
        yield emulator


def _emulator() -> FillMaskEmulator | str:
    """Make the emulator, or say what is missing."""
    try:
        from hf_fillmask.emulator import FillMaskEmulator
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        return f"the fixture fill_mask_emulator needs {error.name}: pip install 'hf-fillmask[emulator]'"
    return FillMaskEmulator()

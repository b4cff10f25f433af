"""The portal by itself: what a client relies on when threads race."""

from __future__ import annotations

import pytest
import trio

from hf_fillmask import FillMaskClient
from hf_fillmask._portal import Portal
from hf_fillmask.emulator import create_app, serving


async def farewell() -> None:
    """Have nothing to close."""


async def answer() -> str:
    """Be a call."""
    return "word"


def test_a_call_that_comes_after_the_close() -> None:
    """A thread that loses a race with close() is told so, as any later caller."""
    portal = Portal(farewell)
    assert portal.call(answer) == "word"
    portal.close()
    with pytest.raises(RuntimeError, match="closed"):
        portal.call(answer)


def test_an_emulator_made_inside_of_trio() -> None:
    """An emulator that is made in one event loop and served in another answers."""

    async def program() -> str:
        with serving(create_app(load_seconds=0)) as url, FillMaskClient(base_url=url, token=False) as client:
            return client.fill_mask("Paris is the capital of [MASK].", model="bert")[0].word

    assert trio.run(program) == "France"

"""One client a process and event loop."""

from __future__ import annotations

import anyio
import pytest

from hf_fillmask import AsyncFillMaskClient
from hf_fillmask._clients import Clients

pytestmark = pytest.mark.anyio


def clients(rate: float | None = None) -> Clients:
    """Return clients of which none is open yet."""
    return Clients(AsyncFillMaskClient("org/model", token=False), rate)


async def test_one_loop_has_one_client() -> None:
    """Who asks again in the same event loop gets the same client, until it is closed."""
    ours = clients()
    first = ours.here()
    assert ours.here() is first
    await ours.aclose()
    assert ours.here() is not first


async def test_another_loop_has_another_client() -> None:
    """A client never crosses event loops, and each is closed in its own."""
    ours = clients()
    here = ours.here()

    async def there() -> bool:
        other = ours.here()
        await ours.aclose()
        return other is here

    assert not await anyio.to_thread.run_sync(anyio.run, there)
    assert ours.here() is here


async def test_nothing_to_close() -> None:
    """Where no client was made none is closed."""
    await clients().aclose()


async def test_the_cap_is_the_loop_s() -> None:
    """All who share a client share its cap; without one there is none."""
    assert clients().here().rate is None
    ours = clients(5)
    assert ours.here().rate is not None
    assert ours.here().rate is ours.here().rate

"""What every test may use: both event loops, and a hypothesis that draws the same examples in every run."""

from __future__ import annotations

import pytest
from hypothesis import settings

# No deadline of hypothesis's own, which is 200 ms a sample: how long one takes is up to the machine.
settings.register_profile("steady", derandomize=True, deadline=None, database=None, max_examples=60)
settings.load_profile("steady")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run every async test on asyncio and on trio."""
    return str(request.param)

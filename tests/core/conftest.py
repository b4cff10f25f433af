"""What the tests of the core share: hypothesis draws the same examples in every run, on every machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, database=None, max_examples=60)
settings.load_profile("steady")

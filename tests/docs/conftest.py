"""The pages run against one emulator, and see nothing of the surroundings that they run in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hf_fillmask.emulator import create_app, serving

from ..shell.helpers import no_surroundings

__all__ = ["no_surroundings"]


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    """Serve the emulator for all pages: what it learns from costs a second."""
    with serving(create_app(load_seconds=0.05)) as url:
        yield url


@pytest.fixture
def emulator(base_url: str, no_surroundings: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the emulator be the server and the Hub, as a reader who follows the tutorial does, in a folder of its own."""
    monkeypatch.setenv("HF_FILLMASK_BASE_URL", base_url)
    monkeypatch.setenv("HF_ENDPOINT", base_url)
    monkeypatch.chdir(tmp_path)

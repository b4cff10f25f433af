"""The examples ask the emulator of the documentation's pages; nothing here sees the surroundings that it runs in."""

from __future__ import annotations

from ..docs.conftest import emulator, shared, watched
from ..shell.helpers import no_surroundings

__all__ = ["emulator", "no_surroundings", "shared", "watched"]

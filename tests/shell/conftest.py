"""The shell's tests see nothing of the surroundings that they run in."""

from .helpers import no_surroundings

__all__ = ["no_surroundings"]

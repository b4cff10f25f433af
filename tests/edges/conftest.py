"""The tests of the edges see nothing of the surroundings that they run in."""

from ..shell.helpers import no_surroundings

__all__ = ["no_surroundings"]

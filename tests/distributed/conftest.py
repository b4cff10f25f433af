"""The tests of tables and clusters see nothing of the surroundings that they run in."""

from ..shell.helpers import no_surroundings

__all__ = ["no_surroundings"]

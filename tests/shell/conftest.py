"""The shell's tests see nothing of the surroundings that they run in; those of the wire have a network of respx's."""

from .helpers import no_surroundings
from .mocked_wire import wire

__all__ = ["no_surroundings", "wire"]

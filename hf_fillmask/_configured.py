"""A client as its configuration: so it is copied and pickled, since its connections can be neither.

Rule: an explicit token stays in the process: a copy has it, a pickle has not.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self

__all__ = ["Configured"]


class Configured:
    """What both clients share: they are copied and pickled as the keyword arguments of an equal one."""

    if TYPE_CHECKING:

        def configuration(self, *, include_token: bool = False) -> dict[str, Any]:
            """Return the keyword arguments that make an equal client elsewhere; each client has its own."""
            ...

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the configuration, without an explicit token."""
        return partial(type(self), **self.configuration()), ()

    def __copy__(self) -> Self:
        """Copy the configuration; connections, learnt masks and wake-ups are not shared."""
        return partial(type(self), **self.configuration(include_token=True))()

    def __deepcopy__(self, memo: object) -> Self:
        """Copy as `copy.copy` does."""
        return self.__copy__()

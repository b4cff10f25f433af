"""When a run stops by itself: where every further row would fail the same way, and cost time or money.

Rule: pure counting. A row whose text is at fault never stops a run, and neither does one that could not be read.
"""

from __future__ import annotations

from ..._errors import (
    AuthenticationError,
    BadRequestError,
    CreditsExhaustedError,
    EndpointPausedError,
    FillMaskError,
    GoneError,
    MaskNotFoundError,
    ModelLoadingError,
    ModelNotFoundError,
    PermissionDeniedError,
)

__all__ = ["StopRule"]

_HOPELESS = (
    AuthenticationError,
    CreditsExhaustedError,
    EndpointPausedError,
    GoneError,
    ModelLoadingError,
    ModelNotFoundError,
    PermissionDeniedError,
)
_OF_THE_TEXT = (BadRequestError, MaskNotFoundError)

# In a row, without an answer in between: (before the first answer of the run, later).
_HOPELESS_LIMITS = (1, 10)
_LIMITS = (10, 100)  # no answer at all, 429, 5xx: the network or the server is gone


class StopRule:
    """Watches the answers; with `keep_going` it never stops."""

    def __init__(self, *, keep_going: bool = False) -> None:
        self._keep_going = keep_going
        self._answered = False
        self._hopeless = self._others = 0

    def reason(self, failure: FillMaskError | None) -> FillMaskError | None:
        """Count what a text ended in, None for a result; return it if the run is to stop here."""
        if failure is None or isinstance(failure, _OF_THE_TEXT):
            self._answered = True
            self._hopeless = self._others = 0
            return None
        if isinstance(failure, _HOPELESS):
            self._hopeless += 1
        else:
            self._others += 1
        over = self._hopeless >= _HOPELESS_LIMITS[self._answered] or self._others >= _LIMITS[self._answered]
        return failure if over and not self._keep_going else None

"""What a client has learnt of its models' masks, and how it writes texts with them.

Rule: no I/O. The server's own error names the mask of its model; it is remembered per (base URL, model).
"""

from __future__ import annotations

from ._address import Target
from ._errors import MaskNotFoundError
from ._mask import translate

__all__ = ["MaskMemory"]


class MaskMemory:
    """The masks of the models that a client has talked to."""

    def __init__(self, *, translates: bool) -> None:
        self.translates = translates
        self._known: dict[tuple[str, str], str | None] = {}  # None: the Hub was asked and does not know

    def has_asked(self, target: Target) -> bool:
        """Whether there is no point in asking the Hub (again)."""
        return target.key in self._known

    def remember(self, target: Target, mask_token: str | None) -> None:
        """Keep what the Hub, or the server, says; that the Hub does not know (None) undoes nothing."""
        if mask_token is None:
            self._known.setdefault(target.key)
        else:
            self._known[target.key] = mask_token

    def written(self, inputs: str, target: Target) -> tuple[str, str | None]:
        """Return the text to send, with the model's mask once that is known, and that mask.

        Raises `MaskNotFoundError`, without asking the server, for a text that holds no known mask; but an empty text
        is sent, since texts are the server's to judge.
        """
        mask_token = self._known.get(target.key) if self.translates else None
        if mask_token is None or not inputs:
            return inputs, mask_token
        text = translate(inputs, mask_token)
        if text is None:
            message = f"the text holds no mask; the mask of this model is {mask_token}."
            raise MaskNotFoundError(message, mask_token=mask_token, status_code=None, model=target.model)
        return text, mask_token

    def learn(self, error: MaskNotFoundError, inputs: str, sent: str, target: Target) -> str | None:
        """Remember the mask that the server named; return the text written with it, if that is a new one."""
        if error.mask_token is None or not self.translates:
            return None
        self.remember(target, error.mask_token)
        text = translate(inputs, error.mask_token)
        return None if text == sent else text

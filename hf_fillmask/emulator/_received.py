"""What a request asked for, kept for a test to look at.

Rule: a token is shown to who asks for it by name, and to nobody else: no repr and no header holds it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ._requests import hold_seconds

__all__ = ["Received", "received"]

_SCHEME = "Bearer "


@dataclass(frozen=True, slots=True)
class Received:
    """A request to fill masks, as it came in.

    `inputs` is the text, or the list of texts, and `parameters` what was sent with it (`top_k`, `targets`); None and
    empty where the `body` is not what the API takes. `headers` have names in lower case; where a token was sent,
    ``headers["authorization"]`` says so without it, and `token` is the token.
    """

    model: str
    inputs: Any
    parameters: Mapping[str, Any]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def waits(self) -> bool:
        """Whether it asks to be held until a cold model is warm: the retry after a 503."""
        return hold_seconds(self.headers) > 0


def received(model: str, headers: Mapping[str, str], body: bytes) -> Received:
    """Return the record of a request."""
    content = _content(body)
    parameters = content.get("parameters")
    authorization = headers.get("authorization")
    shown = dict(headers)
    if authorization is not None:
        shown["authorization"] = f"{_SCHEME}***"
    return Received(
        model=model,
        inputs=content.get("inputs"),
        parameters=MappingProxyType(parameters if isinstance(parameters, dict) else {}),
        headers=MappingProxyType(shown),
        body=body,
        token=None if authorization is None else authorization.removeprefix(_SCHEME),
    )


def _content(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}

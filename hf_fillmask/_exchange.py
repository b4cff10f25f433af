"""The two values that pass between the layers: what is sent, and what came back.

Rule: frozen, comparable with ``==``, and the Request never holds the token: the transport adds it when it sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Request", "Response"]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as plain data; `model`, `inputs` and `mask_token` are what its answer is read with.

    A list request has its texts in `texts`, and no `inputs`.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    model: str
    inputs: str = ""
    mask_token: str | None = None
    texts: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """The scheme, host and port of the URL, as it spells them."""
        return "/".join(self.url.split("/", 3)[:3])


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer as plain data, and what a decoder must know to judge it.

    Header names are in lower case, `body` is unpacked. `attempts` counts the HTTP exchanges of the call so far,
    `waited` its seconds spent on a cold start. After a cold start `cold` is the first 503; `wait_expired` says that the
    second attempt ran out of time, and this response is then that 503 once more.
    """

    status_code: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    body: bytes = b""
    attempts: int = 1
    waited: float = 0.0
    cold: Response | None = None
    wait_expired: bool = False

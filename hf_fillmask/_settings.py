"""What a user sets: once for a client (`Settings`), and again for a call (`Options`).

Rule: frozen and checked when made; the token's file is the only thing that is left to look at later.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Literal, TypedDict

from ._address import Target, base_url_of, hub_url_of, resolve
from ._checks import checked_headers, count, flag, seconds, target_words
from ._credentials import Credentials, find_token
from ._values import ColdStart

__all__ = ["CallOptions", "Options", "Settings", "TransportKind", "settings"]

TransportKind = Literal["httpx", "aiohttp"]
"""Through which library requests are sent."""


class CallOptions(TypedDict, total=False):
    """The options of a call, as `AsyncFillMaskClient.fill_mask` explains them; None takes the client's.

    For functions of your own that hand them on: ``def fill(texts: list[str], **options: Unpack[CallOptions])``.
    """

    model: str | None
    top_k: int | None
    targets: Iterable[str] | None
    use_cache: bool | None
    timeout: float | None
    cold_start_timeout: float | None
    deadline: float | None


@dataclass(frozen=True, slots=True)
class Options:
    """What holds for one call; seconds are positive, `deadline` None means no bound."""

    target: Target
    top_k: int | None
    targets: tuple[str, ...] | None
    use_cache: bool
    timeout: float
    cold_start_timeout: float
    deadline: float | None


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for a client; see `AsyncFillMaskClient` for the meaning of each."""

    model: str | None
    target: Target | None
    base_url: str
    hub_url: str
    anonymous: bool
    found_token: Credentials | Path | None
    timeout: float
    cold_start_timeout: float
    cold_start: Literal["wait", "raise"]
    max_retries: int
    max_connections: int
    use_cache: bool
    translate_mask: bool
    on_cold_start: Callable[[ColdStart], None] | None
    headers: tuple[tuple[str, str], ...]
    transport: TransportKind

    def options(
        self,
        *,
        model: str | None = None,
        top_k: int | None = None,
        targets: Iterable[str] | None = None,
        use_cache: bool | None = None,
        timeout: float | None = None,
        cold_start_timeout: float | None = None,
        deadline: float | None = None,
    ) -> Options:
        """Complete and check the arguments of a call; None takes the client's."""
        own = self.target if model is None else None
        target = resolve(model, self.base_url) if own is None else own
        if isinstance(self.found_token, Credentials):
            self.found_token.check(target.url)
        return Options(
            target=target,
            top_k=None if top_k is None else count("top_k", top_k),
            targets=None if targets is None else target_words(targets),
            use_cache=self.use_cache if use_cache is None else flag("use_cache", use_cache),
            timeout=self.timeout if timeout is None else seconds("timeout", timeout),
            cold_start_timeout=self.cold_start_timeout
            if cold_start_timeout is None
            else seconds("cold_start_timeout", cold_start_timeout),
            deadline=None if deadline is None else seconds("deadline", deadline),
        )

    def arguments(self, *, include_token: bool) -> dict[str, Any]:
        """Give the arguments that make an equal client; an explicit token only if it is asked for."""
        names = (
            *("model", "base_url", "hub_url", "timeout", "cold_start_timeout", "cold_start", "max_retries"),
            *("max_connections", "use_cache", "translate_mask", "on_cold_start", "transport"),
        )
        token: str | Literal[False] | None = False if self.anonymous else None
        if include_token and not self.anonymous and isinstance(self.found_token, Credentials):
            token = self.found_token.reveal()
        return {name: getattr(self, name) for name in names} | {"headers": dict(self.headers), "token": token}


def settings(
    *,
    model: str | None,
    token: str | Literal[False] | None,
    base_url: str | None,
    hub_url: str | None = None,
    timeout: float,
    cold_start_timeout: float,
    cold_start: str,
    max_retries: int,
    max_connections: int,
    use_cache: bool,
    translate_mask: bool,
    on_cold_start: Callable[[ColdStart], None] | None,
    headers: Mapping[str, str] | None,
    transport: str = "httpx",
) -> Settings:
    """Check the arguments of a client, and read the environment for those that were left out."""
    if cold_start not in ("wait", "raise"):
        raise ValueError(f"cold_start must be 'wait' or 'raise', not {cold_start!r}")
    if transport not in ("httpx", "aiohttp"):
        raise ValueError(f"transport must be 'httpx' or 'aiohttp', not {transport!r}")
    if on_cold_start is not None and (not callable(on_cold_start) or iscoroutinefunction(on_cold_start)):
        raise TypeError("on_cold_start must be a plain function")
    base_url = base_url_of(base_url, os.environ)
    made = Settings(
        model=model,
        target=None if model is None else resolve(model, base_url),
        base_url=base_url,
        hub_url=hub_url_of(hub_url, os.environ),
        anonymous=token is False or (isinstance(token, str) and not token.strip()),
        found_token=find_token(token, os.environ),
        timeout=seconds("timeout", timeout),
        cold_start_timeout=seconds("cold_start_timeout", cold_start_timeout),
        cold_start=cold_start,  # type: ignore[arg-type]  # one of the two, as checked above
        max_retries=count("max_retries", max_retries, least=0),
        max_connections=count("max_connections", max_connections),
        use_cache=flag("use_cache", use_cache),
        translate_mask=flag("translate_mask", translate_mask),
        on_cold_start=on_cold_start,
        headers=checked_headers(headers),
        transport=transport,  # type: ignore[arg-type]  # as above
    )
    if isinstance(made.found_token, Credentials):  # refused here already if it would go over plain http
        made.found_token.check(made.base_url if made.target is None else made.target.url)
    return made

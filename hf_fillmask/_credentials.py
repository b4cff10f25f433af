"""The token: where it is found, and which servers may see it.

Rule: the token's value leaves this file in two places only, `Credentials.header` and, for a user who asks for it in so
many words, `Credentials.reveal`; nothing else shows or returns it.
Source: the conventions (docs/reference/environment.md) are those of huggingface_hub; the hosts are Hugging Face's.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

__all__ = ["Credentials", "find_token", "is_hugging_face", "is_loopback", "is_private_line", "token_in"]

_SHORTEST = 8  # characters of a token that is blotted out of a result
_SHORTEST_OF_ALL = 4  # characters of one that is blotted out of an error
_YES = {"1", "ON", "YES", "TRUE"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token, or none, and whether the user passed it in so many words."""

    _token: str | None = field(default=None, repr=False)
    explicit: bool = False

    def __reduce__(self) -> tuple[type[Credentials], tuple[()]]:
        """Pickle as no token at all: a secret does not travel by accident."""
        return Credentials, ()

    def header(self, url: str) -> dict[str, str]:
        """Return the authorization header for a request to `url`; empty where this token must not go."""
        if self._token is None:
            return {}
        allowed = is_private_line(url) and (self.explicit or is_hugging_face(url))
        return {"authorization": f"Bearer {self._token}"} if allowed else {}

    def reveal(self) -> str | None:
        """Return a token that was passed explicitly; one that was found is looked up anew wherever it is needed."""
        return self._token if self.explicit else None

    def check(self, url: str) -> None:
        """Refuse (ValueError) to send a token that was passed explicitly over plain http."""
        if self._token and self.explicit and not is_private_line(url):
            raise ValueError("a token is not sent over plain http; use https://, or a loopback address")

    def redact(self, status: int, body: bytes) -> bytes:
        """Blot the token out of a body that a server sent back."""
        token = self._telling(status)
        return body if token is None else body.replace(token.encode(), b"***")

    def redact_headers(self, status: int, headers: dict[str, str]) -> dict[str, str]:
        """Blot the token out of the headers that a server sent back."""
        token = self._telling(status)
        return headers if token is None else {name: value.replace(token, "***") for name, value in headers.items()}

    def _telling(self, status: int) -> str | None:
        """Return the token if it is long enough to be told from the words of an answer.

        Short stand-ins, as local servers take them, may be words of a result; an error loses them all the same.
        """
        shortest = _SHORTEST if status == 200 else _SHORTEST_OF_ALL
        return self._token if self._token is not None and len(self._token) >= shortest else None


def find_token(token: str | Literal[False] | None, environment: Mapping[str, str]) -> Credentials | Path | None:
    """Look for a token as huggingface_hub does.

    Returns credentials, or the path of the file in which a token may be (for the shell to read), or None.
    The order: the argument, ``HF_TOKEN``, ``HUGGING_FACE_HUB_TOKEN``, the file ``HF_TOKEN_PATH`` or ``$HF_HOME/token``.
    """
    if token is not None and token is not False:
        return _credentials(token, explicit=True)
    if token is False or environment.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in _YES:
        return None
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if value := environment.get(name, "").strip():
            return _credentials(value, explicit=False)
    return _token_path(environment)


def token_in(content: str) -> Credentials:
    """Take the token out of what a token file holds; an empty file is no token."""
    return _credentials(content, explicit=False)


def _credentials(token: object, *, explicit: bool) -> Credentials:
    if not isinstance(token, str):
        raise TypeError(f"token must be a str, False or None, not {type(token).__name__}")
    token = token.strip()
    if token.isascii() and token.isprintable() and " " not in token:
        return Credentials(token or None, explicit)
    raise ValueError("the token holds a space or a character that no token has; give the token alone, without 'Bearer'")


def _token_path(environment: Mapping[str, str]) -> Path:
    cache = Path(environment.get("XDG_CACHE_HOME") or "~/.cache")
    home = Path(environment.get("HF_HOME") or cache / "huggingface")
    return Path(os.path.expanduser(environment.get("HF_TOKEN_PATH") or home / "token"))


def is_hugging_face(url: str) -> bool:
    """Whether `url` is https on a host of Hugging Face, where a token that was found implicitly may go."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    ours = host == "huggingface.co" or host.endswith((".huggingface.co", ".endpoints.huggingface.cloud"))
    return parts.scheme == "https" and ours


def is_private_line(url: str) -> bool:
    """Whether nobody between here and `url` can read a header: https, or a loopback address."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine: localhost, 127.0.0.0/8 or ::1."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

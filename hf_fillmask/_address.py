"""Where a request goes: model ids, base URLs, and the URL that the two make.

Rule: plain functions on strings; what could point somewhere else than its author meant is refused with a ValueError.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from ._checks import text

__all__ = [
    "ROUTER",
    "Target",
    "base_url_of",
    "check_url",
    "hub_url_of",
    "is_url",
    "model_info_url",
    "models_url",
    "origin",
    "resolve",
]

ROUTER = "https://router.huggingface.co/hf-inference"
HUB = "https://huggingface.co"
_HOST = re.compile(r"(?:\[[^\[\]]+\]|[^\[\]]+)(?::\d*)?")
_EXPAND = "&".join(
    f"expand[]={field}" for field in ("mask_token", "pipeline_tag", "inference", "inferenceProviderMapping")
)


@dataclass(frozen=True, slots=True)
class Target:
    """A model at an address: `model` as the user named it, `url` to post to, `base_url` it was found under."""

    model: str
    url: str
    base_url: str

    @property
    def key(self) -> tuple[str, str]:
        """The key of what is remembered of a model: (base URL, model)."""
        return self.base_url, self.model


def is_url(model: str) -> bool:
    """Tell the full URL of an endpoint from a Hub id."""
    return model[:8].lower().startswith(("http://", "https://"))


def resolve(model: str | None, base_url: str) -> Target:
    """Give the address of `model`: an endpoint's URL as it stands, else ``{base_url}/models/{id}``."""
    model = _named(model)
    if is_url(model):
        check_url("model", model)
        return Target(model, model, model)
    return Target(model, f"{base_url}/models/{_quoted(model)}", base_url)


def model_info_url(model: str | None, hub_url: str) -> Target:
    """Give the address of the Hub's page of `model`, with the fields that we read."""
    model = _named(model)
    if is_url(model):
        raise ValueError("the Hub knows models by their ids, not by the URL of an endpoint")
    return Target(model, f"{hub_url}/api/models/{_quoted(model)}?{_EXPAND}", hub_url)


def models_url(hub_url: str, search: str | None, *, warm: bool, limit: int) -> Target:
    """Give the address of the Hub's list of fill-mask models that are served, with the fields that we read.

    What such a request is about, in place of a model, is the Hub.
    """
    query = {"pipeline_tag": "fill-mask", "inference_provider": "hf-inference", "limit": str(limit)}
    if warm:
        query["inference"] = "warm"
    if search is not None:
        query["search"] = search
    return Target(hub_url, f"{hub_url}/api/models?{urlencode(query, errors='replace')}&{_EXPAND}", hub_url)


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Give the scheme, host and port that `url` names."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def base_url_of(base_url: str | None, environment: Mapping[str, str]) -> str:
    """Choose the base URL: the argument, ``HF_FILLMASK_BASE_URL``, or the router."""
    return _chosen("base_url", base_url, "HF_FILLMASK_BASE_URL", environment, ROUTER)


def hub_url_of(hub_url: str | None, environment: Mapping[str, str]) -> str:
    """Choose the Hub: the argument, ``HF_ENDPOINT``, or huggingface.co."""
    return _chosen("hub_url", hub_url, "HF_ENDPOINT", environment, HUB)


def _chosen(name: str, given: str | None, variable: str, environment: Mapping[str, str], default: str) -> str:
    url = text(name, given) if given is not None else ""
    if not url:
        name, url = variable, environment.get(variable) or default
    check_url(name, url)
    if "?" in url:
        raise ValueError(f"{name} must not have a query")
    return url.rstrip("/")


def check_url(name: str, url: str) -> SplitResult:
    """Take an http or https URL apart; one that hides something, or a secret, is refused.

    The messages do not repeat the URL: it may hold a password.
    """
    if not text(name, url).isprintable() or " " in url:
        raise ValueError(f"{name} must not hold spaces or control characters")
    parts = _split(url)
    if parts is None:
        raise ValueError(f"{name} must be an http:// or https:// URL with a valid host and port")
    if "@" in parts.netloc:
        raise ValueError(f"{name} must not hold a user name or a password; use token=")
    if "#" in url or "\\" in url or ".." in parts.path.split("/"):
        raise ValueError(f"{name} must not hold a fragment, a backslash or '..'")
    return parts


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        valid = valid and _HOST.fullmatch(parts.netloc) is not None
    except ValueError:  # the port is no number, or a bracket of an IPv6 address is missing
        return None
    return parts if valid else None


def _named(model: str | None) -> str:
    if model is None:
        raise ValueError("no model: pass model= to the client or to the call")
    return text("model", model)


def _quoted(model: str) -> str:
    """Check a Hub id and percent-encode it, its slash apart."""
    parts = model.split("/")
    if ".." in model or any(mark in model for mark in "?#\\") or not model.isprintable():
        raise ValueError(f"{model!r} is not a model id: no '..', '?', '#', backslash or control character")
    if any(part.strip() in ("", ".") for part in parts) or model != model.strip():
        raise ValueError(f"{model!r} is not a model id, such as 'google-bert/bert-base-uncased'")
    return quote(model, safe="/", errors="surrogatepass")

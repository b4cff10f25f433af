"""What an output was made of: written beside it before its first row, compared before a run goes on with it.

Rule: nothing in this file does I/O.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..._version import __version__

__all__ = ["differences", "dumped", "loaded", "manifest"]

_LAYOUT = 1
_COMPARED = {
    "layout": "the version of the output",
    "model": "--model",
    "base_url": "--base-url",
    "top_k": "--top-k",
    "targets": "--target",
    "format": "--format",
    "column": "--column",
}
_INPUT = {"size": "the size of INPUT", "head": "the beginning of INPUT", "tail": "the end of INPUT"}

Manifest = Mapping[str, Any]


def manifest(
    *,
    model: str,
    base_url: str,
    top_k: int | None,
    targets: Iterable[str],
    format: str,  # noqa: A002 - as the option is called
    column: str,
    identity: Mapping[str, Any],
) -> dict[str, Any]:
    """Gather what decides about the rows of an output; the order of `targets` does not."""
    return {
        "layout": _LAYOUT,
        "written_by": f"hf_fillmask {__version__}",
        "model": model,
        "base_url": base_url,
        "top_k": top_k,
        "targets": sorted(set(targets)),
        "format": format,
        "column": column,
        "input": dict(identity),
    }


def dumped(values: Manifest) -> bytes:
    """Write a manifest, for people, too."""
    return json.dumps(values, indent=2).encode() + b"\n"


def loaded(data: bytes) -> dict[str, Any] | None:
    """Read a manifest; None if it is none."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) and isinstance(values.get("input"), dict) else None


def differences(before: Manifest, now: Manifest) -> list[str]:
    """Say what is not as it was, one phrase each."""
    return [
        *_differing(before, now, _COMPARED),
        *_differing(before["input"], now["input"], _INPUT),
    ]


def _differing(before: Manifest, now: Manifest, names: Mapping[str, str]) -> Iterator[str]:
    for key, name in names.items():
        then, today = before.get(key), now.get(key)
        if then == today:
            continue
        is_hash = key in ("head", "tail")
        yield f"{name} differs" if is_hash else f"{name} was {_shown(then)} and is {_shown(today)}"


def _shown(value: Any) -> str:
    return "not given" if value in (None, []) else json.dumps(value, ensure_ascii=False)

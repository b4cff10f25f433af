"""A server's answers, and the rows of an output, for the tests of `hf-fillmask batch`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hf_fillmask import BatchItem, FillMaskResult, Prediction

from ..shell.scripted_server import Received, Wire

COMPARED = ("id", "index", "inputs", "masks", "error")


def predictions(text: str) -> list[dict[str, Any]]:
    """Give what the server answers to a text: the same each time, and another for each text."""
    return [{"score": 0.5, "token": len(text), "token_str": "word", "sequence": text.replace("[MASK]", "word")}]


def answering(received: Received, wire: Wire) -> None:
    """Answer a text or a list; one that says "bad" is refused, and spoils its list."""
    inputs = json.loads(received.body)["inputs"]
    texts = [inputs] if isinstance(inputs, str) else inputs
    if any("bad" in text for text in texts):
        wire.reply(400, {"error": "the text is bad"})
    elif isinstance(inputs, str):
        wire.reply(200, predictions(inputs))
    else:
        wire.reply(200, [predictions(text) for text in inputs])


def written_by(err: str) -> int:
    """Read of a summary how many rows have a line."""
    [counts] = re.findall(r"([\d,]+) filled, ([\d,]+) failed", err)
    return sum(int(count.replace(",", "")) for count in counts)


def item(index: int, text: str) -> BatchItem:
    """Give an item with a result as `answering` would have it."""
    mask = tuple(Prediction(**prediction) for prediction in predictions(text))
    return BatchItem(index, text, FillMaskResult((mask,), text, "m", "req"))


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Read an output."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def essence(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take what two runs must have in common, in the order of the input."""
    picked = [{name: row[name] for name in COMPARED} for row in rows]
    return sorted(picked, key=lambda row: row["index"])


def numbered(count: int, *, some_bad: bool = True) -> str:
    """Write lines of text, each of its own, those of 3, 10, 17 and so on bad."""
    return "".join(f"{number} {'bad ' if some_bad and number % 7 == 3 else ''}[MASK]\n" for number in range(count))

"""A scripted server that answers as the real pipelines do: shape matrix, guilty texts, lists or none."""

from __future__ import annotations

import json
from typing import Any

from .scripted_server import Received, Script, Wire

MASK = "<mask>"
TOO_LONG = "very long"


def prediction(word: str) -> dict[str, Any]:
    """Return a prediction that can be told from those of other texts."""
    return {"score": 0.5, "token": 1, "token_str": word, "sequence": word}


def answer_to(text: str) -> list[Any]:
    """Return the answer to one text: a list of predictions, or one list a mask."""
    masks = [[prediction(f"{text}/{place}")] for place in range(text.count(MASK))]
    return masks[0] if len(masks) == 1 else masks


def pipeline(*, lists: bool = True, longest: int = 1000, refusal: int = 413, not_lists: bytes | None = None) -> Script:
    """Return a script: lists of up to `longest` texts, or none at all, then refused as api-inference-community does."""

    def script(request: Received, wire: Wire) -> None:
        inputs = json.loads(request.body)["inputs"]
        texts = inputs if isinstance(inputs, list) else [inputs]
        if isinstance(inputs, list) and not lists:
            wire.reply(400, {"error": [f"Input should be a valid string: received `{inputs}` in `parameters`"]})
        elif isinstance(inputs, list) and not_lists is not None:
            wire.reply(200, not_lists)
        elif len(texts) > longest:
            wire.reply(refusal, {"error": "too many texts"})
        elif any(MASK not in text for text in texts):
            wire.reply(400, {"error": f"No mask_token ({MASK}) found on the input"})
        elif any(TOO_LONG in text for text in texts):
            wire.reply(400, {"error": "The size of tensor a (703) must match the size of tensor b (512)"})
        else:
            answers = [answer_to(text) for text in texts]
            wire.reply(200, answers if len(answers) > 1 else answers[0])

    return script


def sizes(requests: list[Received]) -> list[int]:
    """Return how many texts each request held; 0 for one that was no list."""
    found = [json.loads(request.body)["inputs"] for request in requests]
    return [len(inputs) if isinstance(inputs, list) else 0 for inputs in found]

"""Requests of every kind, for both of the models that a server may have; `MASK` stands for the model's own mask.

Where the real pipeline says something else than the built-in model, the reason stands in `DIFFERENT`.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["DIFFERENT", "REQUESTS", "content_of"]

ONE, TWO, THREE = "Paris is the capital of MASK.", "MASK is the capital of MASK.", "MASK, MASK and MASK"
LONG = "MASK" + " the" * 510


def _with(*targets: object, **parameters: object) -> dict[str, Any]:
    return {"inputs": ONE, "parameters": {"targets": list(targets), **parameters}}


def _top(top_k: object) -> dict[str, Any]:
    return {"inputs": ONE, "parameters": {"top_k": top_k}}


REQUESTS: dict[str, object] = {
    "one mask": {"inputs": ONE},
    "two masks": {"inputs": TWO},
    "three masks": {"inputs": THREE},
    "only a mask": {"inputs": "MASK"},
    "list of one": {"inputs": [ONE]},
    "list of one, two masks": {"inputs": [TWO]},
    "list of two": {"inputs": [ONE, "Rome is MASK."]},
    "list of two, two masks": {"inputs": [TWO, TWO]},
    "ragged": {"inputs": [ONE, TWO, ONE]},
    "ragged the other way": {"inputs": [TWO, ONE]},
    "same text twice": {"inputs": [ONE, ONE]},
    "no texts": {"inputs": []},
    "no mask": {"inputs": "Paris is the capital of France."},
    "empty text": {"inputs": ""},
    "empty text in a list": {"inputs": [""]},
    "one of a list without a mask": {"inputs": [ONE, "Paris."]},
    "too long": {"inputs": LONG},
    "as long as it may be": {"inputs": LONG.removesuffix(" the")},
    "number": {"inputs": 5},
    "true": {"inputs": True},
    "null": {"inputs": None},
    "number in a list": {"inputs": [5]},
    "null in a list": {"inputs": [ONE, None]},
    "message of a chat": {"inputs": [{"role": "user", "content": ONE}]},
    "lists in a list": {"inputs": [[ONE], [ONE]]},
    "object": {"inputs": {"text": ONE}},
    "object with inputs": {"inputs": {"inputs": ONE, "top_k": 2}},
    "object and parameters": {"inputs": {"inputs": ONE}, "parameters": {"top_k": 2}},
    "argument in both": {"inputs": {"inputs": ONE, "top_k": 2}, "parameters": {"top_k": 3}},
    "inputs in both": {"inputs": ONE, "parameters": {"inputs": ONE}},
    "no inputs": {"text": ONE},
    "no object": [ONE],
    "more keys": {"inputs": ONE, "options": {"wait_for_model": True}},
    "no parameters": {"inputs": ONE, "parameters": {}},
    "null parameters": {"inputs": ONE, "parameters": None},
    "list of parameters": {"inputs": ONE, "parameters": ["top_k"]},
    "unknown parameter": {"inputs": ONE, "parameters": {"topk": 2}},
    "unknown parameter, no mask": {"inputs": "Paris.", "parameters": {"foo": 2}},
    "parameter of the pipeline": {"inputs": ONE, "parameters": {"batch_size": 1}},
    "arguments of the tokenizer": {"inputs": LONG, "parameters": {"tokenizer_kwargs": {"truncation": True}}},
    "top_k 1": _top(1),
    "top_k 1, two masks": {"inputs": TWO, "parameters": {"top_k": 1}},
    "top_k 0": _top(0),
    "top_k 0, two masks": {"inputs": TWO, "parameters": {"top_k": 0}},
    "top_k negative": _top(-1),
    "top_k too big": _top(10**6),
    "top_k beyond 64 bits": _top(10**30),
    "top_k null": _top(None),
    "top_k a text": _top("5"),
    "top_k a fraction": _top(2.5),
    "top_k whole, as a fraction": _top(2.0),
    "top_k true": _top(True),
    "top_k a list": _top([1]),
    "top_k wrong, no mask": {"inputs": "Paris.", "parameters": {"top_k": "5"}},
    "target": {"inputs": ONE, "parameters": {"targets": " city"}},
    "target, two masks": {"inputs": TWO, "parameters": {"targets": [" city"]}},
    "targets": _with(" city", " the"),
    "targets twice": _with(" city", " city", " the"),
    "target out of vocabulary": _with("zzqx"),
    "targets in and out of vocabulary": _with("zzqx", " city"),
    "target in capitals": _with("Paris"),
    "no targets": _with(),
    "empty target": _with(""),
    "space for a target": _with(" "),
    "targets null": {"inputs": ONE, "parameters": {"targets": None}},
    "targets a number": {"inputs": ONE, "parameters": {"targets": 5}},
    "targets an object": {"inputs": ONE, "parameters": {"targets": {" city": 1}}},
    "number for a target": _with(1),
    "null for a target": _with(None),
    "list for a target": _with(["city"]),
    "no targets, no mask": {"inputs": "Paris.", "parameters": {"targets": []}},
    "targets and a smaller top_k": _with(" city", " the", top_k=1),
    "targets and a bigger top_k": _with(" city", " the", top_k=10**6),
    "targets and top_k 0": _with(" city", top_k=0),
    "targets and top_k negative": _with(" city", top_k=-1),
    "targets and top_k a text": _with(" city", top_k="5"),
    "targets and top_k a fraction": _with(" city", top_k=2.5),
    "nothing": b"",
    "no JSON": b"MASK",
    "cut JSON": b'{"inputs": "MASK',
    "no UTF-8": b'{"inputs": "\xff"}',
}

DIFFERENT = {
    # What was recorded, with transformers 4.51, is kept; transformers 5 looks at the first text without asking.
    "no texts": r"\[\]|400 list index out of range",
    # The same failure, found at another place by transformers 5.
    "too long": r"400 (The size of tensor a .*|index out of range in self|index 514 is out of bounds .*)",
    # Texts cut into words beforehand, or batches of them: no client sends these, and only the first is filled.
    "lists in a list": r"\[\[P, .*",
    # Arguments of transformers that the API does not have: the built-in model knows `top_k` and `targets`.
    "parameter of the pipeline": r"\[P, .*",
    "arguments of the tokenizer": r"\[P, .*",
    # A byte-level vocabulary has a token of one space; the built-in one calls it unknown.
    "space for a target": r"\[< : Paris is the capital of \.>\]|400 At least one target must be provided when passed\.",
}
"""What the real pipeline says where it differs, or may, by its version."""


def content_of(name: str, mask: str) -> bytes:
    """Return the body of a request for the model with this mask."""
    request = REQUESTS[name]
    content = request if isinstance(request, bytes) else json.dumps(request).encode()
    return content.replace(b"MASK", mask.encode())

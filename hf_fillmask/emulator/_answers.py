"""A request's JSON in, the answer's JSON out: as transformers' fill-mask pipeline does it, refusals in its words.

`read` judges the parameters, `answer` fills one text, `shaped` puts the answers of all texts together. Texts are
answered one by one, so that the caller may let others run in between. Nothing in this file does I/O or waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._sequence import MaskedText, masked_text
from ._vocabulary import Scored, Vocabulary

__all__ = ["Question", "RefusedError", "answer", "prediction", "read", "shaped", "top_k_of"]

_TOP_K = 5
_MAX_TOKENS = 512  # with the two special ones around a text
_NOT_TEXT = (
    "text input must be of type `str` (single example), `list[str]` (batch or single pretokenized example) or "
    "`list[list[str]]` (batch of pretokenized examples) or `list[tuple[list[str], list[str]]]` (batch of pretokenized "
    "sequence pairs)."
)
_NO_TEXT = "You need to specify either `text` or `text_target`."
_CALL = "FillMaskPipeline.__call__()"
_PIPELINE = "<transformers.pipelines.fill_mask.FillMaskPipeline object at 0x7f0000000000>"


class RefusedError(Exception):
    """The request cannot be answered; the message is the server's `error` text, the status 400."""


@dataclass(frozen=True, slots=True)
class Question:
    """What one request asks: `texts` to fill, of them at most `top_k` tokens a mask, from `targets` if any are given.

    Texts and `top_k` are still as they were sent: the pipeline looks at them text by text.
    """

    texts: tuple[object, ...]
    top_k: Any
    targets: tuple[int, ...] | None


def read(body: Mapping[str, Any], vocabulary: Vocabulary) -> Question:
    """Return what `body`, the request's JSON object, asks.

    Raises:
        RefusedError: as the pipeline refuses parameters and inputs.
    """
    arguments = _arguments(body["inputs"], body.get("parameters", {}))
    targets = _targets(arguments.get("targets"), vocabulary)
    inputs, top_k = arguments["inputs"], arguments.get("top_k")
    texts = inputs if isinstance(inputs, list) else [inputs]
    return Question(tuple(texts), _TOP_K if top_k is None else top_k, targets)


def answer(text: object, question: Question, vocabulary: Vocabulary) -> list[Any]:
    """Return the predictions for `text`, best first: one list, or one a mask when there are several.

    Raises:
        RefusedError: no text, no mask, too long, or a `top_k` no vocabulary can fill.
    """
    masked = masked_text(_string(text), vocabulary.family)
    _check_text(masked)
    top_k = top_k_of(question, vocabulary)
    filled = [_predictions(number, masked, top_k, question.targets, vocabulary) for number in range(len(masked.masks))]
    return filled[0] if len(filled) == 1 else filled


def shaped(answers: Sequence[list[Any]], question: Question) -> list[Any]:
    """Return the body of the response: a single text's answer stands for itself, whether or not it came in a list."""
    return answers[0] if len(question.texts) == 1 else list(answers)


def prediction(scored: Scored, sequence: str) -> dict[str, Any]:
    """Return one prediction as the API has it: `scored`, and the whole text with it filled in."""
    return {
        "score": scored.score,
        "token": scored.token,
        "token_str": scored.token_str,
        "sequence": sequence,
    }


def top_k_of(question: Question, vocabulary: Vocabulary) -> int:
    """Return how many predictions there are for each mask at most.

    Raises:
        RefusedError: the `top_k` that was sent is no number, or no vocabulary can fill it.
    """
    top_k = question.top_k
    try:
        if question.targets is not None and len(question.targets) < top_k:
            top_k = len(question.targets)
    except TypeError as error:
        raise RefusedError(str(error)) from error
    if type(top_k) is not int:
        raise RefusedError(f"topk(): argument 'k' (position 1) must be int, not {_type(top_k)}")
    if not 0 <= top_k <= len(vocabulary):
        raise RefusedError("selected index k out of range")
    return top_k


def _arguments(inputs: object, parameters: object) -> Mapping[str, Any]:
    """Put together what the pipeline is called with: inputs that are an object are arguments by their names."""
    if not isinstance(parameters, dict):
        raise RefusedError(f"{_PIPELINE} argument after ** must be a mapping, not {_type(parameters)}")
    named = inputs if isinstance(inputs, dict) else {"inputs": inputs}
    if twice := [name for name in named if name in parameters]:
        what = f"{_PIPELINE} got multiple values for keyword" if named is inputs else f"{_CALL} got multiple values for"
        raise RefusedError(f"{what} argument '{twice[0]}'")
    arguments = {**named, **parameters}
    if "inputs" not in arguments:
        raise RefusedError(f"{_CALL} missing 1 required positional argument: 'inputs'")
    for name in arguments:
        if name not in ("inputs", "top_k", "targets"):
            raise RefusedError(f"FillMaskPipeline._sanitize_parameters() got an unexpected keyword argument '{name}'")
    return arguments


def _targets(targets: Any, vocabulary: Vocabulary) -> tuple[int, ...] | None:
    if targets is None:
        return None
    words = [targets] if isinstance(targets, str) else targets
    try:
        # As keys, as the pipeline looks them up: so Python finds the words for what is no list, or a list in it.
        words = list(dict.fromkeys(words))
    except TypeError as error:
        raise RefusedError(str(error)) from error
    tokens = {token for token in map(vocabulary.target, map(_string, words)) if token is not None}
    if not tokens:
        raise RefusedError("At least one target must be provided when passed.")
    return tuple(sorted(tokens))


def _string(text: object) -> str:
    if not isinstance(text, str):
        raise RefusedError(_NO_TEXT if text is None else _NOT_TEXT)
    return text


def _check_text(masked: MaskedText) -> None:
    if not masked.masks:
        raise RefusedError(f"No mask_token ({masked.family.mask_token}) found on the input")
    tokens = len(masked.words) + 2
    if tokens > _MAX_TOKENS:
        raise RefusedError(
            "index out of range in self"
            if masked.family.byte_level
            else f"The size of tensor a ({tokens}) must match the size of tensor b ({_MAX_TOKENS}) "
            "at non-singleton dimension 1"
        )


def _predictions(
    number: int, masked: MaskedText, top_k: int, targets: Sequence[int] | None, vocabulary: Vocabulary
) -> list[dict[str, Any]]:
    best = vocabulary.best(masked.words, masked.masks[number], top_k, targets)
    return [prediction(scored, masked.filled(number, scored.token_str)) for scored in best]


def _type(value: object) -> str:
    return type(value).__name__

"""A request's JSON in, the answer's JSON out: as transformers' fill-mask pipeline does it, refusals in its words.

`read` judges the parameters, `answer` fills one text, `shaped` puts the answers of all texts together. Texts are
answered one by one, so that the caller may let others run in between. Nothing in this file does I/O or waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._sequence import MaskedText, masked_text
from ._vocabulary import Scored, Vocabulary

__all__ = ["Question", "RefusedError", "answer", "prediction", "read", "shaped"]

_TOP_K = 5
_MAX_TOKENS = 512  # with the two special ones around a text
_NOT_TEXT = (
    "text input must be of type `str` (single example), `list[str]` (batch or single pretokenized example) or "
    "`list[list[str]]` (batch of pretokenized examples)."
)


class RefusedError(Exception):
    """The request cannot be answered; the message is the server's `error` text, the status 400."""


@dataclass(frozen=True, slots=True)
class Question:
    """What one request asks: `texts` to fill, of them at most `top_k` tokens a mask, from `targets` if any are given.

    `is_list` says whether the texts came in a list.
    """

    texts: tuple[str, ...]
    is_list: bool
    top_k: int
    targets: tuple[int, ...] | None


def read(body: Mapping[str, Any], vocabulary: Vocabulary) -> Question:
    """Return what `body`, the request's JSON object, asks.

    Raises:
        RefusedError: as the pipeline refuses parameters and inputs.
    """
    parameters = _parameters(body.get("parameters", {}))
    targets = _targets(parameters.get("targets"), vocabulary)
    inputs = body["inputs"]
    texts = inputs if isinstance(inputs, list) else [inputs]
    if not all(isinstance(text, str) for text in texts):
        raise RefusedError(_NOT_TEXT)
    return Question(tuple(texts), isinstance(inputs, list), _top_k(parameters.get("top_k"), targets), targets)


def answer(text: str, question: Question, vocabulary: Vocabulary) -> list[Any]:
    """Return the predictions for `text`, best first: one list, or one a mask when there are several.

    Raises:
        RefusedError: no mask, too long, or a `top_k` no vocabulary can fill.
    """
    masked = masked_text(text, vocabulary.family)
    _check_text(masked)
    _check_top_k(question, vocabulary)
    filled = [_predictions(number, masked, question, vocabulary) for number in range(len(masked.masks))]
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


def _parameters(parameters: object) -> Mapping[str, Any]:
    if not isinstance(parameters, dict):
        pipeline = "<transformers.pipelines.fill_mask.FillMaskPipeline object at 0x7f0000000000>"
        raise RefusedError(f"{pipeline} argument after ** must be a mapping, not {_type(parameters)}")
    for name in parameters:
        if name not in ("top_k", "targets"):
            raise RefusedError(f"FillMaskPipeline._sanitize_parameters() got an unexpected keyword argument '{name}'")
    return parameters


def _targets(targets: object, vocabulary: Vocabulary) -> tuple[int, ...] | None:
    if targets is None:
        return None
    words: list[Any] = targets if isinstance(targets, list) else [targets]
    if not all(isinstance(word, str) for word in words):
        raise RefusedError(_NOT_TEXT)
    tokens = {token for token in map(vocabulary.target, words) if token is not None}
    if not tokens:
        raise RefusedError("At least one target must be provided when passed.")
    return tuple(sorted(tokens))


def _top_k(top_k: object, targets: Sequence[int] | None) -> int:
    if top_k is None:
        top_k = _TOP_K
    if type(top_k) is not int:
        raise RefusedError(f"topk(): argument 'k' (position 1) must be int, not {_type(top_k)}")
    return top_k if targets is None else min(top_k, len(targets))


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


def _check_top_k(question: Question, vocabulary: Vocabulary) -> None:
    if not 0 <= question.top_k <= len(vocabulary):
        raise RefusedError("selected index k out of range")


def _predictions(number: int, masked: MaskedText, question: Question, vocabulary: Vocabulary) -> list[dict[str, Any]]:
    best = vocabulary.best(masked.words, masked.masks[number], question.top_k, question.targets)
    return [prediction(scored, masked.filled(number, scored.token_str)) for scored in best]


def _type(value: object) -> str:
    return type(value).__name__

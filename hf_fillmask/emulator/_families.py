"""What a model's id tells about it: its mask, its special tokens, its spelling.

The Hub knows these from files of the model; the emulator has only the name, so it goes by the words in it.
"""

import re
from dataclasses import dataclass

__all__ = ["Family", "exists", "family_of", "renamed"]

# They want `<mask>`. DeBERTa and ModernBERT are not among them: theirs is `[MASK]`.
_ROBERTA_LIKE = (
    "roberta", "camembert", "bart", "longformer", "xlm-r", "xlmr", "mpnet",
    "bertweet", "phobert", "herbert", "codebert", "esm2",
)  # fmt: skip
# They lower-case without saying so in their name.
_UNCASED = ("uncased", "albert", "electra")

_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)

# Ids from before organisations had to be named; the Hub sends them on.
_OLD_IDS = {
    "albert-base-v2": "albert/albert-base-v2",
    "bert-base-cased": "google-bert/bert-base-cased",
    "bert-base-multilingual-cased": "google-bert/bert-base-multilingual-cased",
    "bert-base-uncased": "google-bert/bert-base-uncased",
    "bert-large-uncased": "google-bert/bert-large-uncased",
    "camembert-base": "almanach/camembert-base",
    "distilbert-base-uncased": "distilbert/distilbert-base-uncased",
    "distilroberta-base": "distilbert/distilroberta-base",
    "roberta-base": "FacebookAI/roberta-base",
    "roberta-large": "FacebookAI/roberta-large",
    "xlm-roberta-base": "FacebookAI/xlm-roberta-base",
    "xlm-roberta-large": "FacebookAI/xlm-roberta-large",
}


@dataclass(frozen=True, slots=True)
class Family:
    """How a kind of model writes: `uncased` folds case and accents, `byte_level` keeps the text and its spaces."""

    mask_token: str
    begin: str
    end: str
    unknown: str
    uncased: bool
    byte_level: bool


def family_of(model: str) -> Family:
    """Return the family that the name of `model` tells; its organisation tells nothing (`bartowski`)."""
    name = model.rpartition("/")[2].lower()
    # RoBERTa before BERT: the one word holds the other.
    if any(word in name for word in _ROBERTA_LIKE):
        return Family("<mask>", "<s>", "</s>", "<unk>", uncased=False, byte_level=True)
    uncased = any(word in name for word in _UNCASED)
    return Family("[MASK]", "[CLS]", "[SEP]", "[UNK]", uncased=uncased, byte_level=False)


def exists(model: str) -> bool:
    """Say whether the emulator has `model`: every well-formed id, unless "does-not-exist" stands in it."""
    return _ID.fullmatch(model) is not None and "does-not-exist" not in model


def renamed(model: str) -> str | None:
    """Return today's id of a `model` that had no organisation once, or None."""
    return _OLD_IDS.get(model)

"""Two small models with random weights, built from configuration: a BERT and a RoBERTa, each a folder.

Their vocabularies hold what the tests ask for; nothing is downloaded.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["MODELS", "save_bert", "save_roberta"]

WORDS = ("paris", "rome", "is", "the", "capital", "of", "france", "italy", "city", "and", "electro")
SENTENCES = ["Paris is the capital of France.", "Rome is the capital of Italy and a city."]
SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


def save_bert(folder: Path, *, spoil: Callable[[Any], None] | None = None) -> None:
    """Save an uncased BERT; `spoil` may do something to its weights before."""
    from transformers import BertConfig, BertForMaskedLM

    letters = string.ascii_lowercase + string.digits
    pieces = [f"##{letter}" for letter in letters]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *pieces, *string.punctuation, *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", "utf-8")
    _save_tokenizer_config(folder, {"tokenizer_class": "BertTokenizer", "do_lower_case": True})
    config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=512, **SMALL)
    _save_random(BertForMaskedLM, config, folder, spoil)


def save_roberta(folder: Path) -> None:
    """Save a RoBERTa, whose byte-level vocabulary is learnt from two sentences."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaForMaskedLM

    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(SENTENCES * 3, vocab_size=400, min_frequency=2, special_tokens=specials)
    tokenizer.save_model(str(folder))
    # As RoBERTa's own: the mask takes the space before it.
    mask = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False, "normalized": False}
    _save_tokenizer_config(folder, {"tokenizer_class": "RobertaTokenizer", "mask_token": mask})
    ends = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    config = RobertaConfig(vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=514, **ends, **SMALL)
    _save_random(RobertaForMaskedLM, config, folder, None)


MODELS = {"tiny-bert-uncased": save_bert, "tiny-roberta": save_roberta}
"""How each is saved, by the name that the built-in model takes for one of the same family."""


def _save_tokenizer_config(folder: Path, config: dict[str, Any]) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 512, **config}), "utf-8")


def _save_random(kind: Any, config: Any, folder: Path, spoil: Callable[[Any], None] | None) -> None:
    import torch

    torch.manual_seed(0)
    model = kind(config)
    if spoil is not None:
        spoil(model)
    model.save_pretrained(folder)

"""A model's name tells its mask and its spelling."""

import pytest

from hf_fillmask.emulator._families import exists, family_of, renamed


@pytest.mark.parametrize(
    ("model", "mask_token", "uncased"),
    [
        ("google-bert/bert-base-uncased", "[MASK]", True),
        ("google-bert/bert-base-cased", "[MASK]", False),
        ("distilbert/distilbert-base-uncased", "[MASK]", True),
        ("albert/albert-base-v2", "[MASK]", True),
        ("google/electra-small-generator", "[MASK]", True),
        ("microsoft/deberta-v3-base", "[MASK]", False),
        ("answerdotai/ModernBERT-base", "[MASK]", False),
        ("bartowski/some-model", "[MASK]", False),
        ("FacebookAI/xlm-roberta-base", "<mask>", False),
        ("distilbert/distilroberta-base", "<mask>", False),
        ("almanach/camembert-base", "<mask>", False),
        ("facebook/bart-large", "<mask>", False),
        ("allenai/longformer-base-4096", "<mask>", False),
        ("microsoft/mpnet-base", "<mask>", False),
        ("vinai/bertweet-base", "<mask>", False),
        ("roberta-base", "<mask>", False),
    ],
)
def test_the_name_tells_the_family(model: str, mask_token: str, uncased: bool) -> None:
    """RoBERTa and its kin want `<mask>`, all others `[MASK]`."""
    family = family_of(model)
    assert (family.mask_token, family.uncased) == (mask_token, uncased)


@pytest.mark.parametrize("model", ["org/does-not-exist", "a/b/c", "", "org/na me", "org/ñ", "/name"])
def test_some_models_do_not_exist(model: str) -> None:
    """An id that says so, and one the Hub would not allow, is unknown."""
    assert not exists(model)


def test_well_formed_models_exist() -> None:
    """Any id of the Hub's form will do, with an organisation or without."""
    assert exists("org/some.model_1")
    assert exists("bert-base-uncased")


def test_old_ids_have_new_names() -> None:
    """An id from before organisations leads to today's, others to none."""
    assert renamed("xlm-roberta-base") == "FacebookAI/xlm-roberta-base"
    assert renamed("FacebookAI/xlm-roberta-base") is None

"""The mask: moving a text from one family's token to another's, and guessing which one a text has."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_fillmask._mask import MASK_TOKENS, PLACEHOLDER, find_mask, translate

ANY_MASK = re.compile("|".join(map(re.escape, (*MASK_TOKENS, PLACEHOLDER))))
TEXTS = st.lists(
    st.sampled_from([*MASK_TOKENS, PLACEHOLDER, "<", ">", "[", "mask", "Paris", " "]) | st.text(max_size=4)
)


@pytest.mark.parametrize(
    ("text", "mask_token", "expected"),
    [
        ("Paris is [MASK].", "<mask>", "Paris is <mask>."),
        ("Paris is <mask>.", "[MASK]", "Paris is [MASK]."),
        ("Paris is {mask}.", "[MASK]", "Paris is [MASK]."),
        ("[MASK] is [MASK].", "<mask>", "<mask> is <mask>."),
        ("[MASK] is <mask>.", "<special1>", "<special1> is <special1>."),
        ("The token [MASK] is <mask>.", "<mask>", "The token [MASK] is <mask>."),
        ("The token [MASK] is {mask}.", "<mask>", "The token [MASK] is <mask>."),
        ("Paris is <mask>.", "<mask>", "Paris is <mask>."),
        ("Paris is [MASK].", "___", "Paris is ___."),
        ("Paris is [mask].", "<mask>", None),
        ("Paris.", "<mask>", None),
        ("", "<mask>", None),
    ],
    ids=[
        "bert-to-roberta",
        "roberta-to-bert",
        "placeholder",
        "two-masks",
        "two-families",
        "literal-next-to-its-own",
        "literal-next-to-placeholder",
        "its-own",
        "unheard-of-token",
        "wrong-case",
        "none",
        "empty",
    ],
)
def test_translate(text: str, mask_token: str, expected: str | None) -> None:
    """A text's masks become the model's; what is written beside the model's own mask stays as it is."""
    assert expected == translate(text, mask_token)


@given(TEXTS.map("".join), st.sampled_from(MASK_TOKENS))
def test_translate_loses_no_text(text: str, mask_token: str) -> None:
    """What stands between the masks is there afterwards, in order; without a mask there is nothing to send."""
    moved = translate(text, mask_token)
    if moved is None:
        assert ANY_MASK.search(text) is None
    else:
        assert ANY_MASK.split(text) == ANY_MASK.split(moved)
        assert mask_token in moved


@given(TEXTS.map("".join), st.sampled_from(MASK_TOKENS))
def test_translating_twice_changes_nothing(text: str, mask_token: str) -> None:
    """A text that was translated is the model's own and stays as it is."""
    once = translate(text, mask_token)
    if once is not None:
        assert once == translate(once, mask_token)


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("A [MASK].", 1, "[MASK]"),
        ("A <mask> in [brackets].", 1, "<mask>"),
        ("[MASK] or <mask> or <mask>.", 2, "<mask>"),
        ("A [MASK] and a [MASK].", 1, "[MASK]"),
        ("A <pad>.", 1, "<pad>"),
        ("<b>bold</b> <unk> <unk>", 2, "<unk>"),
        ("A ___.", 1, None),
        ("", 1, None),
    ],
    ids=["bert", "known-first", "by-count", "fewer-filled", "bracketed", "bracketed-by-count", "no-bracket", "empty"],
)
def test_find_mask(text: str, count: int, expected: str | None) -> None:
    """The mask is a known token, the one that occurs as often as masks were filled; else a bracketed word that does."""
    assert expected == find_mask(text, count)


@given(st.text(), st.integers(0, 3))
def test_find_mask_finds_what_is_there(text: str, count: int) -> None:
    """What is found is a part of the text."""
    assert (find_mask(text, count) or "") in text

"""The mask: which tokens stand for the missing word, and how a text is moved from one model's to another's.

Rule: plain functions on strings. Nothing in this file does I/O or knows a model.
"""

from __future__ import annotations

import re

__all__ = ["MASK_TOKENS", "PLACEHOLDER", "find_mask", "translate"]

MASK_TOKENS = ("[MASK]", "<mask>", "<special1>", "<extra_id_0>")
"""The mask tokens of the families that the Hub serves (BERT, RoBERTa, XLM, T5), the usual ones first."""

PLACEHOLDER = "{mask}"
"""Stands for the mask token of whatever model the text is sent to."""

_LOOKS_LIKE_A_MASK = re.compile(r"\[[^\[\]\s]+\]|<[^<>\s]+>")


def translate(text: str, mask_token: str) -> str | None:
    """Write the text's masks as `mask_token`; None if the text holds no known mask.

    A text that already holds `mask_token` keeps everything else as it is: what looks like another family's mask there
    may be meant literally.
    """
    text = text.replace(PLACEHOLDER, mask_token)
    if mask_token in text:
        return text
    for other in MASK_TOKENS:
        text = text.replace(other, mask_token)
    return text if mask_token in text else None


def find_mask(text: str, count: int) -> str | None:
    """Guess which token of `text` is its mask, given that a server filled `count` of them.

    A known family's token comes first, the one that occurs `count` times before others; then any bracketed word that
    does. None if nothing fits.
    """
    known = [token for token in MASK_TOKENS if token in text]
    candidates = known + _LOOKS_LIKE_A_MASK.findall(text)
    exact = [token for token in candidates if text.count(token) == count]
    return next(iter(exact + known), None)

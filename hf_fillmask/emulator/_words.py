"""Text into words and back, as a BERT tokenizer cuts and joins it.

Nothing in this file knows a model or a vocabulary: functions on strings only.
"""

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["folded", "joined", "spaced_words", "words_in"]

# A run of letters and digits, or any other visible character by itself. Chinese and Japanese write no spaces: BERT
# takes each of their characters for a word, and so does this.
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_CJK}]|[^\\W_{_CJK}]+|\\S")

# What transformers' `clean_up_tokenization` takes the space from, in its order.
_TIGHT = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
    (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip


def words_in(text: str) -> list[str]:
    """Return the words and marks of `text`, in order, spelled as they stand."""
    return _WORD.findall(unicodedata.normalize("NFC", text))


def spaced_words(text: str) -> list[tuple[str, bool]]:
    """Return the words of `text`, each with whether a space, or the start of the text, comes before it."""
    text = unicodedata.normalize("NFC", text)
    starts = ((match.group(), match.start()) for match in _WORD.finditer(text))
    return [(word, start == 0 or text[start - 1].isspace()) for word, start in starts]


def folded(text: str) -> str:
    """Return `text` in lower case and without accents, as uncased BERT models read it."""
    decomposed = unicodedata.normalize("NFD", text.lower())
    return "".join(char for char in decomposed if unicodedata.category(char) != "Mn")


def joined(words: Sequence[str]) -> str:
    """Return one sentence of `words`, spaced as transformers' `decode` spaces it."""
    text = " ".join(words)
    for spaced, tight in _TIGHT:
        text = text.replace(spaced, tight)
    return text

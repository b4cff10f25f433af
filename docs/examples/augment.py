"""Augment a CSV of labelled sentences: each as it is, and with one word of the model's choice.

    python docs/examples/augment.py docs/examples/reviews.csv augmented.csv

The rows are read, asked for and written in a stream: the file may be larger than the memory.
"""

import asyncio
import csv
import random
import re
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hf_fillmask import AsyncFillMaskClient, BatchItem

WORD = re.compile(
    r"[a-z]{3,}"
)  # lower case: names stay, and so do the first words of sentences
SEED = 7


class Gap(NamedTuple):
    """A row of the input, and the word that is taken out of its text."""

    row: dict[str, str]
    word: re.Match[str]

    def filled(self, word: str) -> str:
        """Give the text with another word, or the mask of any model, in the gap."""
        text = self.word.string
        return text[: self.word.start()] + word + text[self.word.end() :]


def gaps(path: Path) -> Iterator[Gap]:
    """Take a word out of each text, the same at every run; leave out texts without one."""
    chance = random.Random(SEED)  # noqa: S311 - nothing here is a secret
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if words := list(WORD.finditer(row["text"])):
                yield Gap(row, chance.choice(words))


def another(item: BatchItem, gap: Gap) -> str | None:
    """Choose the best whole word that is not the old one, if there is one."""
    if item.error is not None:
        print(f"row {item.index}: {item.error}", file=sys.stderr)
    words = [prediction.token_str.strip() for prediction in item.result or ()]
    return next((word for word in words if WORD.fullmatch(word) and word != gap.word[0]), None)


async def augment(source: Path, target: Path) -> int:
    """Write each row, and its second version behind it if there is one; count the rows."""
    waiting: deque[Gap] = deque()  # those that the stream has pulled and not handed out yet

    def texts() -> Iterator[str]:
        for gap in gaps(source):
            waiting.append(gap)
            yield gap.filled("{mask}")

    written = 0
    async with AsyncFillMaskClient("google-bert/bert-base-uncased") as client:
        with target.open("w", newline="", encoding="utf-8") as file:
            out = csv.DictWriter(file, ["label", "text"], extrasaction="ignore")
            out.writeheader()
            async with client.fill_mask_stream(texts(), ordered=True) as items:
                async for item in items:
                    gap = waiting.popleft()
                    word = another(item, gap)
                    versions = [gap.row["text"]] + ([gap.filled(word)] if word else [])
                    out.writerows(gap.row | {"text": text} for text in versions)
                    written += len(versions)
    return written


if __name__ == "__main__":
    print(asyncio.run(augment(Path(sys.argv[1]), Path(sys.argv[2]))), "rows in", sys.argv[2])

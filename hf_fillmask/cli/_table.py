"""A result as a person reads it: the text, a table a mask with a bar for each probability, and the filled text.

Rule: plain functions from a result to something that rich can print.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .._mask import MASK_TOKENS, PLACEHOLDER
from .._values import FillMaskResult, ModelInfo, Prediction
from ._bar import Bar, percent
from ._terminal import shown

__all__ = ["info_view", "infos_view", "result_view"]

_LONGEST_WORD = 30  # cells


def result_view(text: str, result: FillMaskResult) -> RenderableType:
    """Lay out what `text`, as the user wrote it, came back with."""
    return Group(*_parts(text, result))


def _parts(text: str, result: FillMaskResult) -> Iterator[RenderableType]:
    yield _masked(text, result)
    if result.mask_token is not None and result.inputs != text:
        yield Text(_translation(text, result.inputs, result.mask_token), style="dim")
    for number, mask in enumerate(result.masks, 1):
        yield Text(f"\nmask {number} of {len(result.masks)}" if len(result.masks) > 1 else "")
        yield Padding(_table(mask), (0, 0, 0, 2))
    yield Text()
    yield from _filled(result)
    yield Text(_small_print(result), style="dim")


def _masked(text: str, result: FillMaskResult) -> Text:
    known = {*MASK_TOKENS, PLACEHOLDER, *filter(None, [result.mask_token])}
    sentence = Text(shown(text), style="bold")
    sentence.highlight_regex("|".join(map(re.escape, sorted(known))), "yellow")
    return sentence


def _translation(text: str, sent: str, mask_token: str) -> str:
    gone = [mask for mask in (PLACEHOLDER, *MASK_TOKENS) if mask in text and mask not in sent]
    return f"{' and '.join(gone)} was written {shown(mask_token)} for this model"


def _table(mask: Sequence[Prediction]) -> RenderableType:
    if not mask:
        return Text("no predictions", style="dim italic")
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=_LONGEST_WORD)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True, ratio=1)
    alike = Counter(prediction.word for prediction in mask)
    for place, prediction in enumerate(mask):
        word = Text(_label(prediction, unique=alike[prediction.word] == 1), style="" if place else "bold green")
        table.add_row(word, percent(prediction.score), Bar(prediction.score))
    return table


def _label(prediction: Prediction, *, unique: bool) -> str:
    """Show the bare word; with its spaces, in quotes, where that is all that tells two tokens apart."""
    if prediction.word and unique:
        return shown(prediction.word)
    return f'"{shown(prediction.token_str)}"'


def _filled(result: FillMaskResult) -> Iterator[Text]:
    try:
        yield Text(shown(result.filled()), style="bold green")
    except ValueError:  # nobody said which token of the text is its mask
        return


def _small_print(result: FillMaskResult) -> str:
    facts = [shown(result.model)]
    if result.cached:
        facts.append("from the server's cache")
    elif result.compute_time is not None:
        facts.append(f"computed in {_duration(result.compute_time)}")
    facts.append("1 attempt" if result.attempts == 1 else f"{result.attempts} attempts")
    if result.waited:
        facts.append(f"waited {result.waited:.1f} s")
    return ", ".join(facts)


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def info_view(info: ModelInfo) -> RenderableType:
    """Lay out what the Hub knows of a model."""
    rows = {
        "mask": info.mask_token or "the Hub does not say",
        "task": info.pipeline_tag or "the Hub does not say",
        "state": "warm" if info.warm else "not warm: the first call may wait for a cold start",
    }
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in rows.items():
        table.add_row(Text(name, style="dim"), Text(shown(value), overflow="fold"))
    return Group(Text(shown(info.model), style="bold"), Padding(table, (0, 0, 0, 2)))


def infos_view(infos: Sequence[ModelInfo]) -> RenderableType:
    """List models, one a line: id, mask, and whether it is warm."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for info in infos:
        state = Text("warm", style="green") if info.warm else Text("")
        table.add_row(Text(shown(info.model), style="bold", overflow="fold"), shown(info.mask_token or ""), state)
    return table

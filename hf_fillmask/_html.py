"""The picture of a result in a notebook: one table a mask, one bar a prediction.

Rule: a plain function on plain values; everything that a server or a user wrote is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

__all__ = ["result_table"]

# Notebooks style tables and captions of their own: what matters is set here. Greys are see-through, for dark pages too.
_TABLE = "margin:4px 0 8px;border-collapse:collapse;table-layout:auto"
_CAPTION = "padding:2px 8px;text-align:left;caption-side:top;opacity:.7"
_CELL = "padding:2px 8px;text-align:left;white-space:pre"
_NUMBER = "padding:2px 8px;text-align:right;font-variant-numeric:tabular-nums"
_TRACK = "width:160px;background:rgba(127,127,127,.2);border-radius:3px"
_BAR = "height:10px;background:#ff9d00;border-radius:3px"


def result_table(model: str, inputs: str, masks: Sequence[Sequence[tuple[str, float]]]) -> str:
    """Return HTML for `masks`, a list a mask of (token_str, score) pairs, best first."""
    head = f'<div><code>{escape(inputs)}</code> <small style="opacity:.7">{escape(model)}</small></div>'
    titles = [""] if len(masks) == 1 else [_title(number) for number in range(1, len(masks) + 1)]
    tables = "".join(
        f'<table style="{_TABLE}">{title}{_rows(mask)}</table>' for title, mask in zip(titles, masks, strict=True)
    )
    return f"<div>{head}{tables}</div>"


def _title(number: int) -> str:
    return f'<caption style="{_CAPTION}">mask {number}</caption>'


def _rows(mask: Sequence[tuple[str, float]]) -> str:
    if not mask:
        return f'<tr><td style="{_CELL}"><em>no predictions</em></td></tr>'
    return "".join(_row(token_str, score) for token_str, score in mask)


def _row(token_str: str, score: float) -> str:
    known = math.isfinite(score)
    width = min(max(score, 0.0), 1.0) * 100 if known else 0.0
    number = f"{score:.4f}" if known else "no score"
    bar = f'<div style="{_TRACK}"><div style="{_BAR};width:{width:.1f}%"></div></div>'
    return (
        f'<tr><td style="{_CELL}">{escape(token_str)}</td>'
        f'<td style="{_NUMBER}">{number}</td><td style="{_CELL}">{bar}</td></tr>'
    )

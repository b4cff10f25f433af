"""What becomes of the outcomes: tables for a person, lines for a program, errors for both.

Rule: results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, cast

from rich.console import Console

from .._errors import FillMaskError
from .._values import BatchItem, FillMaskResult, ModelInfo
from ._errors import in_options, tell
from ._lines import error_line, write_line
from ._progress import ColdStartNews
from ._table import info_view, infos_view, result_view
from ._terminal import console, is_terminal, shortened

__all__ = ["Report", "for_programs", "show_info", "show_infos"]


def for_programs(asked: bool) -> bool:
    """Whether output is JSON: when it was asked for, and when nobody sits before standard output."""
    return asked or not is_terminal(sys.stdout)


class Report:
    """Shows one text after the other, out of `of`; `failed` counts those without a result."""

    def __init__(self, model: str, of: int, news: ColdStartNews, *, json: bool) -> None:
        self.failed = 0
        self._model = model
        self._of = of
        self._news = news
        self._json = json
        self._out = console(sys.stdout)
        self._err = console(sys.stderr)

    def show(self, item: BatchItem) -> None:
        """Show what became of a text."""
        with self._news.aside():
            if item.error is not None:
                self._show_error(item, item.error)
            else:
                self._show_result(item, cast(FillMaskResult, item.result))

    def _show_error(self, item: BatchItem, error: FillMaskError) -> None:
        self.failed += 1
        if self._json:
            write_line(error_line(item.inputs, self._model, error))
        which = f'text {item.index + 1}, "{shortened(item.inputs)}": ' if self._of > 1 else ""
        self._set_apart(item, self._err)
        tell(self._err, which + error.summary, in_options(error.hint))

    def _show_result(self, item: BatchItem, result: FillMaskResult) -> None:
        if self._json:
            write_line(result.to_dict())
            return
        self._set_apart(item, self._out)
        self._out.print(result_view(item.inputs, result))

    def _set_apart(self, item: BatchItem, console: Console) -> None:
        """Leave a line between two texts where a person reads them."""
        if item.index > 0 and not self._json and console.is_terminal:
            console.print()


def show_info(info: ModelInfo, *, json: bool) -> None:
    """Show what the Hub knows of a model."""
    if not json:
        console(sys.stdout).print(info_view(info))
        return
    write_line(_fields(info))


def show_infos(infos: Sequence[ModelInfo], *, json: bool) -> None:
    """List what the Hub knows of models."""
    if json:
        for info in infos:
            write_line(_fields(info))
    elif infos:
        console(sys.stdout).print(infos_view(infos))
    else:
        console(sys.stderr).print("no such model")


def _fields(info: ModelInfo) -> dict[str, Any]:
    fields = {name: getattr(info, name) for name in ("model", "mask_token", "pipeline_tag", "inference", "warm")}
    return fields | {"providers": {name: dict(provider) for name, provider in info.providers.items()}}

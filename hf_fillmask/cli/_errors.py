"""Errors as a person reads them: one line that says what happened, and a hint what to do.

Rule: errors leave the commands as click's exceptions, which know their exit codes; `_run` shows them.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.text import Text

from .._errors import FillMaskError
from ._terminal import shown

__all__ = ["Failure", "InterruptedAtOnce", "failures", "hint_of", "in_options", "tell", "wrong_use"]

# The package speaks of arguments, such as "timeout="; a `{mask}` or an URL's query is none.
_ARGUMENT = re.compile(r"\b(token|timeout|cold_start_timeout|deadline|base_url|model)=(?![\w'\"])")
_OPTION_NAMES = {"top_k": "--top-k", "targets": "--target", "load_seconds": "--load-seconds", "base_url": "--base-url"}
_NAME = re.compile(rf"\b({'|'.join(_OPTION_NAMES)})\b")


class Failure(click.ClickException):
    """The command cannot do what it was asked for: exit code 1, with a hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class InterruptedAtOnce(KeyboardInterrupt):
    """Ctrl-C, while a thread may be where nothing interrupts it: the process ends without waiting for it."""


@contextmanager
def wrong_use() -> Generator[None]:
    """Turn what is refused before anything is sent into wrong use, exit code 2."""
    try:
        yield
    except FillMaskError:  # some are a ValueError, too
        raise
    except (ValueError, TypeError, ImportError) as error:  # httpx lacks a module for a proxy of the environment
        raise click.UsageError(in_options(str(error)), click.get_current_context(silent=True)) from error


@contextmanager
def failures() -> Generator[None]:
    """Turn an error of the tree into a failure, exit code 1."""
    try:
        yield
    except FillMaskError as error:
        raise Failure(error.summary, in_options(error.hint)) from error


def tell(console: Console, message: str, hint: str = "") -> None:
    """Write a line that says what is wrong, and the hint on a line of its own; neither is wrapped."""
    one_line = " ".join(message.split())
    console.print(Text.assemble(("error: ", "bold red"), shown(one_line)), soft_wrap=True)
    if hint:
        console.print(Text.assemble(("hint: ", "bold"), shown(hint)), soft_wrap=True)


def hint_of(error: click.ClickException) -> str:
    """Say what to do about an error of the command line."""
    if isinstance(error, Failure):
        return error.hint
    context = getattr(error, "ctx", None)
    return f"see {context.command_path if context else 'hf-fillmask'} --help"


def in_options(text: str) -> str:
    """Name the options of the command where `text` names arguments of Python."""
    text = _ARGUMENT.sub(lambda name: f"--{name[1].replace('_', '-')}", text)
    return _NAME.sub(lambda name: _OPTION_NAMES[name[1]], text)

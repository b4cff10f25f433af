"""The texts: from the arguments, and from standard input where an argument is `-`.

Rule: one text a line, in order; blank lines are skipped, everything else is the server's to judge.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TextIO

import click

from ._terminal import is_terminal

__all__ = ["texts_of"]


def texts_of(arguments: Iterable[str], stdin: TextIO | None) -> list[str]:
    """Give the texts that `arguments` name; standard input is read to its end first."""
    return [text for argument in arguments for text in (_lines(stdin) if argument == "-" else [argument])]


def _lines(stdin: TextIO | None) -> Iterator[str]:
    if stdin is None:
        raise click.UsageError("'-' asks for standard input, which is closed")
    if is_terminal(stdin):
        sys.stderr.write("Type one text a line; Ctrl-D on an empty line ends.\n")
    try:
        for line in stdin:
            # Editors on Windows put a byte order mark before the first line.
            text = line.rstrip("\r\n").removeprefix("\ufeff")
            if text.strip():
                yield text
    except UnicodeDecodeError as error:
        raise click.UsageError(f"standard input is not {stdin.encoding} text") from error

"""From arguments to an exit code.

Rule: the one place that ends the command. 0 done, 1 an error of a call, 2 wrong use, 130 Ctrl-C; none of them shows a
traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from ._app import app
from ._errors import Failure, InterruptedAtOnce, hint_of, tell
from ._terminal import console, is_terminal

__all__ = ["run"]

_INTERRUPTED = 128 + 2  # what shells say of a process that SIGINT ended


def run(argv: Sequence[str]) -> int:
    """Run the command that `argv` asks for and return its exit code."""
    code = 0
    try:
        with app.make_context("hf-fillmask", list(argv)) as context:
            app.invoke(context)
    except click.exceptions.Exit as asked:
        code = asked.exit_code
    except click.ClickException as error:
        code = _tell(error)
    except BrokenPipeError:
        pass  # the reader has enough, as `head` does
    except OSError as error:
        code = _tell(Failure(error.strerror or str(error)))
    except InterruptedAtOnce:
        _drop_unwritable()
        os._exit(_interrupted())
    except KeyboardInterrupt:
        code = _interrupted()
    _drop_unwritable()
    return code


def _tell(error: click.ClickException) -> int:
    with suppress(OSError):  # the exit code still tells
        tell(console(sys.stderr), error.format_message(), hint_of(error))
    return error.exit_code


def _drop_unwritable() -> None:
    """Drop what a stream could not write: the interpreter would try again at its end, and complain."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _interrupted() -> int:
    if is_terminal(sys.stderr):
        sys.stderr.write("\n")  # the terminal shows ^C where the cursor was
    return _INTERRUPTED

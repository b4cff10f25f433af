"""The command `hf-fillmask batch` and its options.

Rule: thin. The options become a `Job`; what a job does is in `_run`.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import anyio
import click

from ..._checks import count, target_words
from ..._fanout import Concurrency, PerRequest
from .. import _options as options
from .._server import server_of
from ._input import FORMATS, format_of
from ._job import Job
from ._output import Mode, is_file, refuse_existing
from ._run import fill_file

__all__ = ["batch"]


class CountOr(click.ParamType[Any]):
    """A positive whole number, or one word."""

    def __init__(self, word: str) -> None:
        self.name = f"n|{word}"
        self._word = word

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or the word itself."""
        if value == self._word:
            return value
        try:
            return count(param.opts[0] if param else self.name, int(value))
        except ValueError:
            self.fail(f"{value!r} is neither a number from 1 nor '{self._word}'", param, ctx)


@click.command(short_help="Fill a file of texts, resumable.")
@click.argument("input", metavar="INPUT")
@click.option("-o", "--output", metavar="OUTPUT", required=True, help="JSONL file to write; '-' is standard output.")
@click.option("--resume", is_flag=True, help="Go on with OUTPUT: ask what is missing, and what failed.")
@click.option("--overwrite", is_flag=True, help="Begin OUTPUT anew if it exists.")
@click.option("--format", "kind", type=click.Choice(FORMATS), help="Format of INPUT.  [default: as its suffix says]")
@click.option("--column", metavar="C", default="inputs", show_default=True, help="Key or column that holds the text.")
@click.option("--errors", metavar="FILE", help="Write the failed rows there, in the format of INPUT.")
@click.option("--ordered", is_flag=True, help="Write the rows in the order of INPUT, not as they get done.")
@click.option("--keep-going", is_flag=True, help="Do not stop where every row fails (token, model, network).")
@click.option(
    "--max-rps", metavar="R", type=click.FloatRange(0, min_open=True), help="Send at most R requests a second."
)
@click.option(
    "--max-concurrency",
    metavar="N|adaptive",
    type=CountOr("adaptive"),
    default="adaptive",
    help="Requests at a time.  [default: adaptive]",
)
@click.option(
    "--max-connections", metavar="N", type=click.IntRange(1), help="At most as many at a time.  [default: 32]"
)
@click.option(
    "--inputs-per-request", metavar="N|auto", type=CountOr("auto"), default=1, help="Texts in a request.  [default: 1]"
)
@options.model
@options.top_k
@options.targets
@options.emulator
@options.load_seconds
@options.base_url
@options.token
@options.no_cache
@options.timeout
@options.cold_start_timeout
@click.pass_context
def batch(
    context: click.Context,
    input: str,  # noqa: A002 - as the help calls it
    output: str,
    resume: bool,
    overwrite: bool,
    kind: str | None,
    column: str,
    errors: str | None,
    ordered: bool,
    keep_going: bool,
    max_rps: float | None,
    max_concurrency: Concurrency,
    max_connections: int | None,
    inputs_per_request: PerRequest,
    model: str,
    top_k: int | None,
    targets: tuple[str, ...],
    emulator: bool,
    load_seconds: float | None,
    base_url: str | None,
    token: str | None,
    no_cache: bool,
    timeout: float,
    cold_start_timeout: float,
) -> None:
    """Fill the mask of each row of INPUT, and write one JSON object a row to OUTPUT.

    INPUT is text (a row a line), JSONL, CSV or Parquet; '-' is standard input. A row that fails has its error in
    OUTPUT, does not stop the others, and makes the exit code 1. A run that was stopped or killed, at any moment, goes
    on with the same command and --resume.
    """
    job = Job(
        input=input,
        output=output,
        model=model,
        mode=_mode(output, resume=resume, overwrite=overwrite),
        format=format_of(input, kind),
        column=_column(context, column, format_of(input, kind)),
        errors=errors,
        ordered=ordered,
        keep_going=keep_going,
        max_rps=max_rps,
        texts_a_request=inputs_per_request if isinstance(inputs_per_request, int) else 1,
        asks_equal_texts_once=not no_cache,
        settings={
            "timeout": timeout,
            "cold_start_timeout": cold_start_timeout,
            "use_cache": not no_cache,
            "max_connections": max_connections or max(32, max_concurrency if isinstance(max_concurrency, int) else 0),
        },
        call={
            "top_k": top_k,
            "targets": _targets(targets),
            "max_concurrency": max_concurrency,
            "inputs_per_request": inputs_per_request,
        },
    )
    _check_paths(job)
    with server_of(model, emulator=emulator, load_seconds=load_seconds, base_url=base_url, token=token) as server:
        code = anyio.run(partial(fill_file, job, server))
    context.exit(code)


def _mode(output: str, *, resume: bool, overwrite: bool) -> Mode:
    if resume and overwrite:
        raise click.UsageError("--resume and --overwrite contradict each other; choose one")
    if (resume or overwrite) and output == "-":
        raise click.UsageError("standard output can be neither resumed nor overwritten")
    return "resume" if resume else "overwrite" if overwrite else "new"


def _column(context: click.Context, column: str, kind: str) -> str:
    asked = context.get_parameter_source("column") is not click.core.ParameterSource.DEFAULT
    if asked and kind == "text":
        raise click.UsageError("--column is for jsonl, csv and parquet; a line of text has none")
    return column


def _targets(targets: tuple[str, ...]) -> tuple[str, ...] | None:
    try:
        return target_words(targets) if targets else None
    except ValueError as error:
        raise click.UsageError(f"--target: {error}") from error


def _check_paths(job: Job) -> None:
    """Refuse an output that would destroy something, before anything is opened."""
    if is_file(job.output):
        refuse_existing(job.output, job.mode)
    files = [(name, path) for name, path in (("INPUT", job.input), ("OUTPUT", job.output)) if is_file(path)]
    if job.errors is not None:
        if not is_file(job.errors):
            raise click.UsageError("--errors takes the name of a file")
        files.append(("--errors", job.errors))
    real = {os.path.realpath(path) for _, path in files}
    if len(real) < len(files):
        raise click.UsageError(f"{', '.join(name for name, _ in files)} must be different files")

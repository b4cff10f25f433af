"""The commands and their options.

Rule: thin. A command turns its options into values and hands them on; what it does is in the modules beside this one.
"""

from __future__ import annotations

import sys
from functools import partial

import anyio
import click

from .._version import __version__
from . import _options as options
from ._commands import fill_texts, list_models, serve_emulator, show_model
from ._inputs import texts_of
from ._server import server_of
from .batch import batch

__all__ = ["app"]


@click.group(
    invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def app(context: click.Context) -> None:
    """Fill masked sentences with the models of Hugging Face, and wait for those that are cold.

    \b
    See a cold start and its answer, without network or account:
        hf-fillmask fill --emulator "Paris is the [MASK] of France."
    """  # noqa: D301 - \b keeps click from joining the lines
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


@app.command(short_help="Fill the masks of texts.")
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@options.model
@options.top_k
@options.targets
@options.emulator
@options.load_seconds
@options.base_url
@options.token
@options.as_json
@options.no_cache
@options.timeout
@options.cold_start_timeout
@options.deadline
@click.pass_context
def fill(
    context: click.Context,
    texts: tuple[str, ...],
    model: str,
    top_k: int | None,
    targets: tuple[str, ...],
    emulator: bool,
    load_seconds: float | None,
    base_url: str | None,
    token: str | None,
    as_json: bool,
    no_cache: bool,
    timeout: float,
    cold_start_timeout: float,
    deadline: float | None,
) -> None:
    """Fill the mask of each TEXT; '-' stands for the lines of standard input.

    The mask may be written [MASK], <mask> or {mask}: it is sent as the model's own. Results come in the order of the
    texts; one that fails does not stop the others, and makes the exit code 1.
    """
    inputs = texts_of(texts, sys.stdin)
    settings = {"timeout": timeout, "cold_start_timeout": cold_start_timeout, "use_cache": not no_cache}
    call = {"top_k": top_k, "targets": targets or None, "deadline": deadline}
    with server_of(model, emulator=emulator, load_seconds=load_seconds, base_url=base_url, token=token) as server:
        failed = anyio.run(partial(fill_texts, server, model, inputs, settings, call, json=as_json))
    context.exit(1 if failed else 0)


@app.command(short_help="Show a model's mask token, task and state.")
@click.argument("model", metavar="ID")
@options.emulator
@options.token
@options.as_json
@options.timeout
def model(model: str, emulator: bool, token: str | None, as_json: bool, timeout: float) -> None:
    """Show the mask token and the task of the model ID, and whether it is warm, as the Hub tells."""
    with server_of(model, emulator=emulator, token=token) as server:
        anyio.run(partial(show_model, server, model, timeout=timeout, json=as_json))


@app.command(short_help="List the models that are served.")
@options.search
@options.warm
@options.limit
@options.emulator
@options.token
@options.as_json
@options.timeout
def models(
    search: str | None, warm: bool, limit: int, emulator: bool, token: str | None, as_json: bool, timeout: float
) -> None:
    """List the fill-mask models that Hugging Face serves, as the Hub tells: id, mask token, and whether it is warm."""
    query = {"search": search, "warm": warm, "limit": limit}
    with server_of(None, emulator=emulator, token=token) as server:
        anyio.run(partial(list_models, server, query, timeout=timeout, json=as_json))


@app.command(short_help="Serve the emulator.")
@click.option("--host", metavar="H", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", metavar="P", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free."
)
@options.load_seconds
@click.option(
    "--corpus",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Sentences to learn from, one a line.",
)
@click.option("--token", metavar="T", help="Require this token; without, any 'hf_...' or none will do.")
@click.option("--model", metavar="PATH_OR_ID", help="Serve this model, by transformers, not the built-in one.")
@click.option("--warm", is_flag=True, help="No model is cold: each answers from the first request.")
@click.option("--fault", "faults", metavar="F", multiple=True, help="What goes wrong, in this order; repeat for more.")
def serve(
    host: str,
    port: int,
    load_seconds: float | None,
    corpus: str | None,
    token: str | None,
    model: str | None,
    warm: bool,
    faults: tuple[str, ...],
) -> None:
    """Serve the emulator until Ctrl-C: a local server that speaks the fill-mask API, cold starts included.

    \b
    Faults, each for one request unless xTIMES (x* for all) follows:
        503, 503x2, 502x*       a status in the model's place
        429:retry-after=3       ... with advice in seconds
        418:body=TEXT           ... with a body of yours
        cut                     half of the answer, then the connection is closed
        stall                   no answer, ever
        reset                   the connection is reset
        latency=0.2             seconds before each answer (latency=0.2x3: of three)
        cold, cold=5            cold until a request waits for it, or for so many seconds
    With :model=ID a fault is for that model only; it stands before :body=.
    """  # noqa: D301 - \b keeps click from joining the lines
    if warm and load_seconds is not None:
        raise click.UsageError("--warm leaves nothing to load; take either --warm or --load-seconds")
    serve_emulator(
        host,
        port,
        load_seconds=load_seconds,
        corpus=corpus,
        token=token,
        model=model,
        warm="all" if warm else (),
        faults=faults,
    )


app.add_command(batch)

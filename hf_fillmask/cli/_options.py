"""The options, and how their values are judged.

Rule: the client's own checks judge, so that the command line and Python say the same.
"""

from __future__ import annotations

from collections.abc import Callable

import click

from .._checks import count, seconds

__all__ = [
    "as_json",
    "base_url",
    "cold_start_timeout",
    "deadline",
    "emulator",
    "limit",
    "load_seconds",
    "model",
    "no_cache",
    "search",
    "targets",
    "timeout",
    "token",
    "top_k",
    "warm",
]

# The specification's own example model: its mask is not the one that the example writes, and is translated.
_MODEL = "FacebookAI/xlm-roberta-base"


def _checked(check: Callable[[str, object], object]) -> Callable[[click.Context, click.Parameter, object], object]:
    def callback(context: click.Context, parameter: click.Parameter, value: object) -> object:
        try:
            return None if value is None else check(parameter.opts[0], value)
        except ValueError as error:
            raise click.UsageError(str(error), context) from error

    return callback


_seconds = _checked(seconds)

model = click.option("--model", metavar="M", default=_MODEL, show_default=True, help="Hub id, or URL of an endpoint.")
top_k = click.option(
    "--top-k", metavar="K", type=int, callback=_checked(count), help="Predictions a mask.  [default: the server's, 5]"
)
targets = click.option("--target", "targets", metavar="W", multiple=True, help="Score this word only; repeat for more.")
search = click.option("--search", metavar="S", help="Only models with this in their ids.")
warm = click.option("--warm", is_flag=True, help="Only models that are loaded now, and answer without a cold start.")
limit = click.option(
    "--limit", metavar="N", type=int, default=100, show_default=True, callback=_checked(count), help="Most models."
)
emulator = click.option(
    "--emulator", is_flag=True, help="Ask an emulator inside this command: no network, no account, no real model."
)
load_seconds = click.option(
    "--load-seconds", metavar="S", type=float, help="Seconds the emulator loads a cold model.  [default: 3]"
)
base_url = click.option(
    "--base-url", metavar="U", help="Server to ask.  [default: HF_FILLMASK_BASE_URL, else Hugging Face's]"
)
token = click.option(
    "--token",
    metavar="T",
    help="Token to send. Better set HF_TOKEN: other users can read the arguments of a command in the process list.",
)
as_json = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line, as a pipe gets anyway, instead of tables."
)
no_cache = click.option("--no-cache", is_flag=True, help="Ask for a fresh answer, not one from the server's cache.")
timeout = click.option(
    "--timeout",
    metavar="S",
    type=float,
    default=30,
    show_default=True,
    callback=_seconds,
    help="Seconds an attempt may take.",
)
cold_start_timeout = click.option(
    "--cold-start-timeout",
    metavar="S",
    type=float,
    default=300,
    show_default=True,
    callback=_seconds,
    help="Seconds to wait for a cold model.",
)
deadline = click.option(
    "--deadline",
    metavar="S",
    type=float,
    callback=_seconds,
    help="Seconds all texts may take together, waits included.",
)

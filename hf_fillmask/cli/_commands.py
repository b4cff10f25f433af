"""What the commands do, once their options are values.

Rule: knows no option and no exit code.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import click

from .._values import BatchItem
from ._errors import Failure, InterruptedAtOnce, failures, wrong_use
from ._progress import ColdStartNews
from ._report import Report, for_programs, show_info, show_infos
from ._server import Server, connected
from ._terminal import console

__all__ = ["fill_texts", "list_models", "serve_emulator", "show_model"]


async def fill_texts(
    server: Server,
    model: str,
    texts: Sequence[str],
    settings: Mapping[str, Any],
    call: Mapping[str, Any],
    *,
    json: bool,
) -> int:
    """Fill `texts` and show what becomes of them; return how many failed."""
    with ColdStartNews(console(sys.stderr)) as news:
        report = Report(model, len(texts), news, json=for_programs(json))
        async with connected(server, model, on_cold_start=news, **settings) as client:
            with wrong_use():
                stream = client.fill_mask_stream(texts, ordered=True, **call)
            async with stream as items:
                while item := await _next(items):
                    report.show(item)
    return report.failed


async def _next(items: AsyncIterator[BatchItem]) -> BatchItem | None:
    """Return the next item; what cannot be sent at all, through a proxy of the environment, is found out here."""
    with wrong_use():
        return await anext(items, None)


async def show_model(server: Server, model: str, *, timeout: float, json: bool) -> None:
    """Ask the Hub about `model` and show what it says."""
    async with connected(server, model, timeout=timeout) as client:
        with failures(), wrong_use():
            info = await client.model_info()
    show_info(info, json=for_programs(json))


async def list_models(server: Server, query: Mapping[str, Any], *, timeout: float, json: bool) -> None:
    """Ask the Hub for models and list them."""
    async with connected(server, None, timeout=timeout) as client:
        with failures(), wrong_use():
            infos = await client.models(**query)
    show_infos(infos, json=for_programs(json))


def serve_emulator(host: str, port: int, **options: Any) -> None:
    """Serve the emulator until Ctrl-C, which comes out as the KeyboardInterrupt that it is.

    `options` are arguments of `create_app`.
    """
    from ..emulator import create_app, run

    with wrong_use():
        emulator = create_app(**options)
    model = emulator.state.model if options.get("model") is not None else None
    try:
        run(emulator, host=host, port=port, on_listening=partial(_tell_address, model))
    except OSError as error:
        raise Failure(f"cannot listen on {host}:{port}: {error.strerror}", "choose another --host or --port") from error
    raise KeyboardInterrupt if model is None else InterruptedAtOnce


def _tell_address(model: str | None, url: str) -> None:
    click.echo(f"The emulator listens; use it with: export HF_FILLMASK_BASE_URL={url} HF_ENDPOINT={url}")
    if model is not None:
        click.echo(f"The model is {model}; name it with: --model {model}")

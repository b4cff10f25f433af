"""Batches from blocking code: the same items, the same errors, and nothing left running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hf_fillmask import FillMaskClient, MaskNotFoundError

from ..shell.pipeline_server import MASK, pipeline
from ..shell.scripted_server import Received, ScriptedServer, Wire, scripted


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Run a server that answers as the real pipelines do."""
    with scripted(pipeline()) as running:
        yield running


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[FillMaskClient]:
    """Open a client of that server."""
    with FillMaskClient("org/model", base_url=server.url, token=False) as opened:
        yield opened


TEXTS = [f"{number} {MASK}" for number in range(60)]


def test_a_batch(client: FillMaskClient) -> None:
    """A batch returns one result a text, in the order of the texts."""
    results = client.fill_mask_batch(iter(TEXTS), inputs_per_request=7)
    assert [result[0].word for result in results] == [f"{text}/0" for text in TEXTS]


def test_a_batch_with_errors(client: FillMaskClient) -> None:
    """With return_errors a text that fails has its error in the list; without, the first one is raised."""
    results = client.fill_mask_batch(["none", TEXTS[0]], return_errors=True)
    assert [isinstance(result, MaskNotFoundError) for result in results] == [True, False]
    with pytest.raises(MaskNotFoundError):
        client.fill_mask_batch(["none", TEXTS[0]])


def test_an_ordered_stream(client: FillMaskClient) -> None:
    """The items of an ordered stream come in the order of the texts, and end."""
    with client.fill_mask_stream(iter(TEXTS), ordered=True, inputs_per_request=7) as items:
        assert [item.index for item in items] == list(range(60))
        assert list(items) == []


def test_a_stream_that_is_left_early() -> None:
    """Leaving the block closes the connections that were still waiting."""

    def script(request: Received, wire: Wire) -> None:
        if request.inputs == TEXTS[0]:
            wire.warm()
        else:
            wire.wait_until_gone()

    with (
        scripted(script) as running,
        FillMaskClient("org/model", base_url=running.url, token=False) as client,
    ):
        with client.fill_mask_stream(TEXTS) as items:
            assert next(items).index == 0
            running.wait_for(lambda server: len(server.requests) > 1)
        running.wait_for(lambda server: server.open <= 1)


def test_the_iterables_own_error_comes_out_as_itself(client: FillMaskClient) -> None:
    """What the user's iterable raises ends the stream."""

    def broken() -> Iterator[str]:
        yield TEXTS[0]
        raise ZeroDivisionError

    with client.fill_mask_stream(broken()) as items, pytest.raises(ZeroDivisionError):
        list(items)


def test_a_stream_that_is_never_entered(client: FillMaskClient) -> None:
    """A stream that nobody reads holds nothing that would have to be closed."""
    client.fill_mask_stream(TEXTS)

"""Lists on the wire: the same results as one by one, with fewer requests."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hf_fillmask import BadRequestError, FillMaskError, FillMaskResult, MaskNotFoundError, ServerError

from .helpers import client_of
from .pipeline_server import MASK, TOO_LONG, pipeline, sizes
from .scripted_server import Received, Wire, scripted

pytestmark = pytest.mark.anyio

KINDS = {
    "one": f"a {MASK}",
    "two": f"{MASK} and {MASK}",
    "bert": "a [MASK]",
    "none": "nothing to fill",
    "long": f"{TOO_LONG} {MASK}",
    "empty": "",
}


def essence(filled: FillMaskResult | FillMaskError) -> object:
    """Reduce a result to what must not depend on how the text was sent."""
    if isinstance(filled, FillMaskResult):
        return filled.inputs, filled.masks
    return type(filled), getattr(filled, "mask_token", None)


async def test_a_list_of_texts_is_one_request() -> None:
    """Six texts at three a request are two requests, and the results are in the order of the texts."""
    texts = [f"{number} {MASK}" for number in range(6)]
    with scripted(pipeline()) as server:
        async with client_of(server) as client:
            results = await client.fill_mask_batch(texts, inputs_per_request=3)
    assert sizes(server.requests) == [3, 3]
    assert [result[0].word for result in results] == [f"{text}/0" for text in texts]


async def test_ragged_masks_in_a_list() -> None:
    """A list may mix texts with one mask and with several; each result has one tuple a mask."""
    with scripted(pipeline()) as server:
        async with client_of(server) as client:
            one, two = await client.fill_mask_batch([f"a {MASK}", f"{MASK} {MASK}"], inputs_per_request=2)
    assert (len(one.masks), len(two.masks)) == (1, 2)


async def test_a_guilty_text_is_found_by_halving() -> None:
    """One text that is too long costs the others nothing but a few requests more."""
    texts = [f"{number} {MASK}" for number in range(7)] + [f"{TOO_LONG} {MASK}"]
    with scripted(pipeline()) as server:
        async with client_of(server) as client:
            results = await client.fill_mask_batch(texts, inputs_per_request=8, return_errors=True)
    assert [isinstance(result, FillMaskResult) for result in results] == [True] * 7 + [False]
    assert isinstance(results[7], BadRequestError)
    assert sizes(server.requests) == [8, 4, 4, 2, 2, 0, 0]


async def test_a_server_without_lists_is_noticed_once() -> None:
    """One list is refused; every other text goes one by one, in this batch."""
    texts = [f"{number} {MASK}" for number in range(40)]
    with scripted(pipeline(lists=False)) as server:
        async with client_of(server) as client:
            results = await client.fill_mask_batch(texts, inputs_per_request=8)
    assert len(results) == 40
    assert sorted(sizes(server.requests)) == [0] * 40 + [8]


@pytest.mark.parametrize("refusal", [400, 413, 422])
async def test_the_longest_list_is_learnt(refusal: int) -> None:
    """A length that is refused although all its texts are fine is not sent again."""
    texts = [f"{number} {MASK}" for number in range(64)]
    with scripted(pipeline(longest=5, refusal=refusal)) as server:
        async with client_of(server) as client:
            results = await client.fill_mask_batch(texts, inputs_per_request=16, max_concurrency=1)
    assert all(isinstance(result, FillMaskResult) for result in results)
    assert [size for size in sizes(server.requests) if size > 5] == [16, 8]


async def test_an_answer_that_is_no_list_is_asked_one_by_one() -> None:
    """A server that answers a list with something else is asked text by text."""
    texts = [f"{number} {MASK}" for number in range(4)]
    with scripted(pipeline(not_lists=b'[{"score":1,"token":1,"token_str":"x","sequence":"x"}]')) as server:
        async with client_of(server) as client:
            results = await client.fill_mask_batch(texts, inputs_per_request=2, max_concurrency=1)
    assert [result[0].word for result in results] == [f"{text}/0" for text in texts]
    assert sizes(server.requests) == [2, 0, 0, 0, 0]


async def test_the_mask_is_learnt_from_a_list() -> None:
    """A list in another family's mask is refused once, written anew and sent again whole."""
    with scripted(pipeline()) as server:
        async with client_of(server) as client:
            results = await client.fill_mask_batch(["a [MASK]", "b [MASK]"], inputs_per_request=2)
    assert [result.inputs for result in results] == [f"a {MASK}", f"b {MASK}"]
    assert sizes(server.requests) == [2, 2]


async def test_masks_are_left_alone_in_lists_too() -> None:
    """Without translation a list in another family's mask ends in one error a text."""
    with scripted(pipeline()) as server:
        async with client_of(server, translate_mask=False) as client:
            results = await client.fill_mask_batch(["a [MASK]", "b [MASK]"], inputs_per_request=2, return_errors=True)
    assert [type(result) for result in results] == [MaskNotFoundError] * 2


async def test_an_error_of_the_server_is_everybodys_own() -> None:
    """A 500 to a list is no text's fault: each text has that error, in an instance of its own, after one request."""

    def script(request: Received, wire: Wire) -> None:
        wire.reply(500, {"error": "boom"})

    with scripted(script) as server:
        async with client_of(server) as client:
            first, second = await client.fill_mask_batch(["a", "b"], inputs_per_request=2, return_errors=True)
    assert [type(first), type(second), len(server.requests)] == [ServerError, ServerError, 1]
    assert first is not second


async def test_auto_lists_grow_where_they_pay() -> None:
    """With inputs_per_request="auto" the first texts go alone, and lists follow."""
    texts = [f"{number} {MASK}" for number in range(200)]
    with scripted(pipeline()) as server:
        async with client_of(server) as client:
            results = await client.fill_mask_batch(texts, inputs_per_request="auto", max_concurrency=2)
    assert sizes(server.requests)[0] == 0
    assert 2 in sizes(server.requests)
    assert [result[0].word for result in results] == [f"{text}/0" for text in texts]


async def test_lists_wait_their_turn_while_none_was_tried() -> None:
    """Of many lists at once one is sent first; what it teaches, the others keep to."""
    texts = [f"{number} {MASK}" for number in range(64)]
    with scripted(pipeline(lists=False)) as server:
        async with client_of(server) as client:
            results = await client.fill_mask_batch(texts, inputs_per_request=4, max_concurrency=8)
    assert len(results) == 64
    assert sizes(server.requests).count(4) == 1


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=24),
    per_request=st.integers(2, 9),
    lists=st.booleans(),
    longest=st.sampled_from([2, 3, 1000]),
)
def test_lists_and_one_by_one_agree(kinds: list[str], per_request: int, lists: bool, longest: int) -> None:
    """Whatever the texts, their masks and the server's manners, lists bring the same results as one by one."""
    texts = [KINDS[kind] for kind in kinds]

    async def both() -> tuple[list[object], list[object]]:
        found = []
        for size in (1, per_request):
            with scripted(pipeline(lists=lists, longest=longest)) as server:
                async with client_of(server) as client:
                    got = await client.fill_mask_batch(texts, inputs_per_request=size, return_errors=True)
            found.append([essence(item) for item in got])
        return found[0], found[1]

    one_by_one, in_lists = anyio.run(both)
    assert in_lists == one_by_one

"""The emulator's list of models, at `/api/models`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio

Connect = Callable[..., httpx.AsyncClient]

BERT = "google-bert/bert-base-uncased"


async def test_a_listed_model(connect: Connect) -> None:
    """A listed model has what its own page has, but for the providers, which are a list."""
    async with connect(warm=[BERT]) as client:
        page = (await client.get("/api/models")).json()
        (part,) = (await client.get("/api/models?search=BERT-BASE-UNCASED&inference=warm&expand[]=mask_token")).json()
    assert page[0] == {
        "id": BERT,
        "mask_token": "[MASK]",
        "pipeline_tag": "fill-mask",
        "inference": "warm",
        "inferenceProviderMapping": [
            {"provider": "hf-inference", "status": "live", "providerId": BERT, "task": "fill-mask"}
        ],
    }
    assert [model["id"] for model in page if "inference" in model] == [BERT]
    assert part == {"id": BERT, "mask_token": "[MASK]"}


async def test_pages_are_linked(connect: Connect) -> None:
    """Each page but the last links to the next, with the same filters; together they are the whole list."""
    async with connect() as client:
        whole = (await client.get("/api/models?search=bert&expand[]=a&expand[]=b")).json()
        found, url = [], "/api/models?search=bert&limit=2&expand[]=a&expand[]=b"
        while url:
            response = await client.get(url)
            found.append(response.json())
            url = response.links.get("next", {}).get("url", "")
    assert [len(page) for page in found[:-1]] == [2] * (len(found) - 1)
    assert [model for page in found for model in page] == whole


@pytest.mark.parametrize(
    ("query", "some"),
    [
        ("pipeline_tag=fill-mask&inference_provider=hf-inference", True),
        ("inference_provider=all", True),
        ("limit=many", True),
        ("pipeline_tag=text-generation", False),
        ("inference_provider=other", False),
        ("inference=warm", False),
        ("search=nothing-has-this-name", False),
    ],
)
async def test_filters(connect: Connect, query: str, some: bool) -> None:
    """All models here fill masks, at one provider; what else is asked for finds nothing."""
    async with connect() as client:
        assert bool((await client.get(f"/api/models?{query}")).json()) is some


async def test_a_model_that_woke_up_is_listed(connect: Connect) -> None:
    """A model that was asked is warm, and listed, whatever its name."""
    async with connect() as client:
        url, body = "/models/org/mine", {"inputs": "a [MASK]"}
        await client.post(url, json=body)
        await client.post(url, json=body, headers={"x-wait-for-model": "true"})
        page: list[Any] = (await client.get("/api/models?inference=warm")).json()
    assert [model["id"] for model in page] == ["org/mine"]


async def test_the_list_is_public_and_knows_its_tokens(connect: Connect) -> None:
    """Anyone may see the list; a token that is not known is refused."""
    async with connect(token="hf_right") as client:
        assert (await client.get("/api/models")).status_code == 200
        wrong = await client.get("/api/models", headers={"authorization": "Bearer hf_wrong"})
    assert (wrong.status_code, wrong.json()) == (401, {"error": "Invalid credentials in Authorization header"})

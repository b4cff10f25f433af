"""What the Hub tells of a model at `/api/models/{id}`, and of many at `/api/models`.

Pure: an id or a query in, JSON out. Source: https://huggingface.co/docs/hub/api.
"""

from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["WELL_KNOWN", "model_info", "model_list"]

WELL_KNOWN = (
    "google-bert/bert-base-uncased",
    "FacebookAI/xlm-roberta-base",
    "FacebookAI/roberta-base",
    "distilbert/distilbert-base-uncased",
    "google-bert/bert-base-multilingual-cased",
    "almanach/camembert-base",
    "answerdotai/ModernBERT-base",
    "distilbert/distilroberta-base",
)
"""What is listed though nobody has asked for it yet; the emulator answers for every id."""

_LONGEST_PAGE = 1000

_SERVED = {"pipeline_tag": ("fill-mask",), "inference_provider": ("hf-inference", "all")}
"""The filters that every model here passes: their values; another value leaves nothing."""


def model_info(model: str, mask_token: str | None, *, warm: bool, expand: Collection[str]) -> dict[str, Any]:
    """Return the Hub's JSON for `model`: `id`, and the fields that `expand` names, or all of them if it is empty.

    Names the emulator does not know are ignored.
    """
    live = {"status": "live", "providerId": model, "task": "fill-mask"}
    known: dict[str, Any] = {
        "mask_token": mask_token,
        "pipeline_tag": "fill-mask",
        **({"inference": "warm"} if warm else {}),
        "inferenceProviderMapping": {"hf-inference": live},
    }
    shown = {name: value for name, value in known.items() if not expand or name in expand}
    return {"id": model, **shown}


def model_list(
    query: Mapping[str, str], masks: Mapping[str, str | None], *, warm: Collection[str], expand: Collection[str]
) -> tuple[list[dict[str, Any]], int | None]:
    """Return a page of the list that `query` asks for, and the cursor of the next page, None after the last.

    Listed are the models whose mask tokens are in `masks`. As at the Hub, the providers of a listed model are a list.
    """
    ids = [model for model in masks if _matches(model, query, warm)]
    start = _whole(query.get("cursor"), 0)
    end = start + min(_whole(query.get("limit"), _LONGEST_PAGE), _LONGEST_PAGE)
    page = [_listed(model_info(model, masks[model], warm=model in warm, expand=expand)) for model in ids[start:end]]
    return page, end if end < len(ids) else None


def _matches(model: str, query: Mapping[str, str], loaded: Collection[str]) -> bool:
    served = all(query.get(name, values[0]) in values for name, values in _SERVED.items())
    found = query.get("search", "").lower() in model.lower()
    return served and found and (query.get("inference") != "warm" or model in loaded)


def _listed(info: dict[str, Any]) -> dict[str, Any]:
    providers = info.get("inferenceProviderMapping")
    if providers is None:
        return info
    return info | {"inferenceProviderMapping": [{"provider": name, **entry} for name, entry in providers.items()]}


def _whole(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() else default

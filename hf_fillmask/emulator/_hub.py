"""What the Hub tells of a model at `/api/models/{id}`.

Pure: an id in, JSON out. Source: https://huggingface.co/docs/hub/api.
"""

from collections.abc import Collection
from typing import Any

from ._families import family_of

__all__ = ["model_info"]


def model_info(model: str, *, warm: bool, expand: Collection[str]) -> dict[str, Any]:
    """Return the Hub's JSON for `model`: `id`, and the fields that `expand` names, or all of them if it is empty.

    Names the emulator does not know are ignored.
    """
    live = {"status": "live", "providerId": model, "task": "fill-mask"}
    known: dict[str, Any] = {
        "mask_token": family_of(model).mask_token,
        "pipeline_tag": "fill-mask",
        **({"inference": "warm"} if warm else {}),
        "inferenceProviderMapping": {"hf-inference": live},
    }
    shown = {name: value for name, value in known.items() if not expand or name in expand}
    return {"id": model, **shown}

"""The real models of the tests: their folders, their pipelines, and servers of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from hf_fillmask.emulator import create_app, serving

from .models import MODELS, SENTENCES

MISSING = [library for library in ("torch", "transformers") if find_spec(library) is None]


@dataclass(frozen=True)
class Served:
    """A real model and the built-in one that stands for its family, each on a server."""

    name: str
    pipeline: Any
    url: str
    built_in_url: str

    @property
    def mask(self) -> str:
        """The mask of both."""
        return str(self.pipeline.tokenizer.mask_token)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip where a library is missing."""
    for item in items:
        if MISSING and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=f"{' and '.join(MISSING)} not installed: `nox -s real_models`"))


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The models' folders by their names."""
    import torch

    # On a busy machine two threads that wait for each other are forty times as slow as one.
    torch.set_num_threads(1)
    folders = {name: tmp_path_factory.mktemp("models") / name for name in MODELS}
    for name, save in MODELS.items():
        folders[name].mkdir()
        save(folders[name])
    return folders


@pytest.fixture(scope="session")
def all_served(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Served]]:
    """Every model on a server, and the built-in one of its family beside it, with the same words."""
    from transformers import pipeline

    corpus = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    corpus.write_text("\n".join(SENTENCES), "utf-8")
    with contextlib.ExitStack() as servers:
        built_in = servers.enter_context(serving(create_app(corpus=corpus, warm=[*MODELS])))
        yield {
            name: Served(
                name,
                pipeline("fill-mask", model=str(folder)),
                servers.enter_context(serving(create_app(model=folder))),
                built_in,
            )
            for name, folder in folders.items()
        }


@pytest.fixture(params=[*MODELS])
def served(request: pytest.FixtureRequest, all_served: dict[str, Served]) -> Served:
    """One of the models."""
    return all_served[request.param]

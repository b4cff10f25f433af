"""What the emulator's tests share: a corpus small enough to count by hand, and clients without a socket."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from hf_fillmask.emulator import create_app

SENTENCES = """\
The cat sat on the mat.
The dog sat on the rug.
The cat saw the dog.
Paris is the capital of France.
Rome is the capital of Italy.
Is Rome in Italy?
"""

Connect = Callable[..., httpx.AsyncClient]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Six sentences in a file."""
    path = tmp_path / "corpus.txt"
    path.write_text(SENTENCES, "utf-8")
    return path


@pytest.fixture
def connect(corpus: Path) -> Connect:
    """Return a function that gives a client of a new emulator; it takes `create_app`'s arguments."""

    def connect(**options: Any) -> httpx.AsyncClient:
        app = create_app(**{"corpus": corpus, "load_seconds": 0, **options})
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://emulator")

    return connect

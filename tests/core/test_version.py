"""The version."""

from __future__ import annotations

import re
from importlib.metadata import version

import hf_fillmask


def test_the_version_is_that_of_the_distribution() -> None:
    """The package and its distribution have one version, in the form that PEP 440 asks for."""
    assert version("hf-fillmask") == hf_fillmask.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?", hf_fillmask.__version__)

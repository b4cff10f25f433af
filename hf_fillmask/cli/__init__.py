"""The command line, of the extra `cli`: `hf-fillmask fill`, `batch`, `model`, `models` and `serve`.

Rule: it can do nothing that the async client cannot; it shows what comes back, to a person as tables, to a pipe as one
JSON object a line.
"""

from ._run import run

__all__ = ["run"]

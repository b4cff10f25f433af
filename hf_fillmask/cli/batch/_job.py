"""What a run is asked to do: the options of the command as a value.

Rule: frozen, and nothing in this file does I/O; the command has checked what is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ._output import Mode

__all__ = ["Job"]


@dataclass(frozen=True, slots=True)
class Job:
    """`settings` are arguments of the client, `call` those of its `fill_mask_stream`.

    A list of texts counts `texts_a_request` for the cap of `max_rps`.
    """

    input: str
    output: str
    model: str
    mode: Mode = "new"
    format: str | None = None
    column: str = "inputs"
    errors: str | None = None
    ordered: bool = False
    keep_going: bool = False
    max_rps: float | None = None
    texts_a_request: int = 1
    asks_equal_texts_once: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    call: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def hint(self) -> str:
        """How to go on with a run that ended early."""
        if self.output == "-":
            return "what is done was written; a run to a file can be resumed"
        instead = " in place of --overwrite" if self.mode == "overwrite" else ""
        return f"what is done is in {self.output}; go on with the same command and --resume{instead}"

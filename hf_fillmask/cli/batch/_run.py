"""A run of `hf-fillmask batch`, from the open files to the summary.

Rule: whatever ends a run (its last row, a signal, a hopeless error, a full disk), what is done is written first.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import anyio
from anyio import from_thread, to_thread

from ..._client import AsyncFillMaskClient
from .._errors import Failure, in_options, tell, wrong_use
from .._server import Server, connected
from .._terminal import console
from ._answers import Answers
from ._bitmap import Bitmap
from ._counts import Counts
from ._desk import Desk
from ._feed import Feed
from ._input import Failed, Input, open_input
from ._job import Job
from ._manifest import manifest
from ._output import OutputFile, is_file, open_output
from ._progress import Progress
from ._rate import Rate
from ._signals import stopping
from ._sink import Target, writing
from ._speed import summary
from ._stop import StopRule
from ._streams import StreamOutput
from ._tidy import tidy

__all__ = ["fill_file"]

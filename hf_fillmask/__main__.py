"""The `hf-fillmask` command, also as ``python -m hf_fillmask``.

Rule: imports nothing but the standard library by itself, so that a missing extra can be told in one line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_EXTRA_OF = {"click": "cli", "rich": "cli", "starlette": "cli,emulator", "uvicorn": "cli,emulator"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (None: the process's own arguments) and return its exit code.

    0 done, 1 an error of a call or a missing extra, 2 wrong use, 130 Ctrl-C.
    """
    try:
        from .cli import run

        return run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:  # pressed while that was imported; `run` has an end of its own for it
        return 130
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA_OF:
            raise
        install = f"pip install 'hf-fillmask[{_EXTRA_OF[missing]}]'"
        sys.stderr.write(f"hf-fillmask: this needs {missing}, which is not installed; run: {install}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""Where the sentences come from: the ones shipped with the package, or the user's file.

The only file of the emulator that reads the disk.
"""

import os
from importlib import resources
from pathlib import Path

__all__ = ["read_sentences"]


def read_sentences(corpus: str | os.PathLike[str] | None = None) -> tuple[str, ...]:
    """Return the sentences of `corpus`, a UTF-8 text file with one a line, or those shipped with the package.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not UTF-8, or holds no sentence.
    """
    text = _shipped() if corpus is None else _decoded(Path(corpus))
    sentences = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not sentences:
        raise ValueError(f"the corpus {corpus!s} holds no sentence")
    return sentences


def _shipped() -> str:
    folder = resources.files(__name__.rpartition(".")[0]) / "corpus"
    files = [file for file in folder.iterdir() if file.name.endswith(".txt")]
    return "\n".join(file.read_text("utf-8") for file in sorted(files, key=lambda file: file.name))


def _decoded(path: Path) -> str:
    try:
        # utf-8-sig: editors on Windows put a byte order mark before the first sentence.
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"the corpus {path} is not UTF-8 text") from error

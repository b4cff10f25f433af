"""The corpus is read at once, and what is wrong with a file is said clearly."""

from pathlib import Path

import pytest

from hf_fillmask.emulator import create_app
from hf_fillmask.emulator._corpus import read_sentences


def test_the_shipped_sentences_are_there() -> None:
    """The package brings some thousand sentences, none of them empty."""
    sentences = read_sentences()
    assert len(sentences) > 1000
    assert all(sentences)


def test_blank_lines_and_a_byte_order_mark_are_dropped(tmp_path: Path) -> None:
    """A file from any editor gives its sentences only."""
    path = tmp_path / "corpus.txt"
    path.write_bytes("\ufeffOne.\r\n\r\n  Two é.\n".encode())
    assert read_sentences(path) == ("One.", "Two é.")


@pytest.mark.parametrize("content", [b"", b"\n \n", b"caf\xe9\n"], ids=["empty", "blank", "latin-1"])
def test_a_bad_corpus_is_refused_at_once(tmp_path: Path, content: bytes) -> None:
    """An application is not made of a file without sentences, and the error names the file."""
    path = tmp_path / "corpus.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="corpus"):
        create_app(corpus=path)


def test_a_missing_corpus_is_an_os_error(tmp_path: Path) -> None:
    """A file that is not there is reported as the system reports it."""
    with pytest.raises(FileNotFoundError):
        create_app(corpus=str(tmp_path / "none.txt"))


@pytest.mark.parametrize("load_seconds", [-1, float("nan"), float("inf")])
def test_load_seconds_must_be_a_time(load_seconds: float) -> None:
    """A load that never ends, or ends before it began, is refused."""
    with pytest.raises(ValueError, match="load_seconds"):
        create_app(load_seconds=load_seconds)


def test_an_empty_token_is_refused() -> None:
    """An empty secret would protect nothing."""
    with pytest.raises(ValueError, match="token"):
        create_app(token="")

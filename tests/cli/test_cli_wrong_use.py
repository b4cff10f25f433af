"""Wrong use: one clear line, a hint where to read on, exit code 2, and nothing is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Invoke = Callable[..., Any]

WRONG = {
    "no text": (["fill"], "Missing argument 'TEXT...'."),
    "top_k": (["fill", "--top-k", "0", "a"], "--top-k must be at least 1, not 0"),
    "timeout": (["fill", "--timeout", "-1", "a"], "--timeout must be a positive, finite number of seconds, not -1.0"),
    "deadline": (
        ["fill", "--deadline", "nan", "a"],
        "--deadline must be a positive, finite number of seconds, not nan",
    ),
    "no number": (["fill", "--timeout", "soon", "a"], "Invalid value for '--timeout': 'soon' is not a valid float."),
    "model": (["fill", "--model", " a", "a"], "' a' is not a model id, such as 'google-bert/bert-base-uncased'"),
    "token": (
        ["fill", "--token", "a b", "a"],
        "the token holds a space or a character that no token has; give the token alone, without 'Bearer'",
    ),
    "password": (
        ["fill", "--base-url", "https://u:p@example.com", "a"],
        "--base-url must not hold a user name or a password; use --token",
    ),
    "target": (["fill", "--target", "", "a"], "--target must hold at least one word, and no empty one"),
    "two servers": (
        ["fill", "--emulator", "--base-url", "http://127.0.0.1", "a"],
        "--emulator and --base-url name two servers; choose one",
    ),
    "endpoint": (
        ["fill", "--emulator", "--model", "https://example.com", "a"],
        "--emulator takes the id of a model, not the URL of an endpoint",
    ),
    "load": (["fill", "--load-seconds", "1", "a"], "--load-seconds is for --emulator"),
    "negative load": (
        ["fill", "--emulator", "--load-seconds", "-1", "a"],
        "--load-seconds must be a number of seconds, 0 or more, not -1.0",
    ),
    "closed input": (["fill", "-"], "'-' asks for standard input, which is closed"),
    "info of a URL": (
        ["model", "https://example.com"],
        "the Hub knows models by their ids, not by the URL of an endpoint",
    ),
    "port": (["serve", "--port", "70000"], "Invalid value for '--port': 70000 is not in the range 0<=x<=65535."),
    "serve's load": (
        ["serve", "--load-seconds", "nan"],
        "--load-seconds must be a number of seconds, 0 or more, not nan",
    ),
}


@pytest.mark.parametrize(("argv", "message"), WRONG.values(), ids=WRONG)
def test_wrong_use(invoke: Invoke, argv: list[str], message: str) -> None:
    """What cannot be meant is said in one line, in the command's own words."""
    run = invoke(*argv, stdin=None)
    assert (run.code, run.out) == (2, "")
    assert run.err == f"error: {message}\nhint: see hf-fillmask {argv[0]} --help\n"


def test_an_unknown_command(invoke: Invoke) -> None:
    """The hint of what is no command leads to the commands."""
    run = invoke("guess")
    assert run.code == 2
    assert run.err == "error: No such command 'guess'.\nhint: see hf-fillmask --help\n"


def test_no_command_shows_the_help(invoke: Invoke) -> None:
    """The bare command is wrong use, and shows all there is."""
    run = invoke()
    assert (run.code, run.out) == (2, "")
    assert "hf-fillmask fill --emulator" in run.err
    assert all(f"\n  {command} " in run.err for command in ("fill", "model", "serve"))


def test_standard_input_that_is_no_text(invoke: Invoke) -> None:
    """Bytes of another encoding are refused, not sent as something else."""
    run = invoke("fill", "-", stdin=b"a \xff [MASK]\n")
    assert (run.code, run.err.splitlines()[0]) == (2, "error: standard input is not utf-8 text")


@pytest.mark.parametrize("argv", [["fill", "a [MASK]"], ["model", "a/b"]], ids=["fill", "model"])
def test_a_proxy_that_needs_more_than_is_installed(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, argv: list[str]
) -> None:
    """A proxy of the environment that the HTTP library cannot speak to is told in its words, without a traceback."""
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:9")
    run = invoke(*argv)
    assert run.code == 2
    assert run.err.startswith("error: Unknown scheme for proxy URL")


def test_a_corpus_that_is_no_text(invoke: Invoke, tmp_path: Path) -> None:
    """A corpus must be UTF-8."""
    corpus = tmp_path / "corpus.txt"
    corpus.write_bytes(b"\xff\xfe\xff")
    run = invoke("serve", "--corpus", str(corpus))
    assert (run.code, run.err.splitlines()[0]) == (2, f"error: the corpus {corpus} is not UTF-8 text")


def test_help_says_where_a_token_belongs(invoke: Invoke) -> None:
    """Whoever reads about `--token` is told of HF_TOKEN, and why."""
    run = invoke("fill", "--help")
    assert run.code == 0
    assert "Better set HF_TOKEN: other users can read the arguments" in " ".join(run.out.split())


def test_the_version(invoke: Invoke) -> None:
    """`--version` names the package and its version."""
    from hf_fillmask import __version__

    run = invoke("--version")
    assert (run.code, run.out) == (0, f"hf-fillmask {__version__}\n")

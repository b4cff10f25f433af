"""What a person sees: the whole command before a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

Invoke = Callable[..., Any]
Plain = Callable[[str], str]

PARIS = "Paris is the [MASK] of France."


def test_a_cold_start_and_its_table(person: Invoke, plain: Plain) -> None:
    """A live line tells the seconds while the model loads; then come the text, a table with bars, the filled text."""
    run = person("fill", "--emulator", "--load-seconds", "0.2", PARIS)
    assert run.code == 0
    live = r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] FacebookAI/xlm-roberta-base is loading: \d+\.\d s waited, server's estimate 0\.2 s"
    assert re.search(live, plain(run.out))
    final = plain(run.out.rpartition("\x1b[2K")[2])
    assert re.match(r"✓ FacebookAI/xlm-roberta-base is warm after \d+\.\d s\n", final)
    assert "\nParis is the [MASK] of France.\n[MASK] was written <mask> for this model\n\n  capital  " in final
    assert "████████████████" in final
    assert "\nParis is the capital of France.\nFacebookAI/xlm-roberta-base, computed in " in final
    assert re.search(r", 3 attempts, waited \d+\.\d s\n$", final)


def test_several_texts(person: Invoke, plain: Plain, pointed: str) -> None:
    """Texts are set apart by a line, an error among them, too."""
    assert person("fill", "--model", "several/bert", PARIS).code == 0
    run = person("fill", "--model", "several/bert", "--top-k", "1", PARIS, "none", "{mask} is the {mask} of Italy.")
    seen = plain(run.out)
    assert run.code == 1
    assert '1 attempt\n\nerror: text 2, "none": several/bert: HTTP 400' in seen
    assert "where the word is missing.\n\n{mask} is the {mask} of Italy.\n{mask} was written [MASK] for" in seen
    assert seen.index("mask 1 of 2") < seen.index("mask 2 of 2")


def test_json_at_a_terminal(person: Invoke, plain: Plain, pointed: str) -> None:
    """`--json` gives a person the lines that a program gets, without colour and without a table."""
    assert person("fill", "--model", "json/bert", PARIS).code == 0
    run = person("fill", "--model", "json/bert", "--json", PARIS, PARIS)
    first, _ = run.out.splitlines()
    assert first.startswith('{"inputs": "Paris is the [MASK] of France.", "model": "json/bert"')
    assert "\x1b" not in run.out


def test_no_color(person: Invoke, monkeypatch: pytest.MonkeyPatch, pointed: str) -> None:
    """NO_COLOR is respected."""
    coloured = person("fill", "--model", "colour/bert", PARIS)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = person("fill", "--model", "colour/bert", PARIS)
    assert "\x1b[36m█" in coloured.out
    assert "\x1b[36m" not in plain.out


def test_a_terminal_that_cannot_move(person: Invoke, monkeypatch: pytest.MonkeyPatch, pointed: str) -> None:
    """Before a dumb terminal the news are plain lines."""
    monkeypatch.setenv("TERM", "dumb")
    run = person("fill", "--model", "dumb/bert", PARIS)
    assert run.out.startswith("dumb/bert is loading, server's estimate 0 s\ndumb/bert is warm after ")
    assert "\x1b" not in run.out


def test_a_terminal_without_unicode(person: Invoke, plain: Plain, pointed: str) -> None:
    """Where the encoding lacks a character, its code is shown, and the bars are of ASCII."""
    run = person("fill", "--model", "ascii/bert", "é [MASK].", encoding="ascii")
    assert run.code == 0
    assert "\\xe9 [MASK]." in plain(run.out)
    assert "  night  " in plain(run.out)
    assert re.search(r"[|/\\-] ascii/bert is loading", plain(run.out))


def test_typing_texts(person: Invoke, pointed: str) -> None:
    """Who types the texts is told how."""
    run = person("fill", "--model", "typed/bert", "-", typed=f"{PARIS}\n\x04")
    assert run.code == 0
    assert "Type one text a line; Ctrl-D on an empty line ends." in run.out
    assert "capital" in run.out


def test_force_color_is_for_terminals(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, pointed: str) -> None:
    """FORCE_COLOR does not bring escape codes into a pipe or a log."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    run = invoke("fill", "--model", "forced/bert", PARIS, "none")
    assert "\x1b" not in run.out + run.err

"""`hf-fillmask models`: which models are served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hf_fillmask.emulator import create_app, serving

Invoke = Callable[..., Any]


def test_models_for_a_program(invoke: Invoke) -> None:
    """A program gets an object a line, with the fields of `model`; `--emulator` asks an emulator's Hub."""
    run = invoke("models", "--emulator", "--search", "distil", "--limit", "1")
    assert run.code == 0
    (found,) = run.objects
    assert [found] == invoke("model", "--emulator", "distilbert/distilbert-base-uncased").objects


def test_models_for_a_person(person: Invoke, plain: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A person sees a table: id, mask, and which ones are warm."""
    with serving(create_app(load_seconds=0, warm=["FacebookAI/roberta-base"])) as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        run = person("models", "--search", "facebookai")
        warm = person("models", "--warm")
    assert [line.split() for line in plain(run.out).splitlines()] == [
        ["FacebookAI/xlm-roberta-base", "<mask>"],
        ["FacebookAI/roberta-base", "<mask>", "warm"],
    ]
    assert [line.split() for line in plain(warm.out).splitlines()] == [["FacebookAI/roberta-base", "<mask>", "warm"]]


def test_no_models(invoke: Invoke, person: Invoke, plain: Callable[[str], str], pointed: str) -> None:
    """Nothing found is no error: a program gets nothing, a person is told."""
    run = invoke("models", "--search", "nothing-has-this-name")
    assert (run.code, run.out, run.err) == (0, "", "")
    assert plain(person("models", "--search", "nothing-has-this-name").out) == "no such model\n"


def test_a_hub_out_of_reach(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hub that does not answer is an error of the tree: one line, exit code 1."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    run = invoke("models", "--timeout", "5")
    assert (run.code, run.out) == (1, "")
    assert run.err.startswith("error: http://127.0.0.1:9: no answer from http://127.0.0.1:9")


def test_wrong_use(invoke: Invoke) -> None:
    """A limit that is none is wrong use, exit code 2."""
    run = invoke("models", "--limit", "0")
    assert (run.code, run.err.splitlines()[0]) == (2, "error: --limit must be at least 1, not 0")

"""`hf-fillmask model ID`: what the Hub knows of a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Invoke = Callable[..., Any]


def test_a_cold_model_for_a_program(invoke: Invoke) -> None:
    """A program gets one object with all that the Hub says; `--emulator` asks an emulator's Hub."""
    run = invoke("model", "--emulator", "google-bert/bert-base-uncased")
    assert run.code == 0
    assert run.objects == [
        {
            "model": "google-bert/bert-base-uncased",
            "mask_token": "[MASK]",
            "pipeline_tag": "fill-mask",
            "inference": None,
            "warm": False,
            "providers": {
                "hf-inference": {
                    "status": "live",
                    "providerId": "google-bert/bert-base-uncased",
                    "task": "fill-mask",
                }
            },
        }
    ]


def test_a_model_for_a_person_before_and_after_its_cold_start(
    person: Invoke, invoke: Invoke, plain: Callable[[str], str], pointed: str
) -> None:
    """A person sees mask, task and whether the first call will wait."""
    cold = person("model", "warmed/roberta")
    assert invoke("fill", "--model", "warmed/roberta", "a <mask>").code == 0
    warm = person("model", "warmed/roberta")
    rows = ["warmed/roberta", "  mask   <mask>", "  task   fill-mask"]
    assert rstripped(plain(cold.out)) == [*rows, "  state  not warm: the first call may wait for a cold start"]
    assert rstripped(plain(warm.out)) == [*rows, "  state  warm"]


def rstripped(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_a_model_that_does_not_exist(invoke: Invoke, pointed: str) -> None:
    """The Hub's 404 is an error of the tree: one line and a hint, exit code 1."""
    run = invoke("model", "a/does-not-exist")
    assert (run.code, run.out) == (1, "")
    error, hint = run.err.splitlines()
    assert error.startswith("error: a/does-not-exist: HTTP 404: Repository not found")
    assert hint == "hint: Check the model id and the base URL."

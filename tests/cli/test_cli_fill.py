"""`hf-fillmask fill`, its output read by a program."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hf_fillmask.emulator import create_app, serving

Invoke = Callable[..., Any]


def answering(response: Callable[[Request], Response]) -> Starlette:
    async def answer(request: Request) -> Response:
        return response(request)

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])


def test_the_first_command_shows_a_cold_start_and_the_translated_mask(invoke: Invoke) -> None:
    """`fill --emulator` needs but a text: it finds the model cold, and writes the mask as the model wants it."""
    run = invoke("fill", "--emulator", "--load-seconds", "0.2", "Paris is the [MASK] of France.")
    [result] = run.objects
    assert run.code == 0
    assert result["model"] == "FacebookAI/xlm-roberta-base"
    assert result["inputs"] == "Paris is the <mask> of France."
    assert result["masks"][0][0]["token_str"] == " capital"
    assert result["waited"] >= 0.2
    waiting, warm = run.err.splitlines()
    assert waiting == "FacebookAI/xlm-roberta-base is loading, server's estimate 0.2 s"
    assert re.fullmatch(r"FacebookAI/xlm-roberta-base is warm after \d+\.\d s", warm)


def test_the_emulator_of_a_command_loads_for_three_seconds(invoke: Invoke) -> None:
    """Without `--load-seconds`, the cold start takes long enough to be seen."""
    run = invoke("fill", "--emulator", "--cold-start-timeout", "0.1", "a [MASK]")
    assert run.code == 1
    assert run.err.splitlines()[0] == "FacebookAI/xlm-roberta-base is loading, server's estimate 3 s"


def test_texts_come_out_in_order(invoke: Invoke, pointed: str) -> None:
    """Texts of the arguments and of standard input come out in the order in which they were named."""
    lines = "".join(f"{number} [MASK]\r\n" for number in range(20))
    run = invoke("fill", "--model", "order/bert", "a [MASK]", "-", "z [MASK]", stdin=f"\ufeff\n{lines} \n".encode())
    expected = ["a [MASK]", *(f"{number} [MASK]" for number in range(20)), "z [MASK]"]
    assert [line["inputs"] for line in run.objects] == expected
    assert run.code == 0


def test_an_empty_standard_input_is_no_text(invoke: Invoke) -> None:
    """No text is nothing to do: nothing is asked, nothing is written, all is well."""
    run = invoke("fill", "-", stdin=b"\n  \n")
    assert (run.code, run.out, run.err) == (0, "", "")


def test_one_failing_text_leaves_the_others(invoke: Invoke, pointed: str) -> None:
    """A text that fails has its error in its place, and on standard error with its number; the rest is filled."""
    run = invoke("fill", "--model", "one-fails/bert", "a [MASK]", "no mask", "b [MASK]")
    first, failed, last = run.objects
    assert run.code == 1
    assert (first["inputs"], last["inputs"]) == ("a [MASK]", "b [MASK]")
    assert failed == {
        "inputs": "no mask",
        "model": "one-fails/bert",
        "error": {
            "type": "MaskNotFoundError",
            "message": "No mask_token ([MASK]) found on the input",
            "status_code": 400,
        },
    }
    error, hint = run.err.splitlines()[-2:]
    assert error.startswith('error: text 2, "no mask": one-fails/bert: HTTP 400: No mask_token ([MASK])')
    assert hint == "hint: Write [MASK] (or {mask}) where the word is missing."


def test_the_only_text_needs_no_number(invoke: Invoke) -> None:
    """An error without an HTTP answer has no status; of one text, nobody asks which."""
    run = invoke("fill", "--base-url", "http://127.0.0.1:9", "a [MASK]")
    [line] = run.objects
    assert run.code == 1
    assert (line["error"]["type"], line["error"]["status_code"]) == ("ConnectError", None)
    assert run.err.startswith("error: FacebookAI/xlm-roberta-base: no answer from http://127.0.0.1:9")


def test_options_reach_the_server(invoke: Invoke) -> None:
    """Targets, top_k, cache and token go out as the API names them."""
    seen: list[tuple[Any, Any]] = []

    def keep(request: Request) -> Response:
        seen.append((request.headers.get("x-use-cache"), request.headers.get("authorization")))
        return JSONResponse([])

    with serving(answering(keep)) as url:
        run = invoke("fill", "--base-url", url, "--no-cache", "--token", "hf_a", "--deadline", "20", "a [MASK]")
    assert run.code == 0
    assert seen == [("false", "Bearer hf_a")]


def test_top_k_and_targets(invoke: Invoke, pointed: str) -> None:
    """`--top-k` bounds the predictions, `--target` says which."""
    three = invoke("fill", "--model", "k/bert", "--top-k", "3", "Paris is the [MASK] of France.")
    two = invoke(
        "fill", "--model", "k/bert", "--target", "city", "--target", "capital", "Paris is the [MASK] of France."
    )
    assert len(three.objects[0]["masks"][0]) == 3
    assert [prediction["token_str"] for prediction in two.objects[0]["masks"][0]] == ["capital", "city"]


def test_a_refused_token_is_an_error_with_the_commands_own_hint(invoke: Invoke) -> None:
    """The hint names options of the command, not arguments of Python, and nothing shows the token."""
    with serving(create_app(load_seconds=0, token="hf_right")) as url:
        run = invoke("fill", "--base-url", url, "--token", "hf_wrong", "a [MASK]")
    assert run.code == 1
    assert run.err.splitlines()[-1] == (
        "hint: Set HF_TOKEN (or pass --token) to a valid token of https://huggingface.co/settings/tokens."
    )
    assert "hf_wrong" not in run.out + run.err


def test_a_model_that_stays_cold(invoke: Invoke) -> None:
    """The end of the wait is an error that says how long was waited, and which option waits longer."""
    with serving(create_app(load_seconds=30)) as url:
        run = invoke("fill", "--base-url", url, "--cold-start-timeout", "0.1", "a [MASK]")
    assert run.code == 1
    loading, error, hint = run.err.splitlines()
    assert loading == "FacebookAI/xlm-roberta-base is loading, server's estimate 30 s"
    assert error.startswith("error: FacebookAI/xlm-roberta-base: HTTP 503")
    assert hint.endswith("(the server's estimate: 30 s). Try again later, or raise --cold-start-timeout.")


def test_a_cold_model_without_an_estimate(invoke: Invoke) -> None:
    """A server need not guess: then the news have no estimate."""
    answers = [Response(status_code=503), JSONResponse([])]
    with serving(answering(lambda request: answers.pop(0))) as url:
        run = invoke("fill", "--base-url", url, "--model", "a/b", "a [MASK]")
    assert run.code == 0
    assert run.err.splitlines()[0] == "a/b is loading"


def test_the_emulator_gets_no_token_and_no_proxy(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--emulator` works whatever proxies, tokens and servers the environment names, and leaves it as it was."""
    settings = {
        "HF_TOKEN": "a-real-one",  # the emulator would refuse it
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "",
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_FILLMASK_BASE_URL": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "socks5://127.0.0.1:9",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    run = invoke("fill", "--emulator", "--load-seconds", "0", "--model", "a/bert", "Paris is the {mask} of France.")
    assert run.code == 0
    assert run.objects[0]["inputs"] == "Paris is the [MASK] of France."
    assert {name: os.environ[name] for name in settings} == settings


def test_the_emulator_leaves_no_hub_behind(invoke: Invoke) -> None:
    """A Hub that the environment did not name before is not named afterwards."""
    assert invoke("fill", "--emulator", "--load-seconds", "0", "--token", "hf_x", "a {mask}").code == 0
    assert "HF_ENDPOINT" not in os.environ

"""Programs in other languages against `hf-fillmask serve`, faults and all.

The requests are those of the snippets in the fill-mask page of the API's documentation: the same method, headers and
body, the token as it stands there; only the address is the server's.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.slow

MODEL = "FacebookAI/xlm-roberta-base"
INPUTS = "The answer to the universe is [MASK]."
"""The page's own example: the mask is not that of its model, which says so."""

JAVASCRIPT = """
async function query(data) {
    const response = await fetch(process.argv[1], {
        method: "POST",
        headers: { Authorization: "Bearer hf_***", "Content-Type": "application/json" },
        body: JSON.stringify(data),
    });
    return [response.status, await response.json()];
}
query({ inputs: process.argv[2] }).then(
    (answer) => console.log(JSON.stringify(answer)),
    (error) => console.log(JSON.stringify([null, (error.cause || error).code])),
);
"""

Ask = Callable[[str, str], Any]
Serve = Callable[..., str]


def program(name: str) -> str:
    """Find a program, or skip the test."""
    return shutil.which(name) or pytest.skip(f"{name} is not installed")


def by_javascript(url: str, inputs: str) -> Any:
    """Ask as the page's JavaScript does; return status and body, or the name of what went wrong."""
    ran = subprocess.run(
        [program("node"), "-e", JAVASCRIPT, url, inputs], capture_output=True, encoding="utf-8", timeout=30, check=True
    )
    return json.loads(ran.stdout)


def by_curl(url: str, inputs: str) -> Any:
    """Ask as the page's cURL command does; return status and body, or the number of what went wrong."""
    data = ["-X", "POST", "-d", json.dumps({"inputs": inputs})]
    headers = ["-H", "Content-Type: application/json", "-H", "Authorization: Bearer hf_***"]
    shown = ["--silent", "--noproxy", "*", "--write-out", "\n%{http_code}"]
    command = [program("curl"), url, *data, *headers, *shown]
    ran = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=30, check=False)
    if ran.returncode:
        return [None, ran.returncode]
    body, _, status = ran.stdout.rpartition("\n")
    return [int(status), json.loads(body)]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts `hf-fillmask serve` with arguments and returns its address."""
    servers: list[subprocess.Popen[str]] = []

    def serve(*argv: str) -> str:
        command = [sys.executable, "-m", "hf_fillmask", "serve", "--port", "0", *argv]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
        servers.append(server)
        assert server.stdout is not None
        return f"{server.stdout.readline().rstrip().rpartition('=')[2]}/models/{MODEL}"

    yield serve
    for server in servers:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=10)


@pytest.mark.parametrize("ask", [by_javascript, by_curl])
def test_the_snippets_of_the_documentation(ask: Ask, serve: Serve) -> None:
    """They meet a model that loads, then the error that names its mask, and with that mask five predictions."""
    url = serve("--load-seconds", "0")
    status, loading = ask(url, INPUTS)
    assert (status, loading) == (503, {"error": f"Model {MODEL} is currently loading", "estimated_time": 0.0})
    status, refused = ask(url, INPUTS)
    assert (status, refused) == (400, {"error": "No mask_token (<mask>) found on the input"})
    status, predictions = ask(url, INPUTS.replace("[MASK]", "<mask>"))
    assert status == 200
    assert [sorted(prediction) for prediction in predictions] == [["score", "sequence", "token", "token_str"]] * 5


@pytest.mark.parametrize(("ask", "lost"), [(by_javascript, "UND_ERR_SOCKET ECONNRESET"), (by_curl, "18 56")])
def test_the_faults_reach_every_language(ask: Ask, lost: str, serve: Serve) -> None:
    """Whatever a program is written in, it meets the faults in their order, on the wire."""
    faults = ("503x2", "429:retry-after=3", '418:body={"tea": 1}', "cut", "reset", "latency=0.01")
    url = serve("--warm", *(part for fault in faults for part in ("--fault", fault)))
    answers = [ask(url, INPUTS.replace("[MASK]", "<mask>")) for _ in range(7)]
    assert [status for status, _ in answers] == [503, 503, 429, 418, None, None, 200]
    assert answers[1][1] == {"error": f"Model {MODEL} is currently loading", "estimated_time": 20.0}
    assert [answers[2][1], answers[3][1]] == [{"error": "Rate limit reached."}, {"tea": 1}]
    assert " ".join(str(reason) for _, reason in answers[4:6]) == lost

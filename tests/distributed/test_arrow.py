"""Tables of Arrow: every row comes back, with what became of it."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest

from hf_fillmask import AuthenticationError, ColdStart, CreditsExhaustedError, PermissionDeniedError
from hf_fillmask.emulator import create_app, serving

from ..shell.helpers import TOKEN, chain, mocked
from ..shell.pipeline_server import sizes
from ..shell.scripted_server import Received, ScriptedServer, Wire, scripted
from .model import MASK, MODEL, Model, word_of

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

from hf_fillmask.arrow import FillMaskTable  # noqa: E402 - it needs pyarrow

TEXTS = [f"one {MASK}", None, "no mask", f"two {MASK} {MASK}", ""]
PREDICTION = pa.struct(
    [("score", pa.float64()), ("token", pa.int64()), ("token_str", pa.string()), ("sequence", pa.string())]
)
COLUMNS = [
    ("masks", pa.list_(pa.list_(PREDICTION))),
    ("error", pa.string()),
    ("status", pa.int64()),
    ("attempts", pa.int64()),
]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Serve a model that is cold at first."""
    with scripted(Model(cold=True)) as server:
        yield server


def table_of(server: ScriptedServer, **options: Any) -> FillMaskTable:
    """Return a callable that asks a scripted server."""
    return FillMaskTable(MODEL, **{"base_url": server.url, "token": False, "max_connections": 8, **options})


def words(table: Any, output: str = "masks") -> list[Any]:
    """Return the best word at each mask of each row."""
    return [masks and [mask[0]["token_str"] for mask in masks] for masks in table.column(output).to_pylist()]


def assert_filled(filled: Any) -> None:
    """Hold that `TEXTS` were filled, or failed, each as it should."""
    assert words(filled) == [[f"one {MASK}/0"], None, None, [f"two {MASK} {MASK}/{place}" for place in (0, 1)], None]
    errors = filled.column("error").to_pylist()
    assert [error and error.partition(":")[0] for error in errors] == [
        *(None, "the text is null", "MaskNotFoundError", None, "MaskNotFoundError")
    ]
    # A client that knows its model's mask does not ask about a text without one.
    outcomes = list(zip(filled.column("status").to_pylist(), filled.column("attempts").to_pylist(), strict=True))
    assert outcomes[2] in ((400, 1), (400, 2), (None, 0))
    assert [status for place, (status, _) in enumerate(outcomes) if place != 2] == [200, None, 200, 400]
    assert [attempts > 0 for place, (_, attempts) in enumerate(outcomes) if place != 2] == [True, False, True, True]


def test_every_row_comes_back(server: ScriptedServer) -> None:
    """Rows, order and columns stay; what became of each text stands beside it."""
    table = pa.table({"id": range(5), "text": TEXTS}).replace_schema_metadata({"about": "it"})
    fill = table_of(server)
    filled = fill(table)
    fill.close()
    assert_filled(filled)
    assert filled.select(["id", "text"]) == table.replace_schema_metadata()
    assert filled.schema == pa.schema([*table.schema, *(pa.field(*column) for column in COLUMNS)])
    assert filled.schema.metadata == {b"about": b"it"}
    assert filled.schema == fill.schema(table.schema)
    assert filled.column("masks").to_pylist()[0] == [
        [{"score": 0.5, "token": 1, "token_str": f"one {MASK}/0", "sequence": f"one {MASK}/0"}]
    ]
    filled.validate(full=True)
    server.wait_until_idle()


KINDS = {
    "string": pa.array(TEXTS),
    "large string": pa.array(TEXTS, pa.large_string()),
    "dictionary": pa.array(TEXTS).dictionary_encode(),
    "chunks": pa.chunked_array([TEXTS[:1], [], TEXTS[1:]], pa.string()),
    "chunked dictionary": pa.chunked_array([pa.array(TEXTS).dictionary_encode()]),
    "slice": pa.array(["left out", *TEXTS]).slice(1),
}


@pytest.mark.parametrize("column", KINDS.values(), ids=KINDS)
def test_every_kind_of_string(server: ScriptedServer, column: Any) -> None:
    """However Arrow keeps the strings, they are the same texts, and the column stays as it was."""
    fill = table_of(server)
    filled = fill(pa.table({"text": column}))
    fill.close()
    assert_filled(filled)
    assert filled.schema.field("text").type == column.type


@pytest.mark.parametrize("kind", [pa.string(), pa.null()], ids=str)
def test_nothing_to_fill(kind: Any) -> None:
    """Tables without rows, or of nulls alone, have the same schema, and need no server."""
    fill = FillMaskTable(MODEL, base_url="http://127.0.0.1:9")
    for rows in (0, 3):
        filled = fill(pa.table({"text": pa.nulls(rows, kind)}))
        assert filled.schema == fill.schema(pa.schema([("text", kind)]))
        assert filled.column("error").to_pylist() == ["the text is null"] * rows


def test_record_batches(server: ScriptedServer) -> None:
    """Batches come back as batches, an empty one too, and none is taken before it is asked for."""
    taken = []

    def batches() -> Iterator[Any]:
        for texts in (TEXTS, [], [f"late {MASK}"]):
            taken.append(len(texts))
            yield pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})

    fill = table_of(server)
    filled = fill.iter_batches(batches())
    assert taken == []
    assert_filled(next(filled))
    assert taken == [5]
    assert [words(batch) for batch in filled] == [[], [[word_of(f"late {MASK}")]]]
    fill.close()


def test_names(server: ScriptedServer) -> None:
    """Both columns can be named, and the options of a call are passed on."""
    fill = table_of(server, column="frage", output="antwort", top_k=3, targets=["a", "b"])
    filled = fill(pa.table({"frage": [f"one {MASK}"]}))
    fill.close()
    assert words(filled, "antwort") == [[word_of(f"one {MASK}")]]
    assert json.loads(server.requests[-1].body)["parameters"] == {"top_k": 3, "targets": ["a", "b"]}


@pytest.mark.parametrize(("each", "expected"), [(1, {0}), (8, {8}), ("auto", {0})])
@pytest.mark.parametrize("rate", [None, 10_000])
def test_texts_a_request(server: ScriptedServer, each: Any, expected: set[int], rate: float | None) -> None:
    """Several texts may go into one request, with a cap on requests and without."""
    texts = [f"{number} {MASK}" for number in range(16)]
    fill = table_of(server, inputs_per_request=each, requests_per_second=rate, max_concurrency=2)
    assert words(fill(pa.table({"text": texts}))) == [[word_of(text)] for text in texts]
    fill.close()
    assert set(sizes(server.requests)) >= expected


@pytest.mark.anyio
class TestAsync:
    """Tables in an event loop of the user's."""

    async def test_acall(self, server: ScriptedServer) -> None:
        """A table can be awaited; closing closes the connections of this loop."""
        fill = table_of(server)
        assert_filled(await fill.acall(pa.table({"text": TEXTS})))
        await fill.aclose()
        await anyio.to_thread.run_sync(server.wait_until_idle)

    async def test_several_at_a_time(self, server: ScriptedServer) -> None:
        """Tables that are filled at the same time share the connections of one client."""
        fill = table_of(server, max_connections=2)
        filled = []

        async def one(number: int) -> None:
            filled.append(await fill.acall(pa.table({"text": [f"{number} {place} {MASK}" for place in range(20)]})))

        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(one, number)
        await fill.aclose()
        assert all(words(table) == [[word_of(text)] for text in table.column("text").to_pylist()] for table in filled)
        assert server.most_open <= 2


def test_it_never_crosses_loops(server: ScriptedServer) -> None:
    """One callable serves plain calls and event loops, one after the other and inside one another."""
    fill = table_of(server)
    table = pa.table({"text": TEXTS})

    async def use() -> None:
        assert_filled(await fill.acall(table))
        assert_filled(fill(table))
        await fill.aclose()

    assert_filled(fill(table))
    # In a thread of its own: coverage stops to look at a thread whose running loop was blocked.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, use()).result()
        thread.submit(asyncio.run, use()).result()
    assert_filled(fill(table))
    fill.close()
    fill.close()
    assert_filled(fill(table))
    fill.close()
    server.wait_until_idle()


def test_the_portal_cannot_wait_for_itself(server: ScriptedServer) -> None:
    """A call from a callback of its own is refused; it could never come to an end."""
    refused = []

    def call_again(_: ColdStart) -> None:
        with pytest.raises(RuntimeError, match="await acall there"):
            fill(pa.table({"text": TEXTS}))
        refused.append(True)

    fill = table_of(server, on_cold_start=call_again)
    assert_filled(fill(pa.table({"text": TEXTS})))
    fill.close()
    assert refused == [True, True]


HOPELESS = {401: AuthenticationError, 402: CreditsExhaustedError, 403: PermissionDeniedError}


@pytest.mark.parametrize(("status", "error"), HOPELESS.items())
def test_what_would_fail_every_row_is_raised(status: int, error: type[Exception]) -> None:
    """The first refusal ends the table: the others would be refused as well."""
    model = Model()
    model.refusal = status
    with scripted(model) as server:
        fill = table_of(server, max_connections=2)
        with pytest.raises(error):
            fill(pa.table({"text": [f"{number} {MASK}" for number in range(100)]}))
        fill.close()
        assert len(server.requests) <= 4


def test_other_failures_are_rows() -> None:
    """A server error, and no server at all, become the rows that they hit."""
    model = Model()
    model.refusal = 500
    with scripted(model) as server:
        fill = table_of(server)
        filled = fill(pa.table({"text": [f"one {MASK}"]}))
        fill.close()
    assert filled.select(["masks", "status", "attempts"]).to_pylist() == [
        {"masks": None, "status": 500, "attempts": 1},
    ]
    assert filled.column("error").to_pylist() == ["ServerError: org/model: HTTP 500: no"]
    gone = fill(pa.table({"text": [f"one {MASK}"]}))
    fill.close()
    assert gone.column("status").to_pylist() == [None]
    assert gone.column("error").to_pylist()[0].startswith("ConnectError: ")


ODD = {
    "half a surrogate pair": {"token_str": "\ud800"},
    "a very large id": {"token": 2**70},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_what_arrow_cannot_hold(odd: dict[str, Any]) -> None:
    """JSON can say what no Arrow column can: that row has an error, and the others are fine."""
    usual = {"score": None, "token": 1, "token_str": "w", "sequence": "s"}

    def script(request: Received, wire: Wire) -> None:
        wire.reply(200, [usual | odd] if "odd" in request.inputs else [usual])

    with scripted(script) as server:
        fill = table_of(server)
        filled = fill(pa.table({"text": [f"odd {MASK}", f"even {MASK}"]}))
        fill.close()
    assert filled.column("masks").to_pylist() == [None, [[usual]]]
    assert filled.column("error").to_pylist()[0].startswith("DecodeError: org/model: Arrow cannot hold the answer")
    assert filled.column("status").to_pylist() == [None, 200]


def test_an_error_that_arrow_cannot_hold() -> None:
    """The server's words are kept as far as Arrow can hold them."""
    with scripted(lambda request, wire: wire.reply(500, {"error": "\ud800 oh"})) as server:
        fill = table_of(server)
        filled = fill(pa.table({"text": [f"one {MASK}"]}))
        fill.close()
    assert filled.column("error").to_pylist()[0].endswith("HTTP 500: oh")


TABLES: dict[str, tuple[Any, type[Exception], str]] = {
    "a dict": ({"text": []}, TypeError, "expected a pyarrow.Table or RecordBatch, not dict"),
    "no such column": (pa.table({"a": ["b"]}), ValueError, r"no column 'text'; its columns are \['a'\]"),
    "two of them": (pa.table([["a"], ["b"]], ["text", "text"]), ValueError, "several columns 'text'"),
    "numbers": (pa.table({"text": [1]}), TypeError, "must hold texts, not int64"),
    "bytes": (pa.table({"text": [b"a"]}), TypeError, "must hold texts, not binary"),
    "coded numbers": (pa.table({"text": pa.array([1]).dictionary_encode()}), TypeError, "must hold texts"),
    "masks there": (pa.table({"text": ["a"], "masks": [1]}), ValueError, "a column 'masks' already; rename it"),
    "status there": (pa.table({"text": ["a"], "status": [1]}), ValueError, "a column 'status' already"),
}


@pytest.mark.parametrize(("table", "error", "told"), TABLES.values(), ids=TABLES)
def test_a_wrong_table(server: ScriptedServer, table: Any, error: type[Exception], told: str) -> None:
    """What cannot be filled is refused before anything is sent."""
    fill = table_of(server)
    with pytest.raises(error, match=told):
        fill(table)
    with pytest.raises(error, match=told):
        asyncio.run(fill.acall(table))
    assert server.requests == []


WRONG: Any = 1
"""A value that no argument wants, and type checkers do not mind."""

OPTIONS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no model": (lambda: FillMaskTable(WRONG), TypeError, "model must be a str"),
    "column": (lambda: FillMaskTable(MODEL, WRONG), TypeError, "column must be a str"),
    "output": (lambda: FillMaskTable(MODEL, output=WRONG), TypeError, "output must be"),
    "a taken name": (lambda: FillMaskTable(MODEL, output="error"), ValueError, "output must not be 'error'"),
    "top_k": (lambda: FillMaskTable(MODEL, top_k=0), ValueError, "top_k must be at least 1"),
    "targets": (lambda: FillMaskTable(MODEL, targets=[]), ValueError, "targets must hold"),
    "max_concurrency": (lambda: FillMaskTable(MODEL, max_concurrency=0), ValueError, "max_concurrency must be"),
    "inputs_per_request": (lambda: FillMaskTable(MODEL, inputs_per_request=0), ValueError, "inputs_per_request must"),
    "rate": (lambda: FillMaskTable(MODEL, requests_per_second=0), ValueError, "requests_per_second must be"),
    "timeout": (lambda: FillMaskTable(MODEL, timeout=0), ValueError, "timeout must be"),
    "http_client": (lambda: FillMaskTable(MODEL, http_client=mocked(print)), TypeError, "cannot be copied"),
}


@pytest.mark.parametrize(("make", "error", "told"), OPTIONS.values(), ids=OPTIONS)
def test_a_wrong_option(make: Callable[[], Any], error: type[Exception], told: str) -> None:
    """Options are judged where the callable is made, not where it runs."""
    with pytest.raises(error, match=told):
        make()


class TestTravel:
    """A callable is made in one process and runs in others."""

    def test_it_pickles_as_its_configuration(self, server: ScriptedServer) -> None:
        """A copy has the same options and nothing that is open, also when the original is in use."""
        fill = table_of(server, output="m", top_k=3, inputs_per_request="auto", requests_per_second=1000)
        fill(pa.table({"text": [f"one {MASK}"]}))
        copy = pickle.loads(pickle.dumps(fill))
        assert copy.configuration() == fill.configuration()
        assert words(copy(pa.table({"text": [f"two {MASK}"]})), "m") == [[word_of(f"two {MASK}")]]
        fill.close()
        copy.close()

    def test_a_token_stays_at_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A token that was passed is told before it could travel; one that is found is found where it runs."""
        fill = FillMaskTable(MODEL, token=TOKEN)
        with pytest.raises(TypeError, match="set HF_TOKEN where the table runs") as caught:
            pickle.dumps(fill)
        assert not any(TOKEN in repr(error) for error in chain(caught.value))
        assert TOKEN not in repr(fill)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        assert TOKEN.encode() not in pickle.dumps(FillMaskTable(MODEL))

    def test_a_passed_token_is_sent_here(self, server: ScriptedServer) -> None:
        """Without travelling, a token works as it does for a client."""
        fill = table_of(server, token=TOKEN)
        fill(pa.table({"text": [f"one {MASK}"]}))
        fill.close()
        assert server.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"

    def test_it_tells_itself(self) -> None:
        """The representation shows model, address and columns."""
        shown = repr(FillMaskTable(MODEL, base_url="http://127.0.0.1:9"))
        assert shown == (
            "FillMaskTable(column='text', output='masks', model='org/model', base_url='http://127.0.0.1:9')"
        )

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
    def test_forked_children(self, server: ScriptedServer) -> None:
        """A child that finds the callable in use opens connections of its own, and disturbs nobody's."""
        ended = subprocess.run(
            [sys.executable, "-c", FORKED, server.url], capture_output=True, text=True, check=False, timeout=60
        )
        assert (ended.returncode, ended.stdout.split(), ended.stderr) == (0, ["parent", "0", "0", "parent"], "")

    @pytest.mark.parametrize("method", ["spawn"])
    def test_spawned_workers(self, server: ScriptedServer, method: str) -> None:
        """Workers of a process pool each open a client of their own."""
        fill = table_of(server)
        tables = [pa.table({"text": [f"{number} {MASK}"]}) for number in range(4)]
        with multiprocessing.get_context(method).Pool(2) as pool:
            filled = pool.map(fill, tables)
        assert [words(table) for table in filled] == [[[word_of(f"{number} {MASK}")]] for number in range(4)]


FORKED = """
import os, sys
import pyarrow as pa
from hf_fillmask.arrow import FillMaskTable

fill = FillMaskTable("org/model", base_url=sys.argv[1], token=False)
table = pa.table({"text": ["one <mask>"] * 5})

def say(word):
    assert fill(table).column("status").to_pylist() == [200] * 5
    print(word, flush=True)

say("parent")
for closes in (True, False):
    if not (child := os.fork()):
        if closes:
            fill.close()  # the parent's is not the child's to close
        fill(table)
        sys.exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
say("parent")
"""


def test_forgotten(server: ScriptedServer) -> None:
    """Who forgets to close loses nothing: the connections end with the callable."""
    table_of(server)(pa.table({"text": TEXTS}))
    server.wait_until_idle()


def test_the_emulator() -> None:
    """The specification's own example, cold, with another family's mask."""
    with serving(create_app(load_seconds=0.01)) as base_url:
        fill = FillMaskTable("FacebookAI/xlm-roberta-base", base_url=base_url)
        filled = fill(pa.table({"text": ["The answer to the universe is [MASK]."]}))
        fill.close()
    assert filled.column("status").to_pylist() == [200]
    assert len(filled.column("masks").to_pylist()[0][0]) == 5

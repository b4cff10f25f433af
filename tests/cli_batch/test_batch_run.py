"""`hf-fillmask batch` as a command: formats, options, refusals and what ends a run."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hf_fillmask.cli.batch._input import open_input

from ..shell.scripted_server import Received, ScriptedServer, Wire
from .helpers import answering, essence, numbered, predictions, rows_of, written_by

pytestmark = pytest.mark.slow

Invoke = Callable[..., Any]


@pytest.fixture
def batch(invoke: Invoke, server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run the command in a folder of its own; it asks the scripted server."""
    monkeypatch.chdir(tmp_path)
    return lambda *argv, **streams: invoke("batch", "--base-url", server.url, "--model", "m", *argv, **streams)


def texts_asked(server: ScriptedServer) -> list[Any]:
    return [json.loads(request.body)["inputs"] for request in server.requests]


OUT = Path("out.jsonl")
TO_OUT = ("-o", str(OUT))


def test_text(batch: Invoke, server: ScriptedServer) -> None:
    """A row a line; a bad one has its error, blank ones count in the index; the summary counts, the exit code is 1."""
    Path("in.txt").write_bytes("\ufeffa [MASK]\n\nbad [MASK]\r\n".encode() + b"\xff\na [MASK]")
    run = batch("in.txt", *TO_OUT, "--top-k", "3", "--target", "x")
    assert run.code == 1
    assert [(row["id"], row["index"], row["inputs"]) for row in sorted(rows_of(OUT), key=lambda row: row["index"])] == [
        (0, 0, "a [MASK]"),
        (2, 2, "bad [MASK]"),
        (3, 3, None),
        (4, 4, "a [MASK]"),
    ]
    by_index = {row["index"]: row for row in rows_of(OUT)}
    assert by_index[0]["masks"] == by_index[4]["masks"] == [predictions("a [MASK]")]
    assert by_index[2]["error"] == {"type": "BadRequestError", "message": "the text is bad", "status_code": 400}
    assert by_index[3]["error"]["type"] == "InputError"
    assert re.fullmatch(r"2 filled, 2 failed; 2 asked in \d\.\d s \([\d,]+ rows/s\)\n", run.err)
    assert json.loads(server.requests[0].body)["parameters"] == {"top_k": 3, "targets": ["x"]}


def test_jsonl(batch: Invoke) -> None:
    """JSONL keeps ids and further keys, and names a broken line's row by its place."""
    Path("in.ndjson").write_text('{"custom_id": "x", "inputs": "a [MASK]", "label": [1]}\n{"inputs"\n')
    assert batch("in.ndjson", *TO_OUT).code == 1
    first, second = sorted(rows_of(OUT), key=lambda row: row["index"])
    assert (first["id"], first["label"], first["masks"]) == ("x", [1], [predictions("a [MASK]")])
    assert (second["id"], second["error"]["type"]) == (1, "InputError")


def test_csv_and_its_failed_rows(batch: Invoke) -> None:
    """--column names the text; the failed rows are a CSV again that can be fed back."""
    Path("in.csv").write_bytes(b'id,text,n\n1,"a, [MASK]",x\n2,"bad, [MASK]",y\n3,\xff,z\n')
    Path("bad.csv").write_text("old")
    assert batch("in.csv", "--column", "text", *TO_OUT, "--errors", "bad.csv").code == 1
    assert sorted((row["index"], row["id"], row.get("n")) for row in rows_of(OUT)) == [
        (0, "1", "x"),
        (1, "2", "y"),
        (2, 2, None),
    ]
    failed = Path("bad.csv").read_bytes().splitlines()
    assert failed[0] == b"id,text,n"
    assert sorted(failed[1:]) == [b'2,"bad, [MASK]",y', b"3,\xff,z"]
    assert batch("bad.csv", "--column", "text", "-o", "again.jsonl").code == 1
    assert len(rows_of(Path("again.jsonl"))) == 2


def test_parquet(batch: Invoke) -> None:
    """Parquet is read with pyarrow; the failed rows are a Parquet file of the same columns."""
    pytest.importorskip("pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"id": [5, 6, 7], "inputs": ["a [MASK]", "bad [MASK]", None], "when": [None, 1.5, 2.5]})
    pq.write_table(table, "in.parquet")
    assert batch("in.parquet", *TO_OUT, "--errors", "bad.parquet").code == 1
    assert {row["id"]: row["when"] for row in rows_of(OUT)} == {5: None, 6: 1.5, 7: 2.5}
    failed = pq.read_table("bad.parquet")
    assert failed.schema == table.schema
    assert sorted(failed["id"].to_pylist()) == [6, 7]
    pq.write_table(table.slice(0, 1), "fine.parquet")
    assert batch("fine.parquet", "-o", "fine.jsonl", "--errors", "none.parquet").code == 0
    assert pq.read_table("none.parquet").num_rows == 0


def test_parquet_that_is_none(batch: Invoke) -> None:
    """A file that only has the name is wrong use; one that is damaged further on is an error, in one line each."""
    pytest.importorskip("pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    Path("in.parquet").write_bytes(b"PAR1 not at all")
    run = batch("in.parquet", *TO_OUT)
    assert (run.code, run.err.startswith("error: cannot read in.parquet: ")) == (2, True)
    pq.write_table(pa.table({"inputs": [f"{number} [MASK]" for number in range(100)]}), "torn.parquet")
    data = Path("torn.parquet").read_bytes()
    Path("torn.parquet").write_bytes(data[:4] + bytes(50) + data[54:])
    run = batch("torn.parquet", *TO_OUT)
    assert (run.code, run.err.splitlines()[-1].startswith("error: cannot read torn.parquet: ")) == (1, True)


def test_parquet_without_pyarrow(batch: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow, one line says what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    Path("in.parquet").touch()
    run = batch("in.parquet", *TO_OUT)
    assert (run.code, run.err) == (
        1,
        "error: Parquet needs pyarrow, which is not installed\nhint: run: pip install pyarrow\n",
    )


@pytest.mark.parametrize(("name", "data"), [("in.txt", ""), ("in.jsonl", "\n\n"), ("in.csv", "inputs\n")])
def test_nothing_to_do(batch: Invoke, name: str, data: str) -> None:
    """An input without rows makes an output without rows, and an empty file of failed rows."""
    Path(name).write_text(data)
    Path("bad").write_text("old")
    run = batch(name, *TO_OUT, "--errors", "bad")
    assert (run.code, run.err.startswith("0 filled, 0 failed; 0 asked in ")) == (0, True)
    assert (OUT.read_bytes(), Path("bad").read_text()) == (b"", "inputs\n" if name == "in.csv" else "")


def test_rows_flood_the_output(batch: Invoke) -> None:
    """More than the memory for lines holds is written on the way."""
    Path("in.txt").write_text("".join(f"{'x' * 100_000} {number} [MASK]\n" for number in range(120)))
    assert batch("in.txt", *TO_OUT).code == 0
    assert [row["index"] for row in essence(rows_of(OUT))] == list(range(120))


def test_standard_input_and_output(batch: Invoke) -> None:
    """'-' is standard input and output; a stream has no manifest."""
    run = batch("-", "-o", "-", "--format", "text", stdin=b"a [MASK]\nb [MASK]")
    assert run.code == 0
    assert [row["inputs"] for row in sorted(run.objects, key=lambda row: row["index"])] == ["a [MASK]", "b [MASK]"]
    assert list(Path().iterdir()) == []


def test_a_pipe_as_input_is_resumed(batch: Invoke, server: ScriptedServer) -> None:
    """A stream is told by its first line: the same one goes on, another one is refused."""
    feed = [b"a [MASK]\nbad [MASK]\n", b"a [MASK]\nbad [MASK]\nc [MASK]\n", b"other\n", b""]
    runs = []
    for number, data in enumerate(feed):
        runs.append(with_pipe(batch, data, *TO_OUT, "--format", "text", *(["--resume"] if number else [])))
    assert [run.code for run in runs] == [1, 1, 2, 2]
    assert texts_asked(server) == ["a [MASK]", "bad [MASK]", "bad [MASK]", "c [MASK]"]
    assert "the beginning of INPUT differs" in runs[2].err


def with_pipe(batch: Invoke, data: bytes, *argv: str) -> Any:
    """Run with a pipe as INPUT."""
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    try:
        return batch(f"/dev/fd/{reading}", *argv)
    finally:
        os.close(reading)


def test_an_output_that_is_a_pipe(batch: Invoke, tmp_path: Path) -> None:
    """A named pipe is written to like standard output; nothing stands beside it."""
    Path("in.txt").write_text("a [MASK]\n")
    os.mkfifo("fifo")
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(Path(tmp_path, "fifo").read_bytes()))
    reader.start()
    assert batch("in.txt", "-o", "fifo").code == 0
    reader.join()
    assert (json.loads(received[0])["id"], sorted(os.listdir())) == (0, ["fifo", "in.txt"])


def test_a_terminal_is_not_steered(person: Invoke, server: ScriptedServer, tmp_path: Path) -> None:
    """What a terminal would obey comes as JSON's escape."""
    path = tmp_path / "in.txt"
    path.write_text("\x9b31m \u202e [MASK]\n")
    shown = person("batch", str(path), "-o", "-", "--base-url", server.url, "--model", "m").out
    assert shown.startswith('{"id":0')  # no live line in its way
    assert r"\u009b31m \u202e [MASK]" in shown
    assert "\x9b" not in shown


def test_resume(batch: Invoke, server: ScriptedServer) -> None:
    """A resumed run asks what is missing and what failed, and leaves one row an input."""
    Path("in.txt").write_text(numbered(20))
    batch("in.txt", *TO_OUT)
    whole = rows_of(OUT)
    kept = [line for line in OUT.read_bytes().splitlines(keepends=True) if b'"index":1' not in line]
    OUT.write_bytes(b"".join(kept) + b'{"id":19,"ind')
    server.requests.clear()
    run = batch("in.txt", *TO_OUT, "--resume", "--errors", "bad.txt")
    assert run.code == 1
    assert essence(rows_of(OUT)) == essence(whole)
    assert sorted(texts_asked(server)) == sorted(
        [f"{number} {'bad ' if number % 7 == 3 else ''}[MASK]" for number in (1, 3, *range(10, 20))]
    )
    assert sorted(Path("bad.txt").read_text().splitlines()) == ["10 bad [MASK]", "17 bad [MASK]", "3 bad [MASK]"]
    assert "9 filled, 3 failed, 8 done before; 12 asked" in run.err


def test_ordered(batch: Invoke) -> None:
    """--ordered keeps the order of the input, also over a resume."""
    Path("in.txt").write_text(numbered(50))
    batch("in.txt", *TO_OUT, "--ordered")
    assert [row["index"] for row in rows_of(OUT)] == list(range(50))
    lines = OUT.read_bytes().splitlines(keepends=True)
    OUT.write_bytes(b"".join(lines[20:] + lines[:10]))
    batch("in.txt", *TO_OUT, "--resume", "--ordered")
    assert [row["index"] for row in rows_of(OUT)] == list(range(50))


@pytest.mark.parametrize("size", ["4", "auto"])
def test_lists(batch: Invoke, server: ScriptedServer, size: str) -> None:
    """Texts may go in lists; a bad one in a list fails by itself."""
    Path("in.txt").write_text(numbered(60))
    assert batch("in.txt", *TO_OUT, "--inputs-per-request", size, "--max-concurrency", "2").code == 1
    rows = essence(rows_of(OUT))
    assert [row["index"] for row in rows] == list(range(60))
    assert [row["index"] for row in rows if row["error"]] == [number for number in range(60) if number % 7 == 3]
    assert any(isinstance(inputs, list) for inputs in texts_asked(server))


def test_options_of_the_client(batch: Invoke, server: ScriptedServer) -> None:
    """--no-cache asks equal texts each for itself and says so to the server; the rate is capped."""
    Path("in.txt").write_text("a [MASK]\n" * 3)
    run = batch(
        "in.txt", *TO_OUT, "--no-cache", "--max-rps", "1000", "--max-connections", "2", "--max-concurrency", "40"
    )
    assert run.code == 0
    assert [request.headers["x-use-cache"] for request in server.requests] == ["false"] * 3


def test_the_emulator(invoke: Invoke, tmp_path: Path) -> None:
    """--emulator needs no network, shows its cold start, and can be resumed although its address changes."""
    path = tmp_path / "in.txt"
    path.write_text("Paris is the [MASK] of France.\n")
    options = ["batch", str(path), "-o", str(tmp_path / "out.jsonl"), "--emulator", "--load-seconds", "0.1"]
    first, second = invoke(*options), invoke(*options, "--resume")
    assert (first.code, second.code) == (0, 0)
    assert first.err.startswith("FacebookAI/xlm-roberta-base is loading, server's estimate 0.1 s\n")
    assert "0 filled, 0 failed, 1 done before; 0 asked" in second.err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["in.json", "-o", "a"], "the name of in.json does not tell its format; pass --format {text,jsonl,csv"),
        (["-", "-o", "a"], "standard input has no name that tells its format"),
        (["none.txt", "-o", "a"], "cannot read none.txt: No such file or directory"),
        (["in.txt", "-o", "a", "--column", "x"], "--column is for jsonl, csv and parquet"),
        (["in.txt", "-o", "in.txt", "--overwrite"], "INPUT, OUTPUT must be different files"),
        (["in.txt", "-o", "a", "--errors", "in.txt"], "INPUT, OUTPUT, --errors must be different files"),
        (["in.txt", "-o", "a", "--errors", "/dev/null"], "--errors takes the name of a file"),
        (["in.txt", "-o", "a", "--resume", "--overwrite"], "choose one"),
        (["in.txt", "-o", "-", "--resume"], "standard output can be neither resumed nor overwritten"),
        (["in.txt", "-o", "a", "--target", ""], "--target: targets must hold"),
        (["in.txt", "-o", "a", "--max-concurrency", "no"], "'no' is neither a number from 1 nor 'adaptive'"),
        (["in.txt", "-o", "a", "--inputs-per-request", "0"], "'0' is neither a number from 1 nor 'auto'"),
        (["in.txt", "-o", "a", "--max-rps", "0"], "0.0 is not in the range"),
        (["in.csv", "-o", "a"], 'in.csv has no column "inputs", but: x, y; pass --column'),
        (["in.parquet", "-o", "a"], 'in.parquet has no column "inputs", but: x; pass --column'),
        (["/dev/null", "-o", "a", "--format", "parquet"], "Parquet is read from a file"),
        (["-", "-o", "a", "--format", "parquet"], "Parquet is read from a file"),
        (["in.txt", "-o", "a", "--base-url", "ftp://x"], "--base-url must be an http:// or https:// URL"),
        (["in.txt", "-o", "there"], "there exists"),
        (["in.txt", "-o", "no/where"], "No such file or directory"),
    ],
)
def test_wrong_use(batch: Invoke, server: ScriptedServer, argv: list[str], message: str) -> None:
    """Wrong use is exit code 2 and one line, before anything is asked or written."""
    Path("in.txt").write_text("a [MASK]\n")
    Path("in.csv").write_text("x,y\n1,2\n")
    Path("there").write_text("precious")
    if argv[0] == "in.parquet":
        pytest.importorskip("pyarrow.parquet").write_table(pytest.importorskip("pyarrow").table({"x": [1]}), argv[0])
    run = batch(*argv)
    assert run.code == 2
    assert message in " ".join(run.err.split())
    assert (server.requests, Path("in.txt").read_text(), Path("there").read_text()) == ([], "a [MASK]\n", "precious")
    assert not Path("a").exists()


def test_a_closed_standard_input(batch: Invoke) -> None:
    """A standard input that is closed is wrong use."""
    assert batch("-", *TO_OUT, "--format", "text", stdin=None).code == 2


def test_another_model_is_refused(batch: Invoke) -> None:
    """A resumed run must be of the same model, parameters and input."""
    Path("in.txt").write_text("a [MASK]\n")
    batch("in.txt", *TO_OUT)
    Path("in.txt").write_text("a [MASK]\nb [MASK]\n")
    run = batch("in.txt", *TO_OUT, "--resume", "--model", "n", "--top-k", "2")
    assert run.code == 2
    for phrase in ('--model was "m" and is "n"', "--top-k was not given and is 2", "size of INPUT was 9 and is 18"):
        assert phrase in run.err


@pytest.mark.parametrize(("status", "hint"), [(401, "--token"), (402, "billing"), (404, "model id")])
def test_an_error_of_every_row_stops_the_run(batch: Invoke, server: ScriptedServer, status: int, hint: str) -> None:
    """A wrong token, no credits or no such model stop the run at the first answer; the rest is asked with --resume."""
    Path("in.txt").write_text(numbered(200, some_bad=False))
    server.script = lambda received, wire: wire.reply(status, {"error": "no"})
    run = batch("in.txt", *TO_OUT, "--max-concurrency", "1", "--errors", "bad.txt")
    assert (run.code, len(server.requests), Path("bad.txt").exists()) == (1, 1, False)
    assert f"error: stopped: m: HTTP {status}: no" in run.err
    assert hint in run.err
    assert "what is done is in out.jsonl; go on with the same command and --resume" in run.err
    server.script = answering
    assert batch("in.txt", *TO_OUT, "--resume").code == 0
    assert [row["index"] for row in essence(rows_of(OUT))] == list(range(200))


def test_keep_going(batch: Invoke, server: ScriptedServer) -> None:
    """With --keep-going, every row is asked whatever comes."""
    Path("in.txt").write_text(numbered(5, some_bad=False))
    server.script = lambda received, wire: wire.reply(403, {"error": "no"})
    assert batch("in.txt", *TO_OUT, "--keep-going").code == 1
    assert [row["error"]["status_code"] for row in rows_of(OUT)] == [403] * 5


def test_a_network_that_is_gone_stops_the_run(batch: Invoke, server: ScriptedServer) -> None:
    """When nothing answers any more, the run stops instead of failing all rows."""
    Path("in.txt").write_text(numbered(200))
    server.script = lambda received, wire: wire.reset()
    run = batch("in.txt", *TO_OUT, "--overwrite")
    assert run.code == 1
    assert "error: stopped: m: " in run.err
    assert "in place of --overwrite" in run.err
    assert 10 <= len(rows_of(OUT)) <= 50


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal(batch: Invoke, server: ScriptedServer, number: int, code: int) -> None:
    """Ctrl-C, SIGTERM and a closed terminal keep what is done, and the line says how to go on."""
    Path("in.txt").write_text(numbered(200))
    name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name

    def script(received: Received, wire: Wire) -> None:
        if len(server.requests) == 50:
            os.kill(os.getpid(), number)
        if len(server.requests) >= 50:
            wire.wait_until_gone()
        else:
            answering(received, wire)

    server.script = script
    run = batch("in.txt", *TO_OUT, "--ordered")
    assert run.code == code
    assert run.err.endswith(
        f"error: stopped by {name}\nhint: what is done is in out.jsonl; go on with the same command and --resume\n"
    )
    assert len(rows_of(OUT)) == written_by(run.err) > 0
    server.script = answering
    batch("in.txt", *TO_OUT, "--resume", "--ordered")
    assert [row["index"] for row in rows_of(OUT)] == list(range(200))


def test_a_signal_while_standard_input_is_silent(batch: Invoke, server: ScriptedServer) -> None:
    """A run that waits for a pipe can be stopped."""
    reading, writing = os.pipe()

    def script(received: Received, wire: Wire) -> None:
        answering(received, wire)
        os.kill(os.getpid(), signal.SIGINT)

    server.script = script
    os.write(writing, b"a [MASK]\n")
    run = batch(f"/dev/fd/{reading}", "-o", "-", "--format", "text")
    assert run.code == 130
    assert "a run to a file can be resumed" in run.err
    os.close(reading)
    os.close(writing)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system waits for the other end of a named pipe")
@pytest.mark.parametrize("written", [b"", b"a [MASK]\nb [MA"], ids=["nobody wrote", "a torn line"])
def test_a_named_pipe(batch: Invoke, written: bytes) -> None:
    """A run waits for the writer of a named pipe, and takes the pipe's end in a line for the line's end."""
    os.mkfifo("pipe")

    def write() -> None:
        Path("pipe").write_bytes(written)

    writer = threading.Thread(target=write)
    writer.start()
    assert batch("pipe", "--format", "text", *TO_OUT).code == 0
    writer.join()
    assert [row["inputs"] for row in essence(rows_of(OUT))] == written.decode().splitlines()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system waits for the other end of a named pipe")
def test_a_signal_before_the_first_line(batch: Invoke, server: ScriptedServer) -> None:
    """A run that is stopped while it waits for its input has nothing to sum up."""
    os.mkfifo("pipe")
    ended = threading.Event()

    def stop() -> None:
        with Path("pipe").open("wb"):
            os.kill(os.getpid(), signal.SIGINT)
            ended.wait()

    writer = threading.Thread(target=stop)
    writer.start()
    run = batch("pipe", "--format", "text", *TO_OUT)
    ended.set()
    writer.join()
    assert (run.code, server.requests) == (130, [])
    assert "error: stopped by Ctrl-C" in run.err
    assert "filled" not in run.err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system waits for the other end of a named pipe")
def test_a_pipe_that_nobody_writes_to(tmp_path: Path) -> None:
    """The wait for the other end of a named pipe ends when the command is stopped."""
    os.mkfifo(tmp_path / "pipe")

    class StoppedError(Exception):
        pass

    def check() -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        open_input(str(tmp_path / "pipe"), "text", "inputs", check)


def test_a_line_without_end(batch: Invoke) -> None:
    """What has no lines, such as /dev/zero, ends the run before it fills the memory."""
    run = batch("/dev/zero", "--format", "text", *TO_OUT)
    assert run.code == 1
    assert run.err == "error: cannot read /dev/zero: a line is longer than 64 MiB\nhint: is it a file of texts?\n"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("in.txt", "a [MASK]\n".encode("utf-16"), "in.txt is UTF-16; make it UTF-8: iconv -f UTF-16 -t UTF-8"),
        ("in.csv", b"\xfe\xff\0i", "in.csv is UTF-16"),
        ("in.csv", "inputs,pr\xe9nom\na [MASK],b\n".encode("cp1252"), "in.csv is not UTF-8, its header at least"),
        ("in.csv", b"", "in.csv is empty; CSV begins with a header"),
    ],
)
def test_an_input_of_another_kind(batch: Invoke, name: str, data: bytes, message: str) -> None:
    """A whole file that cannot be meant is told as one, with what to do, and not asked in pieces."""
    Path(name).write_bytes(data)
    run = batch(name, *TO_OUT)
    assert (run.code, message in run.err, OUT.exists()) == (2, True, False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to offer")
def test_a_full_disk(batch: Invoke) -> None:
    """A disk without space ends the run in one line."""
    Path("in.txt").write_text("a [MASK]\n")
    run = batch("in.txt", "-o", "/dev/full")
    assert (run.code, "error: cannot write /dev/full: No space left on device" in run.err) == (1, True)
    assert run.err.startswith("1 filled, 0 failed, up to 1 of them not written; ")


def test_an_input_that_cannot_be_read(batch: Invoke) -> None:
    """What the system does not give is an error in one line."""
    run = batch("/proc/self/mem", "--format", "text", *TO_OUT)
    assert (run.code, run.err) == (1, "error: cannot read /proc/self/mem: Input/output error\n")


def test_a_failed_file_that_cannot_be_written(batch: Invoke) -> None:
    """A place for the failed rows that is none is told by its name."""
    Path("in.txt").write_text("a [MASK]\n")
    run = batch("in.txt", *TO_OUT, "--errors", "no/where.txt")
    assert (run.code, "error: cannot write no/where.txt: No such file" in run.err) == (1, True)


@pytest.mark.parametrize("reader", ["gone", "closed"])
def test_an_output_that_nobody_reads(
    reader: str, server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """A reader that went away, or a closed standard output, is an error in one line."""
    from hf_fillmask.__main__ import main

    path = tmp_path / "in.txt"
    path.write_text("a [MASK]\n")
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as out:
        monkeypatch.setattr(sys, "stdout", out if reader == "gone" else None)
        code = main(["batch", str(path), "-o", "-", "--base-url", server.url, "--model", "m"])
    expected = "nobody reads the output any more" if reader == "gone" else "standard output is closed"
    assert (code, f"error: {expected}" in capsys.readouterr().err) == (1, True)


def test_news_that_nobody_reads(server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A summary and a farewell without a reader change nothing."""
    from hf_fillmask.__main__ import main

    path = tmp_path / "in.txt"
    path.write_text("a [MASK]\n")
    reading, writing = os.pipe()
    os.close(reading)
    server.script = lambda received, wire: os.kill(os.getpid(), signal.SIGINT) or answering(received, wire)
    with open(writing, "w", encoding="utf-8") as err:
        monkeypatch.setattr(sys, "stderr", err)
        code = main(["batch", str(path), "-o", str(tmp_path / "o"), "--base-url", server.url, "--model", "m"])
    assert code == 130

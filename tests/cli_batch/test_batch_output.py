"""The output on disk: when it may be written, what is cut off, and how one row an input is left."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hf_fillmask.cli.batch._disk import is_locked_for_us, replace_by, same_file
from hf_fillmask.cli.batch._output import Mode, OutputFile, Refused, _locked, manifest_path, open_output
from hf_fillmask.cli.batch._record import Outcome, invalid, line
from hf_fillmask.cli.batch._rows import Row
from hf_fillmask.cli.batch._scan import Scan
from hf_fillmask.cli.batch._tidy import tidy

MADE: dict[str, Any] = {"model": "m", "input": {"size": 1}}


def nothing() -> None:
    """Check for nothing."""


def done(index: int) -> bytes:
    return line(Row(index, b"%d" % index, f"text {index}"), Outcome(b"[[]]"))


def failed(index: int, problem: str = "bad") -> bytes:
    return line(Row(index, b"%d" % index, None), invalid(problem))


def opened(path: Path, mode: Mode = "resume", made_of: dict[str, Any] = MADE) -> OutputFile:
    return open_output(str(path), mode, made_of, nothing)


@pytest.fixture
def output(tmp_path: Path) -> Callable[[bytes], Path]:
    """Make an output that holds some bytes, with its manifest."""

    def output(data: bytes) -> Path:
        path = tmp_path / "out.jsonl"
        opened(path, "overwrite").close()
        path.write_bytes(data)
        return path

    return output


def test_a_torn_line_is_cut_off_wherever_it_is_torn(output: Callable[[bytes], Path]) -> None:
    """After a kill at any byte, the whole lines stay, the torn one goes, and the next row begins a line."""
    lines = [done(0), failed(1), done(2)]
    data = b"".join(lines)
    ends = [len(b"".join(lines[:count])) for count in range(4)]
    for size in range(len(data) + 1):
        path = output(data[:size])
        whole = max(end for end in ends if end <= size)
        file = opened(path)
        file.write(done(9))
        file.close()
        assert path.read_bytes() == data[:whole] + done(9)
        assert [index for index in range(4) if index in file.found.done] == [i for i in (0, 2) if ends[i + 1] <= size]


@pytest.mark.parametrize(
    ("before", "new", "expected"),
    [
        ([done(0)], [done(1)], [done(0), done(1)]),
        ([done(0), failed(1)], [done(1)], [done(0), done(1)]),
        ([failed(1), done(0)], [failed(1, "again")], [done(0), failed(1, "again")]),
        ([failed(1, "first"), failed(1, "then"), done(0)], [done(1)], [done(0), done(1)]),
        ([b"\0\0\n", done(0), b"{}\n", done(0)], [], [done(0)]),
    ],
    ids=["nothing to do", "superseded", "failed again", "failed twice", "damaged and doubled"],
)
def test_one_row_an_input_is_left(
    output: Callable[[bytes], Path], before: list[bytes], new: list[bytes], expected: list[bytes]
) -> None:
    """At the end of a resumed run, error rows that were superseded and damaged lines are gone."""
    path = output(b"".join(before))
    file = opened(path)
    for text in new:
        file.write(text)
    tidy(file, nothing, ordered=False)
    file.close()
    assert path.read_bytes() == b"".join(expected)
    assert not Path(f"{path}.partial").exists()


def test_rows_are_put_in_order(output: Callable[[bytes], Path]) -> None:
    """An ordered run that was resumed is in order at its end; rows that the input does not have leave no gap."""
    path = output(done(0) + failed(1) + done(5) + done(3))
    file = opened(path)
    file.write(done(1) + done(6))
    tidy(file, nothing, ordered=True)
    file.close()
    assert path.read_bytes() == done(0) + done(1) + done(3) + done(5) + done(6)


@pytest.mark.parametrize("ordered", [False, True])
def test_a_run_that_ends_while_it_tidies_up(output: Callable[[bytes], Path], ordered: bool) -> None:
    """Whenever tidying up is stopped, the output is as before, and the next run tidies it."""
    data = failed(0) + done(1)
    path = output(data)
    left = 0

    def check() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt

    for steps in range(10):
        file = opened(path)
        left = steps
        try:
            tidy(file, check, ordered=ordered)
        except KeyboardInterrupt:
            assert path.read_bytes() == data
        file.close()
        assert not Path(f"{path}.partial").exists()
    assert path.read_bytes() == done(1)


def test_what_a_kill_left_beside_the_output_is_removed(output: Callable[[bytes], Path]) -> None:
    """A file of a run that was killed while it tidied up is not there for ever."""
    path = output(done(0))
    Path(f"{path}.partial").write_bytes(b"half")
    opened(path).close()
    assert not Path(f"{path}.partial").exists()
    assert path.read_bytes() == done(0)


def test_the_mode_of_a_tidied_file(output: Callable[[bytes], Path]) -> None:
    """Who may read the output may read it afterwards, too, and a link stays a link."""
    path = output(failed(0) + done(1))
    path.chmod(0o640)
    link = path.with_name("link")
    link.symlink_to(path)
    file = opened(link, "overwrite")
    file.close()
    path.write_bytes(failed(0) + done(1))
    file = opened(link)
    tidy(file, nothing, ordered=False)
    file.close()
    assert (path.stat().st_mode & 0o777, link.is_symlink(), path.read_bytes()) == (0o640, True, done(1))


def test_an_existing_output_is_refused(output: Callable[[bytes], Path]) -> None:
    """Without --resume or --overwrite nothing is touched."""
    path = output(done(0))
    with pytest.raises(Refused, match="exists"):
        opened(path, "new")
    assert path.read_bytes() == done(0)


def test_begin_anew(output: Callable[[bytes], Path]) -> None:
    """--overwrite empties the output and writes its own manifest."""
    path = output(done(0))
    opened(path, "overwrite", {"model": "n", "input": {}}).close()
    assert (path.read_bytes(), '"n"' in Path(manifest_path(str(path))).read_text()) == (b"", True)


@pytest.mark.parametrize("exists", [True, False])
def test_resume_without_a_row(tmp_path: Path, exists: bool) -> None:
    """To go on with nothing is to begin, whatever a manifest says: a kill may have come before the first row."""
    path = tmp_path / "out.jsonl"
    if exists:
        path.touch()
    Path(manifest_path(str(path))).write_text("{")
    opened(path).close()
    assert path.read_bytes() == b""
    path.write_bytes(done(0))
    opened(path).close()


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (None, "has no manifest"),
        ("{", "is no manifest"),
        ('{"model": "other", "input": {"size": 1}}', 'was made otherwise: --model was "other" and is "m"'),
    ],
)
def test_an_output_that_was_made_otherwise(output: Callable[[bytes], Path], manifest: str | None, message: str) -> None:
    """Nothing is added to an output of another model, other parameters or another input."""
    path = output(done(0) + b"torn")
    beside = Path(manifest_path(str(path)))
    beside.unlink() if manifest is None else beside.write_text(manifest)
    with pytest.raises(Refused, match=message) as refused:
        opened(path)
    assert (refused.value.exit_code, path.read_bytes()) == (2, done(0) + b"torn")


def test_an_output_that_cannot_be_opened(tmp_path: Path) -> None:
    """What the system refuses is told with its reason."""
    with pytest.raises(Refused, match="No such file or directory"):
        opened(tmp_path / "nowhere" / "out.jsonl", "new")


def test_two_runs_at_once(output: Callable[[bytes], Path]) -> None:
    """A second run is refused while the first has the output, also after that one has tidied up, and not later."""
    path = output(failed(0) + done(1))
    first = opened(path)
    with pytest.raises(Refused, match="another run"):
        opened(path)
    first.close()
    opened(path).close()


def test_an_output_that_is_replaced_before_it_is_locked(output: Callable[[bytes], Path]) -> None:
    """The lock of a file that lost its name is worth nothing: the one with the name is opened."""
    path = output(done(0))
    tidied = [path.with_name("tidied")]
    tidied[0].write_bytes(done(1))

    def lock(fd: int) -> bool:
        if tidied:
            replace_by(str(tidied.pop()), str(path))
        return is_locked_for_us(fd)

    with _locked(str(path), "resume", lock) as file:
        assert file.read() == done(1)


def test_a_file_without_a_name(tmp_path: Path) -> None:
    """A file that was removed is not the same as one that is not there."""
    path = tmp_path / "a"
    with path.open("wb") as file:
        assert same_file(file.fileno(), str(path))
        path.unlink()
        assert not same_file(file.fileno(), str(path))


def test_a_system_without_locks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there are no locks, a run goes on without."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with (tmp_path / "a").open("wb") as file:
        assert is_locked_for_us(file.fileno())


def test_a_disk_that_takes_a_few_bytes_at_a_time(tmp_path: Path) -> None:
    """What the system takes only in part is offered again."""

    class Slow(io.FileIO):
        def write(self, data: Any) -> int:
            return super().write(data[:3])

    with Slow(os.open(tmp_path / "a", os.O_CREAT | os.O_WRONLY), "w") as slow:
        OutputFile("a", slow, Scan()).write(b"abcdefgh")
    assert (tmp_path / "a").read_bytes() == b"abcdefgh"

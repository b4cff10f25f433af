"""The documentation: its Python runs, its output is what comes out, and its links lead somewhere.

A fence may be marked by an HTML comment on the line before it:

- ``<!-- shown only: REASON -->``: the Python below is not run;
- ``<!-- needs MODULE -->``: it is run where that module is installed;
- ``<!-- run -->``: the commands below are run, in a folder of the page's own;
- ``<!-- run, interrupted by Ctrl-C -->``: the same, and Ctrl-C is pressed when the command has sent some requests;
- ``<!-- output -->``: the text below is what is printed by what runs above it, with ``...`` for what varies.
"""

from __future__ import annotations

import ast
import doctest
import inspect
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import CodeType
from typing import Any

import anyio
import pytest

from hf_fillmask.cli._app import app

from ..shell.helpers import PATIENCE
from .conftest import Watched

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

# Absent where the tests run beside an installed wheel.
PAGES = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)
AT_THE_TOP = [page for name in ("README", "CHANGELOG", "CONTRIBUTING") for page in ROOT.glob(f"{name}.md")]

# Its Python wants clusters; the tests of the distributed adapter run it.
ELSEWHERE = {"docs/how-to/cluster.md"}

FENCE = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INTERRUPTED = "run, interrupted by Ctrl-C"
MARK = re.compile(rf"|output|run|{INTERRUPTED}|needs (?P<module>\w+)|shown only: \w[^\n]+")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
OPTION = re.compile(r"(?<!\S)--?[a-z][a-z-]*")


@dataclass(frozen=True)
class Fence:
    """A fenced block of a page: its mark, its kind, what stands in it, and the line that it begins on."""

    page: Path
    mark: str
    kind: str
    text: str
    line: int

    @property
    def runs(self) -> bool:
        """Whether it is Python that can be run here."""
        mark = MARK.fullmatch(self.mark)
        needed = mark["module"] if mark else None
        return self.kind == "python" and (not self.mark or (needed is not None and find_spec(needed) is not None))

    @property
    def is_run(self) -> bool:
        """Whether it is commands that can be run here."""
        return self.kind == "console" and self.mark in ("run", INTERRUPTED)

    @property
    def commands(self) -> list[str]:
        """The commands that it shows."""
        return re.findall(r"^\$ (.*)$", self.text, re.MULTILINE)

    def compiled(self) -> CodeType:
        """Compile the block so that a traceback names the page and the line."""
        source = "\n" * self.line + self.text
        return compile(source, self.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


def name_of(page: Path) -> str:
    """Name a page by its path in the repository."""
    return page.relative_to(ROOT).as_posix()


def fences(page: Path) -> Iterator[Fence]:
    """Go through the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start(3))
        yield Fence(page, found[1] or "", found[2], found[3], line)


ALL = [fence for page in [*PAGES, *AT_THE_TOP] for fence in fences(page)]
RUN = sorted({fence.page for fence in ALL if fence.runs and name_of(fence.page) not in ELSEWHERE})
IN_A_SHELL = sorted({fence.page for fence in ALL if fence.is_run})
COMMANDS = sorted({line for fence in ALL for line in re.findall(r"^\$ (.*hf-fillmask .*)$", fence.text, re.MULTILINE)})


def steps(page: Path) -> Iterator[tuple[Fence, str | None]]:
    """Pair each block that runs with the output that the page shows for it."""
    runs: Fence | None = None
    for fence in fences(page):
        if fence.mark == "output":
            assert runs, f"{name_of(page)}, line {fence.line}: nothing above it runs"
            yield runs, fence.text
            runs = None
        elif fence.runs or fence.is_run:
            if runs:
                yield runs, None
            runs = fence
    if runs:
        yield runs, None


def printed_by(command: str, interrupt: threading.Event | None) -> str:
    """Run a command as a reader would, and return what it writes; press Ctrl-C at the event."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(
        f"exec {command}", shell=True, text=True, env={**os.environ, "PATH": path}, **output
    ) as process:
        if interrupt:
            assert interrupt.wait(PATIENCE), f"{command} does not ask"
            process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE)
    return str(out)


def is_async(code: CodeType) -> bool:
    """Say whether a block awaits something outside of any function."""
    return bool(code.co_flags & inspect.CO_COROUTINE)


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize(
    "page", [*RUN, *(pytest.param(page, marks=pytest.mark.slow) for page in IN_A_SHELL)], ids=name_of
)
def test_what_is_in_a_page_runs(
    page: Path, capsys: pytest.CaptureFixture[str], watched: Watched, request: pytest.FixtureRequest
) -> None:
    """The blocks of a page run one after the other, in one event loop if they await, and print what it shows.

    The commands, each of which is a process, run where slow tests do.
    """
    with_commands = request.node.get_closest_marker("slow") is not None
    todo = [(fence, shown) for fence, shown in steps(page) if fence.kind == "python" or with_commands]
    names: dict[str, Any] = {"__name__": "page"}

    async def run_all() -> None:
        for fence, shown in todo:
            if fence.kind == "python":
                code = fence.compiled()
                done = eval(code, names)
                if is_async(code):
                    await done
                printed = capsys.readouterr().out
            else:
                interrupts = fence.mark == INTERRUPTED
                printed = "".join(
                    printed_by(each, watched.after(30) if interrupts else None) for each in fence.commands
                )
            if shown is not None:
                like = doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS)
                assert like, f"the page shows\n{shown}\nbut this was printed\n{printed}"

    if any(fence.kind == "python" and is_async(fence.compiled()) for fence, _ in todo):
        anyio.run(run_all)
    else:
        # Blocking code is not to find an event loop around it.
        with pytest.raises(StopIteration):
            run_all().send(None)


@pytest.mark.parametrize("page", sorted({fence.page for fence in ALL}), ids=name_of)
def test_the_marks_of_a_page(page: Path) -> None:
    """A block that is not run says why, and is Python all the same."""
    marked = [fence for fence in ALL if fence.page == page and fence.kind in {"python", "text"}]
    assert [] == [fence.mark for fence in marked if not MARK.fullmatch(fence.mark)]
    assert [] == [fence.line for fence in marked if fence.kind == "python" and not fence.compiled()]


def slug(heading: str) -> str:
    """Turn a heading into its anchor, as GitHub and MyST do."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def without_fences(page: Path) -> str:
    """Return the prose of a page."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [*PAGES, *AT_THE_TOP], ids=name_of)
def test_the_links_of_a_page(page: Path) -> None:
    """Every relative link leads to a file, and every anchor to a heading."""
    for target, anchor in LINK.findall(without_fences(page)):
        there = page.parent / target if target else page
        assert there.exists(), target
        assert not anchor or anchor in {slug(each) for each in HEADING.findall(without_fences(there))}, anchor


SENTENCE_ENDS = re.compile(r"[.!?][\"'`*_)]* +[A-Z\"'`*_(\[{]")
NO_PROSE = re.compile(r"\||#|!\[|\s*$|<|:::|\[.*\]\(.*\) · ")


def prose(page: Path) -> Iterator[str]:
    """Go through the lines of a page that hold sentences: no table, heading or block of code; a glossary's, too."""
    for fence in fences(page):
        if fence.kind == "{glossary}":
            yield from (line.strip() for line in fence.text.split("\n") if line.startswith("  "))
    for line in without_fences(page).split("\n"):
        if not NO_PROSE.match(line):
            yield re.sub(r"^\s*(?:[-*]|\d+\.) ", "", line.rstrip())


@pytest.mark.parametrize("page", [*PAGES, *AT_THE_TOP], ids=name_of)
def test_one_sentence_a_line(page: Path) -> None:
    """No sentence begins where another one ends, and none goes on in the next line: a change shows as what it is."""
    lines = list(prose(page))
    assert [] == [line for line in lines if SENTENCE_ENDS.search(line)]
    assert [] == [line for line in lines if not re.search(r"[.!?:;,…][\"'`*_)]*$", line)]


def documented() -> str:
    """Return the page of the Python API."""
    return (DOCS / "reference" / "api.md").read_text(encoding="utf-8")


def exported(module: str) -> list[str]:
    """Return a module's `__all__`, read off its source: the module may need what is not installed."""
    spec = find_spec(module)
    assert spec
    assert spec.origin
    source = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    found = (node for node in source.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
    return list(ast.literal_eval(next(found).value))


@pytest.mark.skipif(not PAGES, reason="the documentation is not here")
@pytest.mark.parametrize("module", ["hf_fillmask", "hf_fillmask.arrow", "hf_fillmask.emulator", "hf_fillmask.ray"])
def test_every_public_name_is_in_the_reference(module: str) -> None:
    """What can be imported is explained."""
    prefix = "" if module == "hf_fillmask" else f"{module}."
    # Of what is never made by hand, the page shows no arguments: `()`.
    entries = {entry.removesuffix("()") for entry in re.findall(r"^\.\. auto\w+:: (\S+)$", documented(), re.MULTILINE)}
    assert set() == {f"{prefix}{name}" for name in exported(module)} - entries


@pytest.mark.skipif(not PAGES, reason="the documentation is not here")
def test_every_variable_is_in_the_reference() -> None:
    """The page of the environment names the variables of Hugging Face that the package reads, and no others."""
    ours = re.compile(r"(?:HF|HUGGING_FACE|XDG)_[A-Z_]+")
    package = find_spec("hf_fillmask")
    assert package
    assert package.origin
    sources = [ast.parse(path.read_text(encoding="utf-8")) for path in Path(package.origin).parent.rglob("*.py")]
    texts = (node.value for tree in sources for node in ast.walk(tree) if isinstance(node, ast.Constant))
    read = {text for text in texts if isinstance(text, str) and ours.fullmatch(text)}
    page = (DOCS / "reference" / "environment.md").read_text(encoding="utf-8")
    assert read == set(re.findall(rf"`({ours.pattern})`", page))


def entries(page: Path) -> Iterator[str]:
    """Go through the entries of a page's tables of contents."""
    for fence in fences(page):
        if fence.kind == "{toctree}":
            yield from (line for line in fence.text.split("\n") if line and not line.startswith(":"))


@pytest.mark.skipif(not PAGES, reason="the documentation is not here")
def test_the_table_of_contents() -> None:
    """Every entry is a page, those that are written elsewhere apart, and every page has an entry."""
    found = {entry: list(page.parent.glob(f"{entry}.md")) for page in PAGES for entry in entries(page)}
    assert [] == [entry for entry, pages in found.items() if not pages and "*" not in entry]
    assert {DOCS / "index.md", *(page for pages in found.values() for page in pages)} == set(PAGES)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_a_page(command: str) -> None:
    """Every command that a page shows exists, and so do its options."""
    _, _, called = command.partition("hf-fillmask ")
    name, _, rest = called.partition(" ")
    group = app.commands.get(name, app)
    known = {option for parameter in group.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert set() == set(OPTION.findall(rest.partition("|")[0])) - known - {"--version", "--help", "-h", "-"}

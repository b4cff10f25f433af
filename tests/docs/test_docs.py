"""The documentation: its Python runs, its output is what comes out, and its links lead somewhere.

A fence may be marked by an HTML comment on the line before it:

- ``<!-- shown only: REASON -->``: the Python below is not run;
- ``<!-- needs MODULE -->``: it is run where that module is installed;
- ``<!-- output -->``: the text below is what the Python above it prints, with ``...`` for what varies.
"""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import CodeType
from typing import Any

import anyio
import pytest

from hf_fillmask.cli._app import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

# Absent where the tests run beside an installed wheel.
PAGES = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)
AT_THE_TOP = [page for name in ("README", "CHANGELOG", "CONTRIBUTING") for page in ROOT.glob(f"{name}.md")]

# Its Python wants clusters; the tests of the distributed adapter run it.
ELSEWHERE = {"docs/how-to/cluster.md"}

FENCE = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"|output|needs (?P<module>\w+)|shown only: \w[^\n]+")
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
COMMANDS = sorted({line for fence in ALL for line in re.findall(r"^\$ (.*hf-fillmask .*)$", fence.text, re.MULTILINE)})


def steps(page: Path) -> list[tuple[CodeType, str | None]]:
    """Pair each block of Python that runs with the output that the page shows for it."""
    paired: list[tuple[CodeType, str | None]] = []
    for fence in fences(page):
        if fence.runs:
            paired.append((fence.compiled(), None))
        elif fence.mark == "output":
            paired[-1] = paired[-1][0], fence.text
    return paired


def is_async(code: CodeType) -> bool:
    """Say whether a block awaits something outside of any function."""
    return bool(code.co_flags & inspect.CO_COROUTINE)


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_python_of_a_page_runs(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The blocks of a page run one after the other, in one event loop if they await, and print what it shows."""
    todo = steps(page)
    names: dict[str, Any] = {"__name__": "page"}

    def check(shown: str | None) -> None:
        printed = capsys.readouterr().out
        if shown is not None:
            like = doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS)
            assert like, f"the page shows\n{shown}\nbut this was printed\n{printed}"

    async def run_all() -> None:
        for code, shown in todo:
            done = eval(code, names)
            if is_async(code):
                await done
            check(shown)

    if any(is_async(code) for code, _ in todo):
        anyio.run(run_all)
    else:
        for code, shown in todo:
            eval(code, names)
            check(shown)


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

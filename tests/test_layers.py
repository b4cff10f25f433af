"""The layers: who may import whom, read off the source of every module.

core   values and functions on them: the standard library and the core, nothing else, and nothing is awaited
shell  the transport, the clients' work, the batch: the core and the shell
edges  what stands between a user and the shell: may import everything, and is imported by no other layer
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import hf_fillmask

ROOT = Path(hf_fillmask.__file__).parent

CORE = {
    *("_errors", "_values", "_html", "_mask", "_mask_memory", "_checks", "_address", "_credentials", "_exchange"),
    *("_request", "_plan", "_retry_after", "_body", "_failure", "_response", "_models", "_settings", "_pace"),
    *("_configured", "_version"),
}
SHELL = {
    *("_http", "_http_errors", "_reading", "_transport", "_call", "_wakeup", "_brake", "_lifetime", "_hub", "_filler"),
    *("_connections", "_connection", "_handshake", "_dropped", "_batch", "_deadline", "_lists", "_source", "_fanout"),
    *("_telemetry", "_opening", "_client"),
}
EDGES = {
    *("__init__", "__main__", "_sync", "_sync_stream", "_portal", "pytest_hf_fillmask"),
    *("arrow", "ray", "_arrow_columns", "_clients", "_frames", "_rate", "_extras"),
}
EDGE_FOLDERS = {"cli", "emulator"}

ONLY = {
    "httpx": {"_http", "cli._server", "emulator._in_process"},
    "httpcore": {"_connection"},
    "tenacity": {"_call"},
    "opentelemetry": {"_telemetry"},
}
"""Libraries that one module hides from all the others; the emulator's clients are lent one of httpx."""

HELP = (
    "hf_fillmask.{} is in no layer: add it, at the head of tests/test_layers.py, to CORE (pure: no I/O, nothing "
    "awaited, standard library only), SHELL (works with anyio, knows no edge) or EDGES (used by people, not by layers)"
)


@dataclass(frozen=True)
class Import:
    """One import: the module it stands in, what it names, and whether type checkers alone see it."""

    module: str
    name: str
    typing_only: bool

    @property
    def library(self) -> str:
        """The first part of the name."""
        return self.name.partition(".")[0]

    @property
    def neighbour(self) -> str | None:
        """The module of this package that is imported, None for another package's; `__init__` for the package."""
        parts = self.name.split(".")
        return (parts[1] if len(parts) > 1 else "__init__") if parts[0] == "hf_fillmask" else None


def _name(path: Path) -> str:
    """Give a module's name below the package, for example ``cli._app``; a folder's own module is the folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


TREES = {_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(ROOT.rglob("*.py"))}
FOLDERS = {_name(path) for path in ROOT.rglob("*/__init__.py")}


def layer_of(module: str) -> str | None:
    """Give the layer of a module; None if nobody has decided."""
    first = module.partition(".")[0]
    if first in EDGES | EDGE_FOLDERS:
        return "edges"
    if module in CORE:
        return "core"
    return "shell" if module in SHELL else None


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _statements(node: ast.AST, typing_only: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        inside = typing_only or (isinstance(node, ast.If) and _is_type_checking(node.test) and child in node.body)
        yield child, inside
        yield from _statements(child, inside)


def _absolute(module: str, node: ast.ImportFrom) -> str:
    """Resolve ``from ..x import y`` in `module` to a name that begins with its package."""
    if not node.level:
        return node.module or ""
    parts = ["hf_fillmask", *module.split(".")]
    here = parts if module in FOLDERS else parts[:-1]
    base = here[: len(here) - node.level + 1]
    return ".".join([*base, *filter(None, [node.module])])


def imports_of(module: str, tree: ast.AST) -> list[Import]:
    """List the imports of a module, also those inside functions and under ``if TYPE_CHECKING``."""
    found = []
    for node, typing_only in _statements(tree):
        if isinstance(node, ast.Import):
            found += [Import(module, alias.name, typing_only) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "hf_fillmask" else [base]
            found += [Import(module, name, typing_only) for name in names]
    return found


IMPORTS = [each for module, tree in TREES.items() for each in imports_of(module, tree)]


def _told(imports: list[Import]) -> list[str]:
    return [f"{each.module} imports {each.name}" for each in imports]


@pytest.mark.parametrize("module", TREES)
def test_every_module_has_a_layer(module: str) -> None:
    """Whoever adds a module says to which layer it belongs."""
    assert layer_of(module) is not None, HELP.format(module)


@pytest.mark.parametrize("module", sorted(name for name in TREES if not name.startswith("emulator")))
def test_every_module_opens_with_its_rule(module: str) -> None:
    """Its docstring says what is in the module, and then what always holds there; the emulator's do it in prose."""
    described, _, rule = (ast.get_docstring(TREES[module]) or "").partition("Rule")
    assert described.strip()
    assert rule


def test_every_layer_has_its_modules() -> None:
    """The lists name no module that is gone."""
    assert set() == (CORE | SHELL | EDGES | EDGE_FOLDERS) - set(TREES)


def test_the_core_imports_the_standard_library_and_itself() -> None:
    """No module of the core needs anything that must be installed, or knows another layer."""
    allowed = {*sys.stdlib_module_names}
    wrong = [
        each
        for each in IMPORTS
        if layer_of(each.module) == "core"
        and (each.neighbour not in CORE if each.neighbour else each.library not in allowed)
    ]
    assert _told(wrong) == []


@pytest.mark.parametrize("module", sorted(CORE & set(TREES)))
def test_the_core_awaits_nothing(module: str) -> None:
    """No module of the core has a coroutine."""
    kinds = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    assert [node for node in ast.walk(TREES[module]) if isinstance(node, kinds)] == []


def test_no_layer_imports_an_edge() -> None:
    """Edges import the shell, never the reverse, not even for a type."""
    wrong = [
        each
        for each in IMPORTS
        if layer_of(each.module) != "edges" and each.neighbour and layer_of(each.neighbour) == "edges"
    ]
    assert _told(wrong) == []


@pytest.mark.parametrize("library", ONLY)
def test_one_module_hides_a_library(library: str) -> None:
    """A library that is hidden is imported by its one module; elsewhere it may lend a type, and only that."""
    users = {each.module for each in IMPORTS if each.library == library and not each.typing_only}
    assert ONLY[library] == users


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("_client", "import a.b, c", [("a.b", False), ("c", False)]),
        ("_client", "from a import b", [("a", False)]),
        ("_client", "from ._x import y", [("hf_fillmask._x", False)]),
        ("_client", "from . import _x as z", [("hf_fillmask._x", False)]),
        ("_client", "from hf_fillmask import _x", [("hf_fillmask._x", False)]),
        ("cli._app", "from .._x import y", [("hf_fillmask._x", False)]),
        ("cli._app", "from ._x import y", [("hf_fillmask.cli._x", False)]),
        ("cli", "from ._x import y", [("hf_fillmask.cli._x", False)]),
        ("_client", "def f():\n    import a", [("a", False)]),
        ("_client", "if TYPE_CHECKING:\n    import a\nelse:\n    import b", [("a", True), ("b", False)]),
        ("_client", "if typing.TYPE_CHECKING:\n    from a import b", [("a", True)]),
        ("_client", "try:\n    import a\nexcept ImportError:\n    import b", [("a", False), ("b", False)]),
    ],
)
def test_no_import_goes_unseen(module: str, source: str, expected: list[tuple[str, bool]]) -> None:
    """The rules above see every way to write an import."""
    assert expected == [(each.name, each.typing_only) for each in imports_of(module, ast.parse(source))]


def test_a_module_without_a_layer_is_told() -> None:
    """A new module is in no layer until somebody puts it into one; those of edge folders have theirs."""
    named = {name: layer_of(name) for name in ("_new", "new._app", "_errors", "_http", "_sync", "cli._new", "emulator")}
    assert list(named.values()) == [None, None, "core", "shell", "edges", "edges", "edges"]


WATCHED = """
import os, sys

readers = []

class Watched(dict):
    def _note(self):
        frame = sys._getframe(2)
        while frame.f_globals.get("__name__") in ("os", "_collections_abc", "posixpath", "ntpath", "pathlib"):
            frame = frame.f_back
        readers.append(frame.f_globals.get("__name__", ""))

    def __getitem__(self, key):
        self._note()
        return super().__getitem__(key)

    def get(self, key, default=None):
        self._note()
        return super().get(key, default)

    def __contains__(self, key):
        self._note()
        return super().__contains__(key)

    def __iter__(self):
        self._note()
        return super().__iter__()

os.environ = Watched(os.environ)
os.environ.get("a"), os.getenv("a"), os.path.expanduser("~")
assert set(readers) == {"__main__"} and len(readers) >= 3, readers
import anyio.from_thread, httpx, sniffio, tenacity  # which may load extras of their own, and read what they like
before = set(sys.modules)
readers.clear()
import hf_fillmask
print(*sorted({name for name in readers if name.startswith("hf_fillmask")}))
extras = {"click", "rich", "starlette", "uvicorn", "hf_fillmask.cli", "hf_fillmask.emulator", "opentelemetry"}
extras |= {"pyarrow", "pandas", "polars"}
print(*sorted(extras & (set(sys.modules) - before)))
"""


def test_importing_the_package_does_nothing() -> None:
    """``import hf_fillmask`` reads no environment, and loads nothing that is an extra."""
    run = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=False)
    assert (run.stderr, run.stdout) == ("", "\n\n")

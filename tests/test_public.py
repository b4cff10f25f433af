"""The public surface: what is exported, and that the two clients are one."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hf_fillmask
from hf_fillmask import AsyncFillMaskClient, FillMaskClient, FillMaskError, _errors, _values

ROOT = Path(hf_fillmask.__file__).parent
PATHS = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted(ROOT.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in PATHS.items()}


def _exported(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def _bound(tree: ast.Module) -> set[str]:
    """Give the names that a module defines or imports at its top."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name for alias in node.names}
        else:
            stored = (each for each in ast.walk(node) if isinstance(each, ast.Name))
            names |= {each.id for each in stored if isinstance(each.ctx, ast.Store)}
    return names


def _taken(module: str) -> set[str]:
    """Give the names that other modules import from `module`."""
    last = module.rpartition(".")[2]
    return {
        alias.name
        for name, tree in TREES.items()
        if name.rpartition(".")[0] == module.rpartition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module == last
        for alias in node.names
    }


def _is_version(name: str) -> bool:
    return name == "__version__"


def _order(name: str) -> tuple[int, str]:
    """Sort as the linter does: constants, then classes, then the rest."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name


@pytest.mark.parametrize("module", TREES)
def test_what_a_module_exports(module: str) -> None:
    """`__all__` names existing, public things only, each once and in order."""
    exported = _exported(TREES[module])
    assert sorted(set(exported), key=_order) == exported
    assert set() == {name for name in exported if name.startswith("_") and not _is_version(name)}
    assert set() == set(exported) - _bound(TREES[module])


@pytest.mark.parametrize("module", TREES)
def test_what_neighbours_take_is_exported(module: str) -> None:
    """What one module imports from another is in the other's `__all__`: what is not there can be changed freely."""
    assert set() == {name for name in _taken(module) if not _is_version(name)} - set(_exported(TREES[module]))


def test_the_package_exports_what_it_imports() -> None:
    """The package's `__all__` is just the names that it imports from its modules."""
    tree = TREES["__init__"]
    imported = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == set(hf_fillmask.__all__)
    assert imported == {name for name in vars(hf_fillmask) if name in imported}


def _family(cls: type[FillMaskError]) -> Iterator[str]:
    yield cls.__name__
    for child in cls.__subclasses__():
        yield from _family(child)


def test_every_error_is_exported() -> None:
    """Every class of the tree, and every value, can be imported from the package."""
    assert set(_family(FillMaskError)) == set(_errors.__all__)
    assert set(_errors.__all__) | set(_values.__all__) <= set(hf_fillmask.__all__)


@pytest.mark.parametrize("name", hf_fillmask.__all__)
def test_every_name_is_documented(name: str) -> None:
    """What the package exports exists, and every function and class of it has a docstring of its own."""
    value = getattr(hf_fillmask, name)
    own = vars(value).get("__doc__") if isinstance(value, type) else value.__doc__
    assert _is_version(name) or own


@pytest.mark.parametrize("name", ["cli", "emulator", "__main__"])
def test_the_edges_can_be_imported(name: str) -> None:
    """The command line and the emulator are modules of their own, and export what they are for."""
    module = importlib.import_module(f"hf_fillmask.{name}")
    assert all(hasattr(module, each) for each in module.__all__)


TWINS = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__"}
OWN = {"__del__"}
"""The async client warns when it is forgotten; the sync one closes by itself."""


def _methods(cls: type) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(cls).items()
        if callable(value) and (not name.startswith("_") or name.endswith("__")) and name not in OWN
    }


def _parameters(method: Any) -> list[inspect.Parameter]:
    return list(inspect.signature(method).parameters.values())


def test_the_two_clients_have_the_same_methods() -> None:
    """What the async client can do, the sync one can, and no more."""
    assert {TWINS.get(name, name) for name in _methods(AsyncFillMaskClient)} == set(_methods(FillMaskClient))


@pytest.mark.parametrize("name", _methods(AsyncFillMaskClient))
def test_the_two_clients_have_the_same_signatures(name: str) -> None:
    """Every method, the constructor included, takes the same arguments with the same defaults and types."""
    ours, theirs = _methods(AsyncFillMaskClient)[name], _methods(FillMaskClient)[TWINS.get(name, name)]
    # An async iterable is nothing for code without an event loop.
    plain = [each for each in _parameters(ours) if "AsyncI" not in str(each.annotation)]
    names = [(each.name, each.kind, each.default) for each in _parameters(ours)]
    assert names == [(each.name, each.kind, each.default) for each in _parameters(theirs)]
    assert plain == [each for each in _parameters(theirs) if each.name in {one.name for one in plain}]


@pytest.mark.parametrize("name", _methods(AsyncFillMaskClient))
def test_the_sync_client_awaits_nothing(name: str) -> None:
    """No method of the sync client is a coroutine, and what it returns is what the async one gives when awaited."""
    ours, theirs = _methods(AsyncFillMaskClient)[name], _methods(FillMaskClient)[TWINS.get(name, name)]
    returned = [inspect.signature(method).return_annotation for method in (ours, theirs)]
    assert not inspect.iscoroutinefunction(theirs)
    assert returned[0] == returned[1].removeprefix("Sync")

"""The checks, each in an environment of its own: ``nox -l`` lists them, ``nox -s NAME`` runs one."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["tests", "lint", "typing"]


def runs(python: str) -> bool:
    """Tell a Python that is there from a name that a version manager only keeps."""
    found = shutil.which(python)
    return found is not None and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0


EXAMPLES = ("tests/docs/test_examples.py", "tests/optional/test_examples.py")
PYTHONS = [f"3.{minor}" for minor in range(11, 15) if runs(f"python3.{minor}")]


def lowest() -> list[str]:
    """Turn each ``name>=1.2,<3`` of pyproject.toml into ``name==1.2``."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(line for name in ("aiohttp", "cli", "emulator", "otel") for line in extras[name]),
    ]
    return [re.sub(r">=([^,]+).*", r"==\1", line) for line in wanted]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on every Python from 3.11 that is there."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python=PYTHONS[:1])
def tests_min(session: nox.Session) -> None:
    """Run the tests, the slow ones too, with the lowest versions that pyproject.toml allows."""
    session.install("-e", ".[test]", *lowest())
    session.run("python", "-m", "pytest", "-m", "not soak", *session.posargs)


@nox.session(python=PYTHONS[-1:])
def coverage(session: nox.Session) -> None:
    """Measure the branches of package and tests: all of them, by 3.12 or newer (3.11 loses lines, cpython#106749)."""
    session.install("-e", ".[test,arrow]")
    chosen = ("-m", "not soak", "--ignore", "tests/distributed")  # that has a session of its own
    session.run("python", "-m", "pytest", *chosen, "--cov", "--cov-report=term:skip-covered", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and common mistakes."""
    session.install("ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of the package, and of how users use it."""
    session.install("-e", ".[test]", "mypy", "pyright")
    session.run("mypy")
    session.run("pyright")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, with warnings as errors, and run everything in it against the emulator."""
    session.install("-e", ".[docs,test,arrow,pandas]", "fastapi", "httpx2")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")
    session.run("python", "-m", "pytest", "-rs", "-m", "not soak", "tests/docs", *session.posargs)


@nox.session
def examples(session: nox.Session) -> None:
    """Run the examples, a notebook among them, and check their types."""
    session.install("-e", ".[test,examples]", "mypy", "pyright")
    session.run("python", "-m", "pytest", "-rs", "-m", "not soak", *EXAMPLES, *session.posargs)
    session.run("mypy", *map(str, Path("docs/examples").glob("*.py")))
    session.run("pyright", "docs/examples")


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel, install it away from the source, and run the tests against it."""
    session.install("build")
    dist = Path(session.create_tmp()) / "dist"
    session.run("python", "-m", "build", "--outdir", str(dist))
    wheel = next(dist.glob("*.whl"))
    session.install(f"hf-fillmask[test] @ {wheel.resolve().as_uri()}")
    with session.chdir(session.create_tmp()):
        shutil.copytree(Path(session.invoked_from) / "tests", "tests", dirs_exist_ok=True)
        shutil.copy(Path(session.invoked_from) / "pyproject.toml", "pyproject.toml")
        session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def httpx2(session: nox.Session) -> None:
    """Run the shell's tests with an injected client of httpx2, the continuation of httpx."""
    session.install("-e", ".[test]", "httpx2")
    session.run("python", "-m", "pytest", "tests/shell", *session.posargs, env={"HF_FILLMASK_HTTP": "httpx2"})


@nox.session
def optional(session: nox.Session) -> None:
    """Run the tests of data frames on their libraries, and of the notebook's picture where there is a browser."""
    session.install("-e", ".[test,arrow,pandas,polars]")
    session.run("python", "-m", "pytest", "-rs", "tests/optional", *session.posargs)


@nox.session
def real_models(session: nox.Session) -> None:
    """Ask transformers' own pipeline of two small random models, and the built-in model the same."""
    # First, and by its version: the one whose build for the CPU is at hand. Where the index has none for Linux, set
    # PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu, or gigabytes of CUDA come along.
    session.install("torch==2.13.0")
    session.install("-e", ".[test,transformers]")
    session.run("python", "-m", "pytest", "-n", "0", "tests/real_models", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Run minutes of calls under random faults, and look for what is lost or grows."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-n", "0", "-m", "soak", "-s", "tests/soak", *session.posargs)


@nox.session
def distributed(session: nox.Session) -> None:
    """Fill tables of Arrow, and datasets on a local Ray."""
    session.install("-e", ".[test,ray]")
    measured = "--rcfile=tests/distributed/coverage.ini"
    session.run(
        "python", "-m", "coverage", "run", measured, "-m", "pytest", "-n", "0", "tests/distributed", *session.posargs
    )
    session.run("python", "-m", "coverage", "report", measured)


@nox.session
def recipes(session: nox.Session) -> None:
    """Run the recipes of "On a cluster": Spark's where there is a Java, the others need nothing but Python."""
    session.install("-e", ".[test,arrow]", "daft", "dask[dataframe]", "datasets", "polars", "pyspark")
    session.run("python", "-m", "pytest", "-rs", "tests/distributed/test_recipes.py", *session.posargs)

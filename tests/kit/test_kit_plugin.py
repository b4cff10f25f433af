"""The pytest plugin, in test suites of users: nothing to import, and nothing loaded where it is not used."""

from __future__ import annotations

import pytest

from ..docs.test_docs import DOCS, PAGES, fences

pytest_plugins = ["pytester"]

PAGE = DOCS / "how-to" / "testing.md"

SUITE = """
import pytest


def test_plain(fill_mask_emulator):
    fill_mask_emulator.fail(503, times=2)
    with pytest.raises(Exception, match="loading"):
        fill_mask_emulator.client().fill_mask("Paris is the [MASK] of France.")
    assert [request.waits for request in fill_mask_emulator.requests] == [False, True]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_anyio(fill_mask_emulator):
    fill_mask_emulator.answer("Paris is the [MASK] of France.", ["heart"])
    async with fill_mask_emulator.async_client() as client:
        result = await client.fill_mask("Paris is the [MASK] of France.")
    assert result.filled() == "Paris is the heart of France."
    assert len(fill_mask_emulator.requests) == 1


def test_socket(fill_mask_emulator):
    assert fill_mask_emulator.requests == ()
    assert fill_mask_emulator.url.startswith("http://127.0.0.1:")
"""


@pytest.fixture(autouse=True)
def strict(pytester: pytest.Pytester) -> None:
    """Be as strict as a suite can be."""
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = --strict-markers -p no:cacheprovider\n")


def test_a_suite_of_a_user(pytester: pytest.Pytester) -> None:
    """The fixture is there without an import, new for each test, and leaves no warning."""
    pytester.makepyfile(SUITE)
    pytester.runpytest_inprocess().assert_outcomes(passed=4)


@pytest.mark.slow
def test_the_fixture_is_told(pytester: pytest.Pytester) -> None:
    """`pytest --fixtures` says what it is for."""
    told = pytester.runpytest_inprocess("--fixtures")
    told.stdout.fnmatch_lines(["fill_mask_emulator*", "*fill-mask server for this test*"])


@pytest.mark.parametrize(
    ("library", "message"),
    [
        ("starlette", "*the fixture fill_mask_emulator needs starlette: pip install 'hf-fillmask?emulator?'*"),
        ("uvicorn", "*the fixture fill_mask_emulator needs uvicorn: pip install 'hf-fillmask?emulator?'*"),
        ("tenacity", "*ModuleNotFoundError*tenacity*"),
    ],
)
@pytest.mark.slow
def test_a_missing_extra_is_named(pytester: pytest.Pytester, library: str, message: str) -> None:
    """Without the extra the fixture fails and says what to install, and no other test is disturbed."""
    pytester.makeconftest(f"""
        import sys

        class Missing:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == {library!r}:
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

        sys.meta_path.insert(0, Missing())
    """)
    pytester.makepyfile("""
        def test_with(fill_mask_emulator):
            pass

        def test_without():
            pass
    """)
    ran = pytester.runpytest_subprocess()
    ran.assert_outcomes(passed=1, errors=1)
    ran.stdout.fnmatch_lines([message])


@pytest.mark.slow
def test_who_does_not_use_it_does_not_load_it(pytester: pytest.Pytester) -> None:
    """The plugin loads nothing of the package by itself: coverage counts its lines, and the start is no slower."""
    pytester.makepyfile("""
        import sys

        def test_loaded():
            assert "pytest_hf_fillmask" in sys.modules
            loaded = {"hf_fillmask", "httpx", "starlette", "uvicorn", "tenacity"} & set(sys.modules)
            assert loaded == set()
    """)
    pytester.runpytest_subprocess("-p", "no:respx").assert_outcomes(passed=1)  # which loads httpx itself


@pytest.mark.skipif(PAGE not in PAGES, reason="the documentation is not here")
@pytest.mark.slow
def test_the_suite_of_the_documentation(pytester: pytest.Pytester) -> None:
    """The tests that the page on testing shows are a suite, and it passes."""
    mark = "shown only: a part of a suite, which the tests of the kit run"
    parts = [fence.text for fence in fences(PAGE) if fence.mark == mark]
    application, *tests = parts
    pytester.makepyfile(app=application, test_app="\n".join(tests))
    pytester.makeconftest("import pytest\nanyio_backend = pytest.fixture(lambda: 'asyncio')\n")
    ran = pytester.runpytest_inprocess()
    assert ran.parseoutcomes() == {"passed": sum(part.count("def test_") for part in tests) + 3}  # four faults in one

"""Which tests a file defines, and which of them pytest never made a test of."""

from __future__ import annotations

import textwrap

import pytest

from greenlane.evidence.evidence import JournalFacts
from greenlane.evidence.outcome import Outcome
from greenlane.judge.census import definitions, uncollected
from support.evidence import outcome

FILE = "tests/test_a.py"


def names(source: str) -> list[str]:
    """Return the tests that a source defines, without the file; those whose name is given away in brackets."""
    found = definitions(FILE, textwrap.dedent(source).encode())
    return [d.nodeid.removeprefix(f"{FILE}::") if not d.hidden_by else f"[{d.hidden_by}]" for d in found]


def lost(source: str, *collected: str, **facts: object) -> list[str]:
    """Return the tests that were defined and not collected."""
    found = definitions(FILE, textwrap.dedent(source).encode())
    return [test.nodeid for test in uncollected(found, JournalFacts(collected=collected, **facts))]  # type: ignore[arg-type]


COUNTED = {
    "a function": ("def test_a(): pass", ["test_a"]),
    "an async function": ("async def test_a(): pass", ["test_a"]),
    "camel case": ("def testA(): pass", ["testA"]),
    "a method": ("class TestA:\n    def test_b(self): pass", ["TestA::test_b"]),
    "a class in a class": ("class TestA:\n    class TestB:\n        def test_c(self): pass", ["TestA::TestB::test_c"]),
    "a case of unittest": ("class Any(unittest.TestCase):\n    def test_b(self): pass", ["Any::test_b"]),
    "marked": ("@pytest.mark.slow\ndef test_a(): pass", ["test_a"]),
    "in a dead branch": ("if False:\n    def test_a(): pass", ["test_a"]),
    "in a try": ("try:\n    def test_a(): pass\nexcept E:\n    def test_b(): pass", ["test_a"]),
    "twice": ("def test_a(): pass\ndef test_a(): pass", ["[2]", "test_a"]),
    "replaced": ("def test_a(): pass\ntest_a = None", ["[2]"]),
    "replaced by an import": ("def test_a(): pass\nfrom b import test_a", ["[2]"]),
    "a class twice": ("class TestA:\n    def test_b(self): pass\nclass TestA:\n    pass", ["[3]"]),
}


@pytest.mark.parametrize(("source", "found"), COUNTED.values(), ids=COUNTED.keys())
def test_a_definition_counts(source: str, found: list[str]) -> None:
    """What has a test's name is one, also where its name is given away."""
    assert names(source) == found


SPARED = {
    "helpers": "def testing(): pass\ndef testdata(): pass\ndef helper(): pass",
    "a fixture": "@pytest.fixture\ndef test_client(): pass",
    "a fixture with options": "@pytest_asyncio.fixture(scope='module')\ndef test_client(): pass",
    "a property": "class TestA:\n    @property\n    def test_b(self): pass",
    "a helper class": "class Helper:\n    def test_b(self): pass",
    "a branch on the platform": "if sys.platform == 'win32':\n    def test_a(): pass",
    "a nested function": "def helper():\n    def test_a(): pass",
    "no Python": "def test_a(:",
    "null bytes": "def test_a(): pass\0",
}


@pytest.mark.parametrize("source", SPARED.values(), ids=SPARED.keys())
def test_what_an_honest_project_may_mean_otherwise_is_no_test(source: str) -> None:
    """Nothing is counted here."""
    assert names(source) == []


@pytest.mark.parametrize("again", ["test_a = pytest.mark.slow(test_a)", "class TestA(TestA):\n    pass"])
def test_a_name_made_from_what_had_it_hides_nothing(again: str) -> None:
    """Decoration by hand, and a class that extends its namesake."""
    source = f"def test_a(): pass\nclass TestA:\n    def test_b(self): pass\n{again}"
    assert names(source) == ["test_a", "TestA::test_b"]


TWO = "def test_a(): pass\ndef test_b(): pass"


def test_parameters_are_one_definition() -> None:
    """One collected case is enough, whatever its parameters look like."""
    assert lost(TWO, f"{FILE}::test_a[x::y[1]]", f"{FILE}::test_b") == []


def test_a_test_that_was_not_collected_is_lost() -> None:
    """It is named."""
    assert lost(TWO, f"{FILE}::test_a") == [f"{FILE}::test_b"]


def test_pytests_root_need_not_be_the_project() -> None:
    """The longer path ends in the shorter."""
    assert lost(TWO, "test_a.py::test_a", "project/tests/test_a.py::test_b") == []
    assert lost(TWO, "other_test_a.py::test_a", f"{FILE}::test_b") == [f"{FILE}::test_a"]


def test_a_base_class_is_run_by_those_who_inherit_it() -> None:
    """Its own methods need not be collected; methods that nobody inherits are lost."""
    source = """
        class TestBase:
            __test__ = False
            def test_a(self): pass
            def test_b(self): pass
        class TestReal(TestBase):
            def test_c(self): pass
    """
    assert lost(source, f"{FILE}::TestReal::test_a", f"{FILE}::TestReal::test_c") == [f"{FILE}::TestBase::test_b"]


@pytest.mark.parametrize("nodeid", [FILE, "tests", ""])
def test_what_failed_to_be_collected_is_told_already(nodeid: str) -> None:
    """A file, its folder, or everything."""
    error = outcome("x", Outcome.ERROR)
    told = type(error)(nodeid=nodeid, outcome=Outcome.ERROR, cause="no")
    assert lost(TWO, "tests/test_z.py::test_z", collect_errors=(told,)) == []
    assert lost(TWO, "tests/test_z.py::test_z", outcomes=(told,)) == []


def test_where_nothing_was_collected_that_is_the_reason() -> None:
    """Not each of its tests."""
    assert lost(TWO) == []

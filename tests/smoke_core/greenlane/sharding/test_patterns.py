"""Patterns of tests among many names: the same answer as comparing each, and quick."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlane.sharding.patterns import Names, of_test

PART = st.text("ab/:[*?", max_size=6)


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(st.lists(PART, max_size=8), PART)
def test_the_sorted_names_answer_as_each_would(names: list[str], pattern: str) -> None:
    """Whatever stands in names and patterns, brackets and stars included."""
    assert sorted(Names(names).matching(pattern)) == sorted({name for name in names if of_test(name, pattern)})


@pytest.mark.parametrize(
    ("nodeid", "pattern", "meant"),
    [
        ("t.py::test_a[1-x]", "t.py::test_a[1-x]", True),
        ("t.py::test_a[1]", "t.py::test_a[?]", True),
        ("t.py::test_a1", "t.py::test_a[1]", False),
        ("t.py", "t.py::*", True),
        ("t.py", "t.py", True),
        ("tests/deep/t.py::test_a", "tests/*", True),
        ("t.py::test_a", "t.py", False),
    ],
)
def test_what_a_pattern_means(nodeid: str, pattern: str, meant: bool) -> None:
    """Brackets are just brackets, a star crosses slashes, and a file that skipped itself is found by its tests."""
    assert of_test(nodeid, pattern) is meant

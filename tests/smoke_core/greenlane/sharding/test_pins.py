"""Pins that are written as plain marks are found without running anything."""

from __future__ import annotations

import textwrap

from greenlane.sharding.assignment import pins_in

SOURCE = """
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.shard("all")]
NAME = "later"

@pytest.mark.shard("a")
def test_function(): pass

@pytest.mark.shard("b")
class TestC:
    @pytest.mark.shard("c")
    async def test_method(self): pass
    def test_other(self): pass

@pytest.mark.shard(NAME)
@pytest.mark.shard
@pytest.mark.slow("a")
def test_computed(): pass
"""


def test_marks_of_function_class_and_file() -> None:
    """Each where it stands; what is put together at run time is left to the lane."""
    assert pins_in("t.py", textwrap.dedent(SOURCE).encode()) == {
        "t.py": "all",
        "t.py::test_function": "a",
        "t.py::TestC": "b",
        "t.py::TestC::test_method": "c",
    }


def test_a_file_that_is_no_python_pins_nothing() -> None:
    """The lane will tell what is wrong with it."""
    assert pins_in("t.py", b"def (") == {}
    assert pins_in("t.py", b"\0") == {}


def test_one_mark_without_a_list() -> None:
    """As most people write it."""
    assert pins_in("t.py", b"from pytest import mark\npytestmark = mark.shard('x')\n") == {"t.py": "x"}

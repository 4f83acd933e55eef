"""The fixture by which tests show what a model answered, in a lane process of its own."""

from __future__ import annotations

from pathlib import Path

from greenlane.evidence.journal import Answered
from support.lane_project import LaneProject

SHOWS = """
    import pytest

    @pytest.mark.needs("model")
    def test_one(answered):
        answered("a question", "x" * 1000, model="m", tokens=3, request="id-1")

    @pytest.mark.needs("model", "proxy")
    def test_either(answered):
        answered("another", "y", model="m", tokens=1, by="proxy")

    @pytest.mark.needs("model", "proxy")
    def test_unclear(answered):
        with pytest.raises(ValueError, match="say by= who answered: the marks of this test name model, proxy"):
            answered("a third", "z", model="m", tokens=1)
"""


def test_answers_are_recorded(tmp_path: Path) -> None:
    """An answer is in the journal with its test and who gave it, as mark or call say; else it is refused."""
    project = LaneProject(tmp_path)
    project.write("tests/test_it.py", SHOWS)
    ran = project.run(services={"model": (), "proxy": ()})
    assert ran.status == 0, ran.output
    first, second = ran.of(Answered)
    assert (first.nodeid, first.service, first.request) == ("tests/test_it.py::test_one", "model", "id-1")
    assert (first.prompt, first.text, first.tokens) == ("a question", "x" * 400, 3)
    assert (second.service, second.text) == ("proxy", "y")

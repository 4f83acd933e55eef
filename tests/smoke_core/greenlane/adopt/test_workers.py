"""Over how many processes the tests of an adopted suite are spread, and how that is written down."""

from __future__ import annotations

import tomllib

import pytest

from greenlane.adopt.lanes_text import Adoption, lane_tables
from greenlane.adopt.placement import Layout, Place
from greenlane.adopt.survey import LONG, Workers, spread
from greenlane.adopt.tox import Installed


@pytest.mark.parametrize(
    ("asked", "seconds", "cores", "workers"),
    [
        (None, LONG + 1, 2, "auto"), (None, LONG, 2, 0), (None, LONG + 1, 1, 0), (0, LONG + 1, 2, 0), (3, 0.1, 1, 3),
        ("auto", 0.1, 2, "auto"),
    ],
)  # fmt: skip
def test_a_long_suite_is_spread(asked: Workers | None, seconds: float, cores: int, workers: Workers) -> None:
    """One process for each core where a run takes more than a minute, unless the caller says otherwise."""
    assert spread(asked, seconds, cores) == workers


@pytest.mark.parametrize(("workers", "written"), [("auto", {"workers": "auto"}), (4, {"workers": 4}), (0, {})])
def test_what_the_survey_found_is_a_line_of_core(workers: Workers, written: dict[str, Workers]) -> None:
    """`workers = "auto"` stands in the lane of the suite, and in no other; one process is the default."""
    layout = Layout(files={Place.ND: ("tests/test_slow.py",)})
    adoption = Adoption(suite=("tests",), where="", needs=Installed(source=""), workers=workers, layout=layout)
    lanes = tomllib.loads(lane_tables(adoption))["tool"]["greenlane"]["lanes"]
    assert {key: value for key, value in lanes["core"].items() if key == "workers"} == written
    assert "workers" not in lanes["nd"]

"""Which runs prove nothing about their tests."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.evidence.evidence import ServiceRecord
from greenlane.judge.sound import broken_because
from support.evidence import failed, lane, nd


def test_failures_do_not_break_a_run() -> None:
    """A red run is as sound as a green one."""
    assert broken_because(lane()) == ""
    assert broken_because(nd(failed())) == ""


BROKEN: dict[str, dict[str, Any]] = {
    "a worker crashed": {"journal": {"crashes": ("worker gw0 died",)}},
    "a test never ended": {"journal": {"open_tests": ("tests/test_a.py::test_x",)}},
    "the lane ran into its deadline": {"timed_out": True},
    "it was stopped": {"interrupted": True},
    "the environment had drifted": {"drift": ("pytest is missing",)},
    "the lane could not be run": {"failure": "no lock"},
    "a service was down": {"services": (ServiceRecord(name="gateway", failure="died"),)},
    "files changed": {"tree_after": "other"},
    "pytest ended with exit status 3": {"exit_status": 3},
    "its artifacts are damaged": {"damage": ("journal.jsonl was edited",)},
}


@pytest.mark.parametrize(("why", "fields"), BROKEN.items(), ids=BROKEN.keys())
def test_broken(why: str, fields: dict[str, Any]) -> None:
    """A run that went wrong itself says why nothing is concluded from it."""
    assert why in broken_because(nd(failed(), **fields))

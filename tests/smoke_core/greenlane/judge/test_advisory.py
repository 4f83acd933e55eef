"""Tests that only advise, and what something that is ready all the same lacks."""

from __future__ import annotations

import pytest

from support.evidence import but, codes, errored, failed, nd, outcome, verdict_on

BAD = "tests/test_a.py::test_bad"


def test_what_only_advises_makes_nothing_red() -> None:
    """The failure of a test that advises is a warning; without the advice it is red, and an error always is."""
    evidence = nd(outcome("test_ok"), failed("test_bad"))

    assert verdict_on(evidence, advisory=(BAD,)).ready
    assert codes(verdict_on(evidence, advisory=(BAD,)).warnings) == ["FAILED"]
    assert codes(verdict_on(evidence)) == ["FAILED"]
    assert codes(verdict_on(nd(outcome("test_ok"), errored("test_bad")), advisory=(BAD,))) == ["ERROR"]


@pytest.mark.parametrize(
    ("limits", "allowed", "word", "code"),
    [
        pytest.param((), False, "READY", 0, id="none"),
        pytest.param(("no images",), False, "READY WITH LIMITS", 1, id="limits"),
        pytest.param(("no images",), True, "READY WITH LIMITS", 0, id="allowed"),
    ],
)
def test_limits_have_a_word_and_a_code(limits: tuple[str, ...], allowed: bool, word: str, code: int) -> None:
    """Limits change the word of what is ready, and its exit code unless they are allowed."""
    verdict = but(verdict_on(nd(outcome("test_ok"))), limits=limits, limits_allowed=allowed)

    assert (verdict.word, verdict.exit_code) == (word, code)


def test_limits_make_nothing_ready() -> None:
    """What is red stays NOT READY, whatever is allowed."""
    verdict = but(verdict_on(nd(failed("test_bad"))), limits=("no images",), limits_allowed=True)

    assert (verdict.word, verdict.exit_code) == ("NOT READY", 1)

"""The words, exit codes and explanations that everything else is made from."""

from __future__ import annotations

import pytest

from greenlane.evidence.verdict import Check, Status, Verdict
from greenlane.evidence.violation import EXPLANATIONS, Code, Violation
from greenlane.version import VERSION

PASSED = Check(name="core", status=Status.PASSED)
SKIPPED = Check(name="core", status=Status.SKIPPED)
EXTRA = Check(name="old", status=Status.PASSED, required=False)


def verdict(*checks: Check, codes: tuple[Code, ...] = (), warned: tuple[Code, ...] = (), lane: str = "") -> Verdict:
    """Return a verdict with these rows, violations and warnings."""
    return Verdict(
        policy="dev", strict=False, checks=checks, lane=lane,
        violations=tuple(Violation(code=code, message="m") for code in codes),
        warnings=tuple(Violation(code=code, message="m", gating=False) for code in warned),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "word", "code"),
    [
        pytest.param(verdict(PASSED), "READY", 0, id="green"),
        pytest.param(verdict(PASSED, SKIPPED), "READY", 0, id="green-beside-a-skip"),
        pytest.param(verdict(PASSED, warned=(Code.NETWORK,)), "READY", 0, id="warning"),
        pytest.param(verdict(), "NOT READY", 1, id="nothing"),
        pytest.param(verdict(EXTRA), "NOT READY", 1, id="nothing-that-is-required"),
        pytest.param(verdict(SKIPPED), "NOT READY", 1, id="everything-skipped"),
        pytest.param(verdict(PASSED, codes=(Code.LEAK,)), "NOT READY", 1, id="one-violation"),
        pytest.param(verdict(PASSED, codes=(Code.CONFIG_ERROR,)), "NOT READY", 2, id="settings"),
        pytest.param(verdict(codes=(Code.ADDRESS_DRIFT, Code.EXPECTED_NOT_RUN)), "NOT READY", 2, id="address"),
        pytest.param(verdict(codes=(Code.INTERRUPTED, Code.FAILED)), "NOT READY", 130, id="interrupted"),
        pytest.param(verdict(PASSED, lane="core"), "GREEN", 0, id="lane-green"),
        pytest.param(verdict(SKIPPED, lane="nd"), "SKIPPED", 0, id="lane-skipped"),
        pytest.param(verdict(PASSED, codes=(Code.FAILED,), lane="core"), "RED", 1, id="lane-red"),
        pytest.param(verdict(codes=(Code.INTERRUPTED,), lane="core"), "RED", 130, id="lane-interrupted"),
    ],
)
def test_word_and_exit_code(given: Verdict, word: str, code: int) -> None:
    """One table: what a verdict is called and what it exits with."""
    assert (given.word, given.exit_code) == (word, code)


def test_causes_are_told_once_and_only_with_subject_and_cause() -> None:
    """The same failure found by two examiners is one line."""
    told = [
        Violation(code=Code.FAILED, message="m", subject="t", cause="c"),
        Violation(code=Code.FLAKY_IN_CORE, message="m", subject="t", cause="c"),
        Violation(code=Code.DRIFT, message="m", cause="no subject"),
        Violation(code=Code.DRIFT, message="m", subject="no cause"),
    ]

    assert Verdict(policy="dev", strict=False, checks=(), violations=tuple(told)).causes == ("CAUSE: t — c",)


@pytest.mark.parametrize("code", Code)
def test_every_code_is_explained(code: Code) -> None:
    """One sentence on what it means and a next step, each a single whole line."""
    explanation = EXPLANATIONS[code]

    for text in (explanation.meaning, explanation.next_step):
        assert text.endswith(".")
        assert "\n" not in text
        assert len(text) < 140
    assert Violation(code=code, message="m").next_step == explanation.next_step
    assert code.value == code.name


def test_nothing_is_explained_that_is_no_code() -> None:
    """The table has no rows left over."""
    assert set(EXPLANATIONS) == set(Code)


def test_the_version_is_that_of_the_distribution() -> None:
    """A checkout has no metadata to read, so the number stands twice."""
    from importlib.metadata import version

    assert version("greenlane") == VERSION

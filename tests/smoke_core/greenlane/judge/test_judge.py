"""The one verdict rule: evidence in, verdict out."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.evidence.evidence import GateState, LaneEvidence
from greenlane.evidence.outcome import Outcome
from greenlane.evidence.verdict import Status
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.judge import judge
from support.evidence import (
    but,
    closed,
    codes,
    demand,
    failed,
    lane,
    nd,
    outcome,
    shard,
    skipped,
    verdict_on,
    xfailed,
)  # fmt: skip

OPEN = GateState(provider="gemini", open=True)
LIVE = {"gemini": "release"}


def release(*tests: Any, **fields: Any) -> LaneEvidence:
    """Return the evidence of a release lane whose tests are all of Gemini."""
    evidence = nd(*tests, lane="release", kind="release", **fields)
    providers = {test.nodeid: "gemini" for test in evidence.journal.outcomes}
    return but(evidence, journal=but(evidence.journal, providers=providers))


def test_proved_green_is_ready() -> None:
    """Complete evidence of every required lane, and nothing else, is READY."""
    verdict = verdict_on(lane(), nd(outcome("test_n")))

    assert (verdict.ready, verdict.word, verdict.exit_code) == (True, "READY", 0)
    assert [(c.name, c.status, c.required) for c in verdict.checks] == [
        ("core", Status.PASSED, True),
        ("nd", Status.PASSED, True),
    ]


def test_no_evidence_is_red() -> None:
    """Absence of evidence is a violation of each check that it is missing for."""
    verdict = judge(demand("core", "nd/shard_a"), [])

    assert codes(verdict) == ["NO_TESTS", "SHARD_GAP"]
    assert [check.status for check in verdict.checks] == [Status.FAILED, Status.FAILED]
    assert [check.reason for check in verdict.checks] == ["no evidence", "no evidence"]


def test_a_row_counts_its_tests_and_names_the_slowest() -> None:
    """A check says what ran and where the time went."""
    slow = outcome("test_slow", duration=9.0)
    verdict = verdict_on(nd(outcome("test_quick"), slow, skipped(), xfailed()))

    (check,) = verdict.checks
    assert check.counts == {Outcome.PASSED: 2, Outcome.SKIPPED: 1, Outcome.XFAILED: 1}
    assert check.slowest[0] == slow
    assert check.duration == 2.5


def test_only_ten_slowest_are_carried() -> None:
    """A large lane does not put all of its tests into the report."""
    (check,) = verdict_on(lane(*(outcome(f"test_{n}", duration=n) for n in range(30)))).checks

    assert [int(test.duration) for test in check.slowest] == list(range(29, 19, -1))


def test_violations_carry_their_check() -> None:
    """Each reason tells which row it makes red; the others stay green."""
    verdict = verdict_on(lane(failed()), nd())

    assert [(v.code, v.check) for v in verdict.violations] == [(Code.FAILED, "core")]
    assert [check.status for check in verdict.checks] == [Status.FAILED, Status.PASSED]


def test_warnings_do_not_make_a_check_red() -> None:
    """What does not gate is told, and the row stays green."""
    verdict = verdict_on(lane(hermetic="python"))

    assert (verdict.checks[0].status, verdict.ready, codes(verdict.warnings)) == (Status.PASSED, True, ["NETWORK"])


def test_a_second_run_of_a_check_does_not_hide_the_first() -> None:
    """Red evidence in one folder and green evidence in another are red, in either order."""
    red, green = but(lane(failed()), source="one"), but(lane(), source="two")

    for pair in ((red, green), (green, red)):
        verdict = judge(demand("core"), pair)
        assert codes(verdict) == ["FAILED", "STALE"]
        assert verdict.checks[0].status is Status.FAILED
    assert verdict.violations[0].message == "there is evidence of 2 runs: two, one"


def test_even_two_green_runs_of_a_check_are_not_one() -> None:
    """Which of them is meant cannot be known."""
    assert codes(judge(demand("core"), [lane(), lane()])) == ["STALE"]


def test_an_nd_lane_that_skipped_everything_with_reasons_is_not_red_beside_a_green_one() -> None:
    """Missing infrastructure is a loud skip, unless it is expected."""
    verdict = verdict_on(lane(), nd(skipped(reason="no docker")))

    assert verdict.ready
    assert (verdict.checks[1].status, verdict.checks[1].reason) == (Status.SKIPPED, "no docker")


def test_a_policy_of_which_nothing_ran_is_not_ready_and_says_why() -> None:
    """NOT READY never comes without a reason."""
    verdict = verdict_on(nd(skipped(reason="no docker")), policy="deploy")

    assert (verdict.word, verdict.exit_code, codes(verdict)) == ("NOT READY", 1, ["NO_TESTS"])
    assert verdict.violations[0].message == "nothing that policy deploy needs was run: nd: no docker"


def test_green_evidence_beside_the_policy_does_not_make_up_for_it() -> None:
    """A lane that nobody asked for may be green; what was asked for was not run, and that is said."""
    verdict = judge(demand("nd"), [nd(skipped(reason="no docker")), lane()])

    assert (verdict.word, codes(verdict)) == ("NOT READY", ["NO_TESTS"])


def test_a_closed_gate_explains_no_other_lane() -> None:
    """Gemini's missing key is no reason why `nd` has no evidence."""
    assert codes(judge(demand("core", "nd", providers=LIVE, gates=(closed(),)), [lane()])) == ["NO_TESTS"]


def test_a_policy_without_lanes_is_not_ready() -> None:
    """Nothing required is never ready."""
    verdict = judge(demand(checks=()), [])

    assert (verdict.word, codes(verdict)) == ("NOT READY", ["NO_TESTS"])
    assert verdict.violations[0].message.endswith("it names no lane")


@pytest.mark.parametrize(
    ("evidence", "word", "code"),
    [
        pytest.param(nd(), "GREEN", 0, id="green"),
        pytest.param(nd(failed()), "RED", 1, id="red"),
        pytest.param(nd(skipped()), "SKIPPED", 0, id="skipped"),
    ],
)
def test_a_single_lane_is_never_called_ready(evidence: LaneEvidence, word: str, code: int) -> None:
    """A lane that is judged by itself must not pass for the project."""
    verdict = verdict_on(evidence, lane="nd")

    assert (verdict.word, verdict.exit_code) == (word, code)


NOTE = Violation(code=Code.ADDRESS_DRIFT, message="CODEX_AGENT_API_BASE is elsewhere")


def test_a_wrong_setting_is_the_one_reason_and_ends_with_code_2() -> None:
    """Strict ADDRESS_DRIFT stops before any test; lanes that never began are no reasons of their own."""
    verdict = judge(demand("core", "nd/shard_a", strict=True), [], [NOTE])

    assert (codes(verdict), verdict.exit_code, verdict.word) == (["ADDRESS_DRIFT"], 2, "NOT READY")
    assert [(c.status, c.reason) for c in verdict.checks] == [(Status.SKIPPED, "not run: ADDRESS_DRIFT")] * 2


def test_a_setting_that_only_warns_lets_evidence_decide() -> None:
    """A rewritten variable is a warning; missing evidence is still missing."""
    warning = but(NOTE, gating=False)

    assert judge(demand("core"), [lane()], [warning]).exit_code == 0
    assert codes(judge(demand("core"), [], [warning])) == ["NO_TESTS"]


def test_an_interrupted_run_ends_with_130() -> None:
    """Whatever else is missing then."""
    note = Violation(code=Code.INTERRUPTED, message="stopped before its end")

    assert judge(demand("core"), [], [note]).exit_code == 130


@pytest.mark.parametrize("names", [("release",), ("release/shard_a", "release/shard_b")], ids=["whole", "sharded"])
def test_a_closed_gate_explains_a_release_lane_that_did_not_run(names: tuple[str, ...]) -> None:
    """No violation: the rows say why, and so does the provider's own row."""
    verdict = judge(demand("core", *names, providers=LIVE, gates=(closed(),)), [lane()])

    assert verdict.ready
    assert {check.name: check.reason for check in verdict.checks[1:]} == {
        **dict.fromkeys(names, "gemini: GEMINI_API_KEY is not set"),
        "gemini": "GEMINI_API_KEY is not set",
    }


def test_an_open_gate_without_evidence_is_red() -> None:
    """A release lane that could have run must have."""
    assert codes(judge(demand("core", "release", providers=LIVE, gates=(OPEN,)), [lane()])) == ["NO_TESTS"]


@pytest.mark.parametrize(
    ("tests", "status", "reason"),
    [
        pytest.param((outcome("test_live"),), Status.PASSED, "", id="passed"),
        pytest.param((outcome("test_live"), failed()), Status.FAILED, "", id="failed"),
        pytest.param((skipped(reason="quota"),), Status.SKIPPED, "quota", id="skipped"),
    ],
)
@pytest.mark.parametrize("part", ["", "shard_a"], ids=["whole", "sharded"])
def test_a_live_provider_has_a_row_of_its_own(tests: Any, status: Status, reason: str, part: str) -> None:
    """The row is made from the tests that carry the provider's mark, wherever in the lane they ran."""
    fields: dict[str, Any] = {"shard": part, "shards": (part,)} if part else {}
    verdict = judge(demand("core", providers=LIVE, gates=(OPEN,)), [lane(), release(*tests, **fields)])

    row = next(check for check in verdict.checks if check.name == "gemini")
    assert (row.status, row.reason, row.required) == (status, reason, False)


def test_a_provider_without_tests_says_so() -> None:
    """An open gate behind which nothing ran is not silent."""
    row = judge(demand("core", providers=LIVE, gates=(OPEN,)), [lane()]).checks[-1]

    assert (row.status, row.reason) == (Status.SKIPPED, "no test of this provider ran")


@pytest.mark.parametrize(
    ("expected", "evidence", "gates", "reason"),
    [
        pytest.param("gemini", [lane()], (closed(),), "GEMINI_API_KEY is not set", id="closed-provider"),
        pytest.param("gemini", [lane()], (OPEN,), "no test of this provider ran", id="provider-without-tests"),
        pytest.param("gemini", [lane(), release(outcome("test_live"), skipped())], (OPEN,), "tests were skipped",
                     id="provider-of-which-a-test-was-skipped"),
        pytest.param("nd", [lane(), nd(skipped(reason="no docker"))], (), "no docker", id="lane-skipped"),
        pytest.param("nd", [lane(), nd(outcome("test_ok"), skipped())], (), "tests were skipped", id="one-skipped"),
        pytest.param("nd", [lane()], (), "it is not part of this run", id="lane-absent"),
        pytest.param(
            "nd", [lane(), shard("shard_a", skipped("tests/a.py::t"), collected=["tests/a.py::t"])], (),
            "no docker here", id="one-shard-skipped",
        ),
        pytest.param("release", [lane()], (closed(),), "it is not part of this run", id="release-lane-not-run"),
    ],
)  # fmt: skip
def test_what_is_expected_must_run_whole(
    expected: str, evidence: list[LaneEvidence], gates: tuple[GateState, ...], reason: str
) -> None:
    """EXPECTED_NOT_RUN names what did not run and why."""
    verdict = judge(demand("core", providers=LIVE, gates=gates, expected=(expected,)), evidence)

    assert [v.message for v in verdict.violations if v.code is Code.EXPECTED_NOT_RUN] == [
        f"{expected} is expected and did not run: {reason}"
    ]
    assert verdict.exit_code == 1


@pytest.mark.parametrize(
    ("expected", "evidence"),
    [
        pytest.param("core", [lane()], id="lane"),
        pytest.param("gemini", [lane(), release(outcome("test_live"))], id="provider"),
        pytest.param("nd/shard_a", [lane(), shard("shard_a", outcome("tests/a.py::t"), collected=["tests/a.py::t"])],
                     id="shard"),
    ],
)  # fmt: skip
def test_what_was_expected_and_ran_is_green(expected: str, evidence: list[LaneEvidence]) -> None:
    """An expectation that is met leaves no trace."""
    verdict = judge(demand("core", providers=LIVE, gates=(OPEN,), expected=(expected,)), evidence)

    assert (verdict.ready, codes(verdict)) == (True, [])


def test_an_expected_check_that_failed_is_red_for_failing() -> None:
    """It did run: EXPECTED_NOT_RUN would be untrue."""
    assert codes(judge(demand("core", expected=("core",)), [lane(failed())])) == ["FAILED"]

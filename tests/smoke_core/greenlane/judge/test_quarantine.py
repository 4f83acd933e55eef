"""A quarantined test runs, is reported and does not gate; nothing else becomes green by it."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.config.schema import Quarantine
from greenlane.evidence.history import Past
from greenlane.evidence.ledger import Ledger
from greenlane.evidence.quarantine import Entry, FlakyTest
from greenlane.evidence.verdict import Verdict
from greenlane.judge.flakes import Flake
from greenlane.judge.quarantine import day_of, is_due, later, new_entry, wrong_with
from support.evidence import but, closed, codes, errored, failed, lane, nd, outcome, skipped, verdict_on

BAD = "tests/test_a.py::test_bad"
ENTRY = Entry(test=BAD, lane="nd", since="2026-01-01", expires="2026-01-31", issue="https://example.com/1")
OK = outcome("test_ok")


def listed(*entries: Entry) -> Ledger:
    """Return a ledger of quarantined tests."""
    return Ledger(quarantined=entries)


LEDGER: dict[str, Any] = {
    "ledger": listed(ENTRY), "quarantine_kinds": ("nondeterministic", "release"), "today": "2026-01-31",
}  # fmt: skip


def judged(*evidence: Any, **fields: Any) -> Verdict:
    """Return the verdict with the ledger in force."""
    return verdict_on(*evidence, **{**LEDGER, **fields})


def test_it_does_not_gate() -> None:
    """A quarantined failure beside a pass is green, and told as a warning, in the counts and as quarantined."""
    verdict = judged(nd(OK, failed()))
    assert (verdict.ready, codes(verdict)) == (True, [])
    assert [(w.code, w.subject) for w in verdict.warnings] == [("FAILED", BAD)]
    assert verdict.warnings[0].message == f"quarantined, does not gate: {BAD}: assert 1 == 2"
    assert verdict.checks[0].counts == {"passed": 1, "failed": 1}
    (told,) = verdict.quarantined
    assert (told.entry, told.check, told.outcome, told.excused) == (ENTRY, "nd", "failed", True)


def test_without_the_ledger_it_gates() -> None:
    """The same evidence without an entry is red."""
    assert codes(judged(nd(OK, failed()), ledger=Ledger())) == ["FAILED"]


def test_a_quarantined_pass_is_reported() -> None:
    """A quarantined test that passes is on the verdict, too."""
    (told,) = judged(nd(outcome(BAD))).quarantined
    assert (told.outcome, told.excused) == ("passed", True)


NEVER_GREEN = {
    "another test fails": ((failed("test_other"), OK), {}, {}, "FAILED"),
    "the same name in another lane": ((failed(), OK), {"lane": "other"}, {"checks": ("other",)}, "FAILED"),
    "a renamed test": ((failed("test_bad_renamed"), OK), {}, {}, "FAILED"),
    "another parameter": ((failed("test_bad[2]"), OK), {}, {}, "FAILED"),
    "nothing else passed": ((failed(),), {}, {}, "NO_TESTS"),
    "everything else was expected to fail": (
        (failed(), outcome("test_x", outcome("x").outcome.XFAILED)), {}, {}, "NO_TESTS",
    ),
    "its worker crashed": (
        (OK,), {"journal": {"selected": (BAD, OK.nodeid), "crashes": ("worker gw0 died",)}}, {}, "MISSING_OUTCOME",
    ),
    "it never ended": ((OK,), {"journal": {"selected": (BAD, OK.nodeid), "open_tests": (BAD,)}}, {}, "MISSING_OUTCOME"),
    "the lane was killed while it ran": ((OK,), {"timed_out": True, "running": (BAD,)}, {}, "TIMED_OUT"),
    "the lane was killed after it failed": (
        (OK, failed()), {"timed_out": True, "running": (BAD,)}, {}, "TIMED_OUT",
    ),
    "the session stopped at it": ((OK, failed()), {"journal": {"stopped": ("maxfail",)}}, {}, "PARTIAL"),
    "the exit status hides it": ((OK, failed()), {"exit_status": 0}, {}, "EXIT_MISMATCH"),
    "JUnit does not know of it": ((OK, failed()), {"junit": ()}, {}, "JUNIT_MISMATCH"),
    "it is skipped without a reason": ((OK, skipped("test_bad", reason="")), {}, {}, "SKIPPED"),
    "its entry has expired": ((OK, failed()), {}, {"today": "2026-02-01"}, "FAILED"),
    "its entry has no issue": ((OK, failed()), {}, {"ledger": listed(but(ENTRY, issue=""))}, "FAILED"),
    "a deterministic lane": (
        (OK, failed()), {"lane": "core", "kind": "deterministic"}, {"ledger": listed(but(ENTRY, lane="core"))},
        "FAILED",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("tests", "fields", "demanded", "code"), NEVER_GREEN.values(), ids=NEVER_GREEN.keys())
def test_no_false_green(tests: Any, fields: Any, demanded: Any, code: str) -> None:
    """None of these is green by a quarantine."""
    verdict = judged(nd(*tests, **fields), **demanded)
    assert not verdict.ready
    assert code in codes(verdict)


def test_a_set_up_error_is_excused_and_a_collection_error_is_not() -> None:
    """A quarantined test's own fixture may flake; a file that cannot be collected is no test."""
    assert judged(nd(OK, errored("test_bad"))).ready
    broken = errored("tests/test_a.py", nodeid="tests/test_a.py")
    assert not judged(
        nd(OK, journal={"collect_errors": (broken,)}), ledger=listed(but(ENTRY, test="tests/test_a.py"))
    ).ready


def test_deterministic_lanes_by_choice() -> None:
    """Whoever puts `deterministic` among quarantine.kinds excuses failures there, and FLAKY_IN_CORE with them."""
    kinds = ("deterministic",)
    past = {"core": Past(passed={BAD: "run-1"})}
    ledger = listed(but(ENTRY, lane="core"))
    verdict = judged(lane(OK, failed()), ledger=ledger, quarantine_kinds=kinds, past=past)
    assert verdict.ready
    assert sorted(warning.code for warning in verdict.warnings) == ["FAILED", "FLAKY_IN_CORE"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"expires": "2026-01-30"}, "it expired on 2026-01-30"), ({"issue": ""}, "it has no issue")],
)
def test_expired(fields: dict[str, str], reason: str) -> None:
    """An entry past its date or without an issue is QUARANTINE_EXPIRED, whether the test passes or not."""
    verdict = judged(nd(OK, outcome(BAD)), ledger=listed(but(ENTRY, **fields)))
    assert codes(verdict) == ["QUARANTINE_EXPIRED"]
    assert verdict.violations[0].message == f"{BAD}: {reason}"
    assert [told.reason for told in verdict.quarantined] == [reason]


@pytest.mark.parametrize(("strict", "ready"), [(False, True), (True, False)])
def test_an_entry_of_a_test_that_has_gone(strict: bool, ready: bool) -> None:
    """A renamed or removed test leaves an entry behind: a warning, and red where the run is strict."""
    verdict = judged(nd(OK), strict=strict)
    (found,) = (*verdict.violations, *verdict.warnings)
    assert (found.code, found.subject, verdict.ready) == ("QUARANTINE_EXPIRED", BAD, ready)


def test_entries_of_lanes_that_did_not_run_are_left_alone() -> None:
    """A run of core is not red for an expired entry of nd."""
    assert judged(lane(), today="2027-01-01").ready


def test_a_provider_that_only_failed_in_quarantine_has_not_run() -> None:
    """What is expected must pass: a quarantined failure is no pass of a live provider."""
    gate = but(closed("gemini", ""), open=True)
    fields: dict[str, Any] = {"providers": {"gemini": "nd"}, "gates": (gate,), "expected": ("gemini",)}
    journal = {"providers": {BAD: "gemini"}}
    verdict = judged(nd(OK, failed(), journal=journal), **fields)
    assert codes(verdict) == ["EXPECTED_NOT_RUN"]
    assert judged(nd(OK, failed(), journal={"providers": {BAD: "gemini", OK.nodeid: "gemini"}}), **fields).ready


def test_flaky_in_core_from_history() -> None:
    """A deterministic test that ended otherwise on the same tree before is FLAKY_IN_CORE, with the other run."""
    past = {"core": Past(passed={BAD: "run-1"}, failed={OK.nodeid: "run-2"})}
    verdict = verdict_on(lane(OK, failed()), past=past)
    flaky = {v.subject: v.message for v in verdict.violations if v.code == "FLAKY_IN_CORE"}
    assert flaky == {
        BAD: f"{BAD}: failed, and passed in run run-1 on the same tree",
        OK.nodeid: f"{OK.nodeid}: passed, and failed in run run-2 on the same tree",
    }
    assert verdict_on(nd(OK), past={"nd": Past(failed={OK.nodeid: "run-2"})}).ready
    broken = verdict_on(lane(OK, journal={"crashes": ("worker gw0 died",)}), past=past)
    assert "FLAKY_IN_CORE" not in codes(broken)


def test_days_are_days_of_utc() -> None:
    """An entry's days do not depend on where the command runs, and months have the days that they have."""
    assert day_of(1_767_225_599.0) == "2025-12-31"
    assert day_of(1_767_225_600.0) == "2026-01-01"
    assert later("2026-02-20", 30) == "2026-03-22"


def test_two_flakes_make_an_entry() -> None:
    """One flake is not enough; two are, and the entry says when, in how many runs, and by which evidence."""
    one = FlakyTest(test=BAD, lane="nd", flakes=(0.0,), runs=10, failures=1)
    two = but(one, flakes=(0.0, 60.0))
    assert (is_due(one, Quarantine()), is_due(two, Quarantine())) == (False, True)
    flakes = [Flake(at=at, tree="tree", runs=("r1", "r2"), machines=("m",), cause="boom") for at in two.flakes]
    entry = new_entry(two, flakes, Quarantine(), "2026-01-01", "ann")
    assert (entry.since, entry.expires, entry.runs, entry.owner) == ("2026-01-01", "2026-01-31", 10, "ann")
    assert entry.flakes == ("1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z")
    assert entry.evidence[0] == "1970-01-01T00:00:00Z: r1 and r2 on tree tree at m: boom"


WRONG = {
    "a file": ({"test": "tests/test_a.py"}, "'tests/test_a.py': one test is needed"),
    "a lane": ({"lane": "elsewhere"}, "unknown lane 'elsewhere'; known: nd"),
    "a day": ({"expires": "31.1.2026"}, "expires: '31.1.2026' is not a day such as 2026-01-31"),
    "a short day": ({"since": "20260101"}, "since: '20260101' is not a day"),
}


@pytest.mark.parametrize(("fields", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_ledger(fields: dict[str, str], message: str) -> None:
    """A mistake in the ledger is named with what is allowed."""
    (problem,) = wrong_with(listed(but(ENTRY, **fields)), ["nd"])
    assert message in problem


def test_an_entry_twice() -> None:
    """Two entries for one test are refused: one of them would hide the other's date."""
    assert wrong_with(Ledger(quarantined=(ENTRY, ENTRY)), ["nd"]) == [f"{BAD}: there are two entries for lane nd"]

"""The run itself: services, deadline, exit status, coverage."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.evidence.evidence import JunitCase, LaneEvidence, ServiceRecord
from greenlane.evidence.outcome import Outcome
from support.evidence import codes, errored, failed, junit_of, lane, nd, outcome, skipped, verdict_on

OK = outcome("test_ok")
NOTHING: dict[str, Any] = {"run_ids": (), "plugins": (), "interpreters": (), "collected": (), "selected": (),
                           "collections": (), "outcomes": (), "exit_statuses": ()}  # fmt: skip
DOWN = ServiceRecord(name="gateway", failure="exit status 3 before it was ready")


ANNOUNCED: dict[str, Any] = {"refused": {OK.nodeid: 2}}


def refusing(count: int) -> ServiceRecord:
    """Return a service that counted requests that it refused."""
    return ServiceRecord(name="gateway", started=True, refused=count)


def test_a_refusal_that_did_not_happen() -> None:
    """Whoever announces more than there was hides the next one: a warning, where no failure explains it."""
    fewer = verdict_on(lane(OK, services=(refusing(1),), journal=ANNOUNCED))
    assert (codes(fewer), codes(fewer.warnings)) == ([], ["BAD_REQUEST_SEEN"])
    assert fewer.warnings[0].message == "refused requests: gateway 1; tests announced 2"
    broken = verdict_on(lane(OK, failed(), services=(refusing(1),), journal=ANNOUNCED))
    assert (codes(broken), codes(broken.warnings)) == (["FAILED"], [])


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        pytest.param(lane(interrupted=True, exit_status=None, journal={"exit_statuses": ()}), ["INTERRUPTED"],
                     id="interrupted"),
        pytest.param(lane(services=(DOWN,)), ["SERVICE_DOWN"], id="service-died"),
        pytest.param(lane(services=(ServiceRecord(name="gateway", started=True),)), [], id="service-fine"),
        pytest.param(lane(services=(refusing(1),)), ["BAD_REQUEST_SEEN"], id="refused-and-not-announced"),
        pytest.param(lane(OK, services=(refusing(2),), journal=ANNOUNCED), [], id="refused-as-announced"),
        pytest.param(lane(OK, services=(refusing(3),), journal=ANNOUNCED), ["BAD_REQUEST_SEEN"], id="one-too-many"),
        pytest.param(
            nd(skipped("test_ok"), outcome("test_other"), services=(refusing(1),), journal=ANNOUNCED),
            ["BAD_REQUEST_SEEN"], id="announced-by-a-test-that-did-not-run",
        ),
        pytest.param(
            lane(failure="gateway did not start", services=(DOWN,), exit_status=None, journal=NOTHING, junit=[]),
            ["ERROR", "SERVICE_DOWN"], id="lane-without-its-service",
        ),
        pytest.param(lane(exit_status=None, journal={"exit_statuses": ()}), ["ERROR"], id="no-exit-status"),
        pytest.param(lane(exit_status=-9, journal={"exit_statuses": ()}), ["ERROR"], id="killed-by-signal"),
        pytest.param(lane(exit_status=2), ["ERROR"], id="pytest-interrupted"),
        pytest.param(lane(exit_status=3), ["ERROR"], id="pytest-internal-error"),
        pytest.param(lane(exit_status=4), ["ERROR"], id="pytest-usage-error"),
        pytest.param(lane(exit_status=17), ["ERROR"], id="status-of-somebody-else"),
        pytest.param(
            lane(timed_out=True, running=(OK.nodeid,), exit_status=None, journal={"exit_statuses": ()}), ["TIMED_OUT"],
            id="budget-ran-out",
        ),
        pytest.param(lane(budget=2.0), ["OVER_BUDGET"], id="ended-too-late"),
        pytest.param(lane(budget=2.5), [], id="ended-just-in-time"),
        pytest.param(lane(budget=0.0), [], id="no-budget"),
        pytest.param(lane(OK, failed(), exit_status=0), ["EXIT_MISMATCH", "FAILED"], id="failed-but-status-0"),
        pytest.param(lane(OK, exit_status=1), ["EXIT_MISMATCH"], id="passed-but-status-1"),
        pytest.param(lane(OK, journal={"exit_statuses": ()}), ["EXIT_MISMATCH"], id="left-by-os-exit"),
        pytest.param(lane(OK, journal={"exit_statuses": (1,)}), ["EXIT_MISMATCH"], id="status-changed-at-the-end"),
        pytest.param(lane(OK, journal={"unfinished": ("gw1",)}), ["EXIT_MISMATCH"], id="worker-without-end"),
        pytest.param(
            lane(OK, journal={"unfinished": ("gw1",), "exit_statuses": ()}, exit_status=-9), ["ERROR"],
            id="workers-of-a-killed-session",
        ),
        pytest.param(
            lane(OK, exit_status=1, journal={"collect_errors": (errored("tests/test_b.py"),)},
                 junit=(*junit_of([OK]), JunitCase("", "tests.test_b", Outcome.ERROR))), ["ERROR"],
            id="status-1-explained-by-a-collection-error",
        ),
        pytest.param(
            lane(OK, timed_out=True, exit_status=1, journal={"exit_statuses": ()}), ["TIMED_OUT"],
            id="status-of-a-lane-that-was-timed-out",
        ),
        pytest.param(
            lane(OK, interrupted=True, exit_status=1, journal={"exit_statuses": ()}), ["INTERRUPTED"],
            id="status-of-a-lane-that-was-interrupted",
        ),
        pytest.param(
            lane(OK, exit_status=1, journal={"crashes": ("worker gw0 died",)}), ["MISSING_OUTCOME"],
            id="status-1-explained-by-a-crash",
        ),
    ],
)  # fmt: skip
def test_each_way_to_end_has_its_codes(evidence: LaneEvidence, expected: list[str]) -> None:
    """A lane that did not come to an orderly end is red for that, and for nothing that merely follows from it."""
    assert codes(verdict_on(evidence)) == expected


def test_the_test_that_the_deadline_hit_is_named() -> None:
    """TIMED_OUT tells where to look."""
    verdict = verdict_on(
        lane(timed_out=True, budget=7.0, running=("tests/test_a.py::test_hang",), journal={"exit_statuses": ()})
    )

    assert verdict.violations[0].message == "the budget of 7 s ran out while running tests/test_a.py::test_hang"
    assert verdict.causes == ("CAUSE: tests/test_a.py::test_hang — still running when the budget of 7 s ran out",)


def test_a_deadline_between_tests_names_the_check() -> None:
    """A hang outside any test is told of, too."""
    (violation,) = verdict_on(lane(timed_out=True, budget=7.0, journal={"exit_statuses": ()})).violations

    assert violation.message == "the budget of 7 s ran out while running no test"
    assert violation.subject == "core"


@pytest.mark.parametrize(
    ("record", "wanted", "expected"),
    [
        pytest.param({"coverage": 90.0}, 90.0, [], id="exactly"),
        pytest.param({"coverage": 89.99}, 90.0, ["COVERAGE_LOW"], id="under"),
        pytest.param({}, 90.0, ["COVERAGE_LOW"], id="not-measured"),
        pytest.param({}, 0.0, ["COVERAGE_LOW"], id="not-measured-without-threshold"),
        pytest.param({}, None, [], id="not-demanded"),
        pytest.param({"interrupted": True}, 90.0, ["INTERRUPTED"], id="interrupted-is-the-reason"),
        pytest.param({"failure": "no environment"}, 90.0, ["ERROR"], id="failure-is-the-reason"),
        pytest.param({"shard": "a", "shards": ("a",)}, 90.0, [], id="a-shard-has-no-threshold"),
        pytest.param({"coverage": 5.0, "journal": {"narrowing": ("-k x",)}}, 90.0, ["PARTIAL"], id="a-part-has-none"),
    ],
)
def test_coverage_is_demanded_where_it_is_configured(
    record: dict[str, Any], wanted: float | None, expected: list[str]
) -> None:
    """Low and unmeasured coverage are both red; a lane that never ended is red for that."""
    fail_under = {} if wanted is None else {"core": wanted}

    assert codes(verdict_on(lane(**record), fail_under=fail_under)) == expected

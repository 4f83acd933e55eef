"""What the ledger excuses, what it cannot, and how it shrinks."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.evidence.evidence import LaneEvidence, Uncollected
from greenlane.evidence.history import Past
from greenlane.evidence.journal import Leaked
from greenlane.evidence.ledger import Facts, LeakEntry, Ledger, MoveEntry, SkipEntry
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.verdict import Verdict
from greenlane.report.terminal import plain
from support.evidence import but, codes, lane, nd, outcome, skipped, verdict_on, xfailed

SAID = {"why": "known", "since": "2026-01-31", "who": "Ann"}
FACTS = Facts(platform="linux", python="3.12.4", implementation="cpython", privilege="user")
OK = outcome("test_ok")
LATER = skipped("test_later", reason="Windows only")


def entry(**fields: Any) -> SkipEntry:
    """Return an entry for the skipped test, which needs Windows unless a cause is given."""
    causes = {"platform", "python", "implementation", "privilege", "dependency", "elsewhere"}
    cause = {} if causes & fields.keys() else {"platform": "win32"}
    return SkipEntry(**{"test": "tests/test_a.py::test_later", **SAID, **cause, **fields})


def core(*tests: TestOutcome, **fields: Any) -> LaneEvidence:
    """Return the evidence of a deterministic lane of known facts."""
    facts = fields.pop("facts", FACTS)
    return lane(*tests, journal={"facts": facts, **fields.pop("journal", {})}, **{"imports": ("attr",), **fields})


def judged(*evidence: LaneEvidence, skips: Any = (), leaks: Any = (), moves: Any = (), **fields: Any) -> Verdict:
    """Return the verdict with a ledger."""
    ledger = Ledger(skips=tuple(skips), leaks=tuple(leaks), moves=tuple(moves))
    lanes = tuple(dict.fromkeys(item.record.lane for item in evidence))
    return verdict_on(*evidence, **{"ledger": ledger, "lanes": lanes, **fields})


@pytest.mark.parametrize(
    "listed",
    [
        entry(),
        entry(test="tests/*"),
        entry(test="*", reason="*windows*".title()),
        entry(python=">=3.13"),
        entry(implementation="pypy"),
        entry(privilege="root"),
        entry(dependency="numpy.linalg"),
        entry(lane="core"),
    ],
)
def test_a_skip_whose_cause_holds_is_excused(listed: SkipEntry) -> None:
    """It is neither a violation nor a warning, and counted."""
    verdict = judged(core(OK, LATER), skips=[listed])
    assert (verdict.ready, codes(verdict), verdict.warnings) == (True, [], ())
    (one,) = verdict.excused
    assert (one.kind, one.tests, one.who) == ("skip", 1, "Ann")
    assert (
        "EXCUSED: 1 skipped tests, by 1 entry of greenlane-ledger.toml; it only shrinks: what is not listed is red"
        in (plain(verdict))
    )


def test_an_expected_failure_that_is_not_run_is_a_skip() -> None:
    """`xfail(run=False)` is excused and refused as a skip is."""
    never = xfailed("test_later", ran=False, reason="Windows only")
    assert codes(judged(core(OK, never))) == ["SKIPPED"]
    assert judged(core(OK, never), skips=[entry()]).ready


NEVER = {
    "nothing is listed": ((), {}),
    "another test": ((entry(test="tests/test_a.py::test_other"),), {}),
    "a longer name": ((entry(test="tests/test_a.py::test_late"),), {}),
    "another reason": ((entry(reason="needs a terminal"),), {}),
    "another lane": ((entry(lane="nd"),), {}),
    "the platform is here": ((entry(),), {"facts": but(FACTS, platform="win32")}),
    "the version is here": ((entry(python=">=3.12"),), {}),
    "the implementation is here": ((entry(implementation="cpython"),), {}),
    "the privilege is here": ((entry(privilege="user"),), {}),
    "the dependency is in the lock": ((entry(dependency="attr"),), {}),
    "the facts are unknown": ((entry(),), {"facts": Facts()}),
    "what the lock holds is unknown": ((entry(dependency="numpy"),), {"imports": ()}),
}


@pytest.mark.parametrize(("listed", "fields"), NEVER.values(), ids=NEVER)
def test_a_skip_that_is_not_listed_or_false_is_red(listed: tuple[SkipEntry, ...], fields: dict[str, Any]) -> None:
    """A machine has looked: the cause does not hold, or does not concern this skip."""
    assert "SKIPPED" in codes(judged(core(OK, LATER, **fields), skips=listed))


def test_a_false_cause_says_what_is_here() -> None:
    """The message names the need, and the fact that it was compared with."""
    (violation,) = judged(core(OK, LATER), skips=[entry(python=">=3.12")]).violations
    assert violation.message.endswith("the ledger says that it needs python >=3.12, which is here: 3.12.4")


def test_an_entry_that_runs_after_all_is_red() -> None:
    """The cause holds, says the entry, and the test ran all the same."""
    verdict = judged(core(OK, outcome("test_later")), skips=[entry()])
    assert codes(verdict) == ["LEDGER"]
    assert "its tests run after all; greenlane ledger tidy takes it out" in verdict.violations[0].message


def test_where_it_can_run_it_must_and_may() -> None:
    """On Windows the same entry says nothing of a test that runs."""
    assert judged(core(OK, outcome("test_later"), facts=but(FACTS, platform="win32")), skips=[entry()]).ready


@pytest.mark.parametrize(("strict", "ready"), [(False, True), (True, False)])
def test_an_entry_of_a_test_that_has_gone_is_to_be_tidied(strict: bool, ready: bool) -> None:
    """A warning, red when strict."""
    verdict = judged(core(OK), skips=[entry(test="tests/test_gone.py::*")], strict=strict)
    assert verdict.ready is ready
    (told,) = (*verdict.violations, *verdict.warnings)
    assert (told.code, told.gating) == ("LEDGER", strict)
    assert "no test has this name any more" in told.message


def test_a_lane_that_is_not_judged_tells_nothing_of_its_entries() -> None:
    """`core` alone does not know whether the tests of `nd` are still there; a narrowed run knows nothing either."""
    assert judged(core(OK), skips=[entry(test="nd/*", lane="nd")], lanes=("core", "nd"), strict=True).ready
    assert judged(core(OK), skips=[entry(test="nd/*")], lanes=("core", "nd"), strict=True).ready
    narrowed = judged(core(OK, journal={"narrowing": ("-k",)}), skips=[entry(test="gone")], strict=True)
    assert codes(narrowed) == ["PARTIAL"]


def test_elsewhere_is_proved_by_the_other_lane() -> None:
    """It ran there: excused. It was skipped there, too: red. The lane is not here: a warning, red when strict."""
    listed = [entry(elsewhere="nd")]
    assert judged(core(OK, LATER), nd(outcome("test_later")), skips=listed).ready
    assert "SKIPPED" in codes(judged(core(OK, LATER), nd(OK, skipped("test_later")), skips=listed))
    alone = judged(core(OK, LATER), skips=listed)
    assert (alone.ready, codes(alone.warnings)) == (True, ["LEDGER"])
    assert codes(judged(core(OK, LATER), skips=listed, strict=True)) == ["LEDGER"]


def test_elsewhere_is_proved_by_history_of_the_same_tree() -> None:
    """What ran there on this very tree needs no second run."""
    past = {"nd": Past(passed={"tests/test_a.py::test_later": "run-1"})}
    verdict = judged(core(OK, LATER), skips=[entry(elsewhere="nd")], past=past, strict=True)
    assert (verdict.ready, verdict.warnings) == (True, ())


VARIANTS = {"core-3.13": "core"}


def both(second: TestOutcome, **cause: str) -> Verdict:
    """Return the verdict on two interpreters; the test is skipped under the first."""
    newer = core(OK, second, lane="core-3.13", facts=but(FACTS, python="3.13.1"))
    return judged(core(OK, LATER), newer, skips=[entry(lane="core", **cause)], variants=VARIANTS, lanes=("core",))


def test_an_entry_that_runs_under_no_interpreter_is_red() -> None:
    """A policy over several interpreters must run it somewhere, unless its platform is out of scope."""
    assert both(outcome("test_later"), python=">=3.13").ready
    assert "LEDGER" in codes(both(LATER, python=">=3.14"))
    assert "LEDGER" in codes(both(LATER, dependency="numpy"))
    assert both(LATER, platform="win32").ready


def leak(nodeid: str = "tests/test_a.py::test_ok", **fields: Any) -> Leaked:
    """Return a leak that the guard knew to be listed."""
    told = {"watcher": "environ", "what": "LEFT", "before": "nothing", "after": "'x'", "level": "known", **fields}
    return Leaked(worker="main", at=1.0, nodeid=nodeid, **told)


def leaking(*leaks: Leaked) -> LaneEvidence:
    """Return a lane with leaks."""
    return core(OK, journal={"leaks": leaks})


def listed_leak(**fields: Any) -> LeakEntry:
    """Return an entry for the leak."""
    return LeakEntry(**{"what": "environ:LEFT", "test": "tests/test_a.py::*", **SAID, **fields})


def test_a_listed_leak_is_excused_and_counted() -> None:
    """By thing and test, in its lane."""
    verdict = judged(leaking(leak()), leaks=[listed_leak()])
    assert (verdict.ready, verdict.warnings, [one.tests for one in verdict.excused]) == (True, (), [1])


@pytest.mark.parametrize("fields", [{"what": "environ:OTHER"}, {"test": "tests/test_b.py::*"}, {"lane": "nd"}])
def test_a_leak_that_is_not_listed_is_red(fields: dict[str, str]) -> None:
    """Whatever the lane was told: the ledger that is judged by counts."""
    assert "LEAK" in codes(judged(leaking(leak()), leaks=[listed_leak(**fields)]))


def test_a_leak_that_is_gone_has_to_go() -> None:
    """The test is there and leaves nothing behind: a warning, red when strict; a failing run shrinks nothing."""
    (told,) = judged(core(OK), leaks=[listed_leak()]).warnings
    assert "no test leaves it behind any more" in told.message
    assert codes(judged(core(OK), leaks=[listed_leak()], strict=True)) == ["LEDGER"]
    assert "LEDGER" not in codes(judged(core(OK, timed_out=True), leaks=[listed_leak()], strict=True))


def test_moves_are_counted() -> None:
    """Tests that the ledger has put elsewhere are told with their number."""
    move = MoveEntry(test="tests/test_net.py::*", lane="nd", **SAID)
    left = ("tests/test_net.py::test_1", "tests/test_net.py::test_2")
    verdict = judged(core(OK, journal={"left": left}), moves=[move], lanes=("core", "nd"))
    assert [(one.kind, one.tests) for one in verdict.excused] == [("move", 2)]


def test_an_expected_lane_may_have_excused_skips() -> None:
    """What must run and pass has run as whole as it can here."""
    assert judged(core(OK, LATER), skips=[entry()], expected=("core",)).ready
    assert "EXPECTED_NOT_RUN" in codes(judged(nd(OK, LATER), expected=("nd",)))


def test_nothing_else_becomes_green() -> None:
    """A failure with the words of a listed skip is a failure."""
    bad = but(LATER, outcome=Outcome.FAILED, cause="Windows only", ran=True)
    assert "FAILED" in codes(judged(core(OK, bad), skips=[entry()]))


def test_what_a_suite_keeps_out_is_excused_by_its_cause() -> None:
    """A file that its conftest ignores on an older Python is listed as a skip is; a false cause does not excuse it."""
    never = Uncollected(
        nodeid="tests/test_new.py::test_it", why="was never collected", path="tests/test_new.py", line=3
    )
    evidence = core(OK, uncollected=(never,))
    assert codes(judged(evidence)) == ["PARTIAL"]
    assert judged(evidence, skips=[entry(test="tests/test_new.py*", reason="*", python=">=3.99")]).ready
    assert "PARTIAL" in codes(judged(evidence, skips=[entry(test="tests/test_new.py*", reason="*", python=">=3.0")]))

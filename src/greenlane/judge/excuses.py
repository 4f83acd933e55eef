"""The ledger in one judgement: what it excuses, and which of its entries are false or of no use any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from greenlane.evidence.evidence import LaneEvidence, Requirements, Uncollected
from greenlane.evidence.ledger import NOWHERE, Facts, LeakEntry, MoveEntry, SkipEntry
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.verdict import Excused
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.ledger import Known, name_of
from greenlane.judge.skip_causes import CHECKS, needs_met
from greenlane.judge.sound import broken_because
from greenlane.sharding.patterns import Names
from greenlane.util.globs import wild

E = TypeVar("E", LeakEntry, SkipEntry)


class Excuses:
    """What a ledger excuses in the evidence of one verdict.

    Args:
        requirements: with the ledger.
        evidence: all that is judged together.
    """

    def __init__(self, requirements: Requirements, evidence: Sequence[LaneEvidence]) -> None:
        self._requirements = requirements
        self._ledger = requirements.ledger
        self._evidence = evidence
        self._seen = {id(item): _Seen(item) for item in evidence}
        self._leaks = {id(item): self._by_test(item, self._ledger.leaks) for item in evidence}
        self._skips = {id(item): self._by_test(item, self._ledger.skips) for item in evidence}
        self._used: dict[Known, dict[tuple[str, str], None]] = {}
        self._unproved: dict[SkipEntry, None] = {}

    def excuse(self, found: Iterable[Violation], item: LaneEvidence) -> Iterator[Violation]:
        """Yield violations of a check but for leaks and skips that the ledger excuses; these are counted."""
        outcomes = {test.nodeid: test for test in item.journal.outcomes}
        lost = {test.nodeid: as_skipped(test) for test in item.record.uncollected}
        for violation in found:
            if violation.code is Code.LEAK and violation.thing:
                if not self._leak(violation, item):
                    yield violation
            elif violation.code is Code.SKIPPED and violation.gating and violation.subject in outcomes:
                yield from self._skip(violation, outcomes[violation.subject], item)
            elif violation.code is Code.PARTIAL and violation.subject in lost:
                yield from self._skip(violation, lost[violation.subject], item)
            else:
                yield violation

    def skipped(self, check: str) -> int:
        """Return how many skips of a check are excused."""
        used = (tests for entry, tests in self._used.items() if isinstance(entry, SkipEntry))
        return sum(name == check for tests in used for name, _ in tests)

    def excused(self) -> tuple[Excused, ...]:
        """Return the entries that have excused something, with how much."""
        moves: dict[Known, int] = {entry: len(self._moved(entry)) for entry in self._ledger.moves}
        counts = {**{entry: len(tests) for entry, tests in self._used.items()}, **moves}
        known = (
            Excused(kind=kind_of(e), what=name_of(e), why=e.why, since=e.since, who=e.who, tests=count)
            for e, count in counts.items() if count
        )  # fmt: skip
        return tuple(sorted(known, key=lambda one: (one.kind, one.what)))

    def problems(self) -> Iterator[Violation]:
        """Yield LEDGER for each entry that is false, cannot be proved, or excuses nothing."""
        for entry in self._unproved:
            what = f"nothing here shows that it runs in {entry.elsewhere}: that lane is not part of this run"
            yield _problem(entry, what, gating=self._requirements.strict)
        for skip in self._ledger.skips:
            if what := self._false(skip):
                yield _problem(skip, what, gating=True)
        for one in self._ledger.excuses:
            if what := self._gone(one):
                yield _problem(one, f"{what}; greenlane ledger tidy takes it out", gating=self._requirements.strict)

    def gone(self) -> list[Known]:
        """Return the entries that excuse nothing any more."""
        every = self._ledger.excuses
        return [entry for entry in every if self._gone(entry) or (isinstance(entry, SkipEntry) and self._over(entry))]

    def _leak(self, violation: Violation, item: LaneEvidence) -> bool:
        """Note and return whether a leak is listed."""
        for entry in self._leaks[id(item)].get(violation.subject, ()):
            if wild(violation.thing, entry.what):
                self._use(entry, item, violation.subject)
                return True
        return False

    def _skip(self, violation: Violation, test: TestOutcome, item: LaneEvidence) -> Iterator[Violation]:
        """Yield the violation of a skip that is not listed, or whose cause does not hold."""
        refusal = ""
        for entry in self._skips[id(item)].get(test.nodeid, ()):
            if not wild(test.reason, entry.reason):
                continue
            refusal = self._refusal(entry, test.nodeid, item)
            if not refusal:
                self._use(entry, item, test.nodeid)
                return
        yield _with(violation, refusal) if refusal else violation

    def _by_test(self, item: LaneEvidence, entries: Iterable[E]) -> dict[str, list[E]]:
        """Return the entries about each test of a lane, in the order of the ledger."""
        found: dict[str, list[E]] = {}
        for entry in entries:
            for nodeid in self._seen[id(item)].names.matching(entry.test) if self._is_of(entry, item) else ():
                found.setdefault(nodeid, []).append(entry)
        return found

    def _outcomes(self, entry: SkipEntry, items: Iterable[LaneEvidence]) -> list[TestOutcome]:
        """Return how the tests of an entry ended."""
        seen = [self._seen[id(item)] for item in items]
        return [one.outcomes[n] for one in seen for n in one.names.matching(entry.test) if n in one.outcomes]

    def _refusal(self, entry: SkipEntry, nodeid: str, item: LaneEvidence) -> str:
        """Return why the cause of an entry does not hold for a skipped test; empty when it does."""
        ((name, value),) = entry.causes
        if name == "elsewhere":
            return self._elsewhere(entry, nodeid)
        facts = facts_of(item)
        met = needs_met(entry, facts)
        if met is None:
            return f"the ledger says that it needs {name} {value}, and this evidence does not say what it is"
        return f"the ledger says that it needs {name} {value}, which is here: {CHECKS[name].fact(facts)}" if met else ""

    def _elsewhere(self, entry: SkipEntry, nodeid: str) -> str:
        """Return why it is not proved that a test runs in another lane; empty when it is, or that lane is not here."""
        own = [item for item in self._evidence if item.record.lane == entry.elsewhere]
        ran = (self._seen[id(item)].outcomes.get(nodeid) for item in own)
        past = self._requirements.past.get(entry.elsewhere)
        if any(test is not None and test.ran for test in ran):
            return ""
        if own:
            return f"the ledger says that it runs in {entry.elsewhere}, and it did not"
        if past is None or not (nodeid in past.passed or nodeid in past.failed):
            self._unproved[entry] = None
        return ""

    def _false(self, entry: SkipEntry) -> str:
        """Return why an entry is false: its tests run after all, or under none of several interpreters."""
        if self._over(entry):
            return "its tests run after all; greenlane ledger tidy takes it out"
        own = [item for item in self._evidence if self._is_of(entry, item)]
        ((name, _),) = entry.causes
        several = {item.record.lane for item in own} if name in ("python", "dependency") else set()
        tests = self._outcomes(entry, own) if len(several) > 1 else []
        if len(several) > 1 and tests and not any(test.ran for test in tests):
            return f"its tests run under no interpreter of {', '.join(sorted(several))}"
        return ""

    def _over(self, entry: SkipEntry) -> bool:
        """Whether tests that an entry says cannot run in a lane have all run there."""
        for item in self._sound(entry):
            tests = self._outcomes(entry, [item])
            skips = any(test.outcome is Outcome.SKIPPED or not test.ran for test in tests)
            lacks = needs_met(entry, facts_of(item)) is False or bool(entry.elsewhere)
            if tests and not skips and lacks:
                return True
        return False

    def _gone(self, entry: Known) -> str:
        """Return why an entry excuses nothing any more; empty while it does, or nothing here can tell."""
        own = self._sound(entry)
        if not own or (not self._whole(entry) and not any(self._has(item, entry) for item in own)):
            return ""
        if not any(self._has(item, entry) for item in own):
            return "no test has this name any more"
        if isinstance(entry, LeakEntry) and entry not in self._used:
            return "no test leaves it behind any more"
        return ""

    def _has(self, item: LaneEvidence, entry: Known) -> bool:
        """Whether a lane has seen a test that an entry is about."""
        return bool(self._seen[id(item)].names.matching(entry.test))

    def _sound(self, entry: Known) -> list[LaneEvidence]:
        """Return the evidence of whole and orderly runs that an entry is about."""
        own = [item for item in self._evidence if self._is_of(entry, item) or isinstance(entry, MoveEntry)]
        return [item for item in own if self._seen[id(item)].sound]

    def _whole(self, entry: Known) -> bool:
        """Whether every lane that can have the tests of an entry is judged here, all of its shards included."""
        lanes = [self._base(item.record.lane) for item in self._evidence]
        checks = {item.record.check for item in self._evidence}
        shards = all(check in checks for check in self._requirements.checks)
        needed = {entry.lane} - {"", NOWHERE} or set(self._requirements.lanes)
        return shards and not self._requirements.lane and needed <= set(lanes)

    def _moved(self, entry: MoveEntry) -> set[str]:
        """Return the tests of the evidence that a move is about."""
        return {nodeid for seen in self._seen.values() for nodeid in seen.names.matching(entry.test)}

    def _is_of(self, entry: Known, item: LaneEvidence) -> bool:
        """Whether an entry is about a lane, or about the lane that it is a variant of."""
        names = (item.record.lane, self._base(item.record.lane))
        return entry.lane in ("", *names) and not (isinstance(entry, SkipEntry) and entry.elsewhere in names)

    def _base(self, lane: str) -> str:
        return self._requirements.variants.get(lane, lane)

    def _use(self, entry: Known, item: LaneEvidence, nodeid: str) -> None:
        self._used.setdefault(entry, {})[item.record.check, nodeid] = None


def facts_of(item: LaneEvidence) -> Facts:
    """Return what a lane's process was, with what its lock installs."""
    started = item.journal.facts
    return Facts(
        platform=started.platform, python=started.python, implementation=started.implementation,
        privilege=started.privilege, imports=item.record.imports,
    )  # fmt: skip


def kind_of(entry: Known) -> str:
    """Return the kind of an entry: `leak`, `skip` or `move`."""
    return "leak" if isinstance(entry, LeakEntry) else "skip" if isinstance(entry, SkipEntry) else "move"


class _Seen:
    """What a lane has seen or should have, by name.

    Args:
        item: its evidence.
    """

    def __init__(self, item: LaneEvidence) -> None:
        self.outcomes = {test.nodeid: test for test in item.journal.outcomes}
        lost = (test.nodeid for test in item.record.uncollected)
        self.names = Names((*item.journal.collected, *item.journal.left, *self.outcomes, *lost))
        # A run that was narrowed or went wrong shows nothing of what is gone.
        self.sound = not broken_because(item) and not item.journal.narrowing


def as_skipped(test: Uncollected) -> TestOutcome:
    """Return a test that a suite keeps pytest from collecting as what it is: skipped where it cannot run."""
    return TestOutcome(nodeid=test.nodeid, outcome=Outcome.SKIPPED, reason=test.why, ran=False)


def _problem(entry: Known, what: str, *, gating: bool) -> Violation:
    name = name_of(entry)
    return Violation(Code.LEDGER, f"{name}: {what}", subject=name, cause=what, gating=gating)


def _with(violation: Violation, reason: str) -> Violation:
    return msgspec.structs.replace(
        violation, message=f"{violation.message}; {reason}", cause=f"{violation.cause}; {reason}"
    )

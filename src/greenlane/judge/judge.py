"""The one verdict rule: evidence in, verdict out. Nothing else may turn evidence into READY."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from greenlane.evidence.evidence import LaneEvidence, Requirements, ServiceRecord
from greenlane.evidence.journal import Answered
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.verdict import CONFIGURATION, Check, ModelAnswers, Skips, Status, Verdict
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.examiners import EXAMINERS, Examiner
from greenlane.judge.examiners.lanes import whole_project
from greenlane.judge.examiners.outcomes import idle
from greenlane.judge.examiners.shards import whole
from greenlane.judge.excuses import Excuses
from greenlane.judge.lasting import lasting
from greenlane.judge.ledger import size
from greenlane.judge.quarantine import excuse, excused_tests, ledger_violations, quarantined
from greenlane.judge.samples import advised, results, tolerate, tolerated

PLACES = 200
"""How many places of skips a check carries."""

FEW = 3
"""How many places of one reason are told one by one."""

SLOWEST = 10
"""How many of the slowest tests a check carries."""


def judge(
    requirements: Requirements,
    evidence: Sequence[LaneEvidence],
    notes: Sequence[Violation] = (),
    more: Sequence[Examiner] = (),
) -> Verdict:
    """Return the verdict.

    Args:
        requirements: what must be proved.
        evidence: what there is to prove it, one item for each lane or shard that ran.
        notes: violations and warnings that control found beside the lanes, such as a wrong address.
        more: examiners that extensions add.
    """
    excuses = Excuses(requirements, evidence)
    checks, found = _lane_checks(requirements, evidence, _blocked(notes), (*EXAMINERS, *more), excuses)
    violations = [*notes, *found]
    violations += (*whole(requirements, evidence), *ledger_violations(requirements, evidence), *excuses.problems())
    violations += whole_project(requirements, evidence)
    checks += [_provider(name, requirements, evidence, violations) for name in requirements.providers]
    checks += [_service(name, requirements, evidence, violations) for name in requirements.services]
    violations += _expected(requirements, checks, evidence, excuses)
    violations += _nothing(requirements, checks, violations)
    return Verdict(
        policy=requirements.policy,
        lane=requirements.lane,
        strict=requirements.strict,
        checks=tuple(checks),
        violations=tuple(v for v in violations if v.gating),
        warnings=tuple(v for v in violations if not v.gating),
        gates=requirements.gates,
        expected=requirements.expected,
        quarantined=tuple(entry for item in evidence for entry in quarantined(item, requirements)),
        flaky=requirements.flaky,
        excused=excuses.excused(),
        listed=size(requirements.ledger),
        lanes=requirements.declared_lanes,
        run_id=requirements.run_id,
        tree=requirements.tree,
    )


def _blocked(notes: Sequence[Violation]) -> Code | None:
    """Return why nothing was run, a wrong setting or an interruption: one reason, instead of each lane's silence."""
    halting = {*CONFIGURATION, Code.INTERRUPTED, Code.EXTENSION}
    return next((note.code for note in notes if note.gating and note.code in halting), None)


def _lane_checks(
    requirements: Requirements, evidence: Sequence[LaneEvidence], blocked: Code | None, examiners: Sequence[Examiner],
    excuses: Excuses,
) -> tuple[list[Check], list[Violation]]:  # fmt: skip
    """Return the row of each lane and shard that is needed or ran, and what was found in its evidence."""
    by_check: dict[str, list[LaneEvidence]] = {}
    for item in evidence:
        by_check.setdefault(item.record.check, []).append(item)
    checks, violations = [], []
    for name in dict.fromkeys((*requirements.checks, *by_check)):
        items = by_check.get(name, [])
        examined = _examine(items, requirements, examiners, excuses) if items else ()
        own = list(examined) if items else _absent(name, requirements, blocked)
        violations += [msgspec.structs.replace(violation, check=name) for violation in own]
        checks.append(_check(name, items, own, requirements, blocked))
    return checks, violations


def _examine(
    items: Sequence[LaneEvidence], requirements: Requirements, examiners: Sequence[Examiner], excuses: Excuses
) -> Iterable[Violation]:
    """Yield what every examiner finds, with what is excused; a second run of a check must not hide the first."""
    if len(items) > 1:
        sources = ", ".join(item.source or item.record.run_id for item in items)
        yield Violation(Code.STALE, f"there is evidence of {len(items)} runs: {sources}")
    for item in items:
        found = (violation for examiner in examiners for violation in examiner(item, requirements))
        yield from excuses.excuse(
            excuse(advised(tolerate(found, item), requirements.advisory), item, requirements), item
        )


def _absent(name: str, requirements: Requirements, blocked: Code | None) -> list[Violation]:
    """Return why a check without evidence is red; nothing where a closed gate or a wrong setting explains it."""
    if blocked or _closed(name, requirements):
        return []
    code = Code.SHARD_GAP if "/" in name else Code.NO_TESTS
    return [Violation(code, f"there is no evidence for {name}", subject=name)]


def _nothing(requirements: Requirements, checks: Sequence[Check], found: Sequence[Violation]) -> Iterable[Violation]:
    """Yield NO_TESTS when nothing of a project's policy was run, though nothing went wrong either."""
    required = [check for check in checks if check.required]
    if requirements.lane or any(v.gating for v in found) or any(check.status is Status.PASSED for check in required):
        return
    idle = "; ".join(f"{check.name}: {check.reason or 'no test was run'}" for check in required)
    what = f"nothing that policy {requirements.policy} needs was run: {idle or 'it names no lane'}"
    yield Violation(Code.NO_TESTS, what)


def _closed(name: str, requirements: Requirements) -> str:
    """Return the reason why no provider of a lane could be called; empty when one could, or it has none."""
    lane = name.split("/", maxsplit=1)[0]
    own = [gate for gate in requirements.gates if requirements.providers.get(gate.provider) == lane]
    if not own or any(gate.open for gate in own):
        return ""
    return "; ".join(f"{gate.provider}: {gate.reason}" for gate in own)


def _check(
    name: str, items: Sequence[LaneEvidence], own: Sequence[Violation], requirements: Requirements, blocked: Code | None
) -> Check:
    """Return the row of one lane or shard."""
    required = name in requirements.checks
    if not items:
        status = Status.FAILED if own else Status.SKIPPED
        reason = f"not run: {blocked.value}" if blocked else _closed(name, requirements) or "no evidence"
        return Check(name=name, status=status, reason=reason, required=required)
    item = items[-1]
    outcomes = item.journal.outcomes
    reason = ""
    if any(violation.gating for violation in own):
        status = Status.FAILED
    elif any(test.outcome in (Outcome.PASSED, Outcome.XFAILED, Outcome.XPASSED) for test in outcomes):
        status = Status.PASSED
    elif idle(item):
        status, reason = Status.PASSED, "the other shards had emptied the queue"
    else:
        status = Status.SKIPPED
        reason = "; ".join(dict.fromkeys(test.reason for test in outcomes))
    return Check(
        name=name,
        status=status,
        counts=dict(Counter(test.outcome for test in outcomes)),
        duration=item.record.duration,
        reason=reason,
        required=required,
        record=item.record,
        reused=item.still_true,
        slowest=_slowest(outcomes),
        models=model_answers(item),
        samples=results(item),
        skips=_skips(outcomes),
    )


def _skips(outcomes: Sequence[TestOutcome]) -> tuple[Skips, ...]:
    """Return what was skipped, by place and reason; a reason that has many places is told once."""
    found = [t for t in outcomes if t.outcome is Outcome.SKIPPED or (t.outcome is Outcome.XFAILED and not t.ran)]
    places = ((f"{t.path}:{t.line}" if t.line else t.nodeid.partition("::")[0], t.reason) for t in found)
    counts: dict[str, Counter[tuple[str, str]]] = {}
    for place, reason in places:
        counts.setdefault(lasting(reason), Counter())[place, reason] += 1
    rows = [one for found in counts.values() for one in _folded(found)]
    return tuple(sorted(rows, key=lambda one: -one.tests)[:PLACES])


def _folded(places: Counter[tuple[str, str]]) -> Iterator[Skips]:
    """Yield a row for each place of one reason, or one row for all of them where they are many."""
    ((first, reason), _), *others = places.items()
    if reason and len(others) >= FEW:
        yield Skips(place=f"{first} and {len(others):,} more places", reason=reason, tests=places.total())
    else:
        yield from (Skips(place=place, reason=own, tests=count) for (place, own), count in places.items())


def _slowest(outcomes: Sequence[TestOutcome]) -> tuple[TestOutcome, ...]:
    """Return the slowest tests, slowest first."""
    return tuple(sorted(outcomes, key=lambda test: -test.duration)[:SLOWEST])


def _provider(
    name: str, requirements: Requirements, evidence: Sequence[LaneEvidence], found: Sequence[Violation]
) -> Check:
    """Return the row of a live provider: closed gates are rows too, so that nothing is silent."""
    state = next((gate for gate in requirements.gates if gate.provider == name), None)
    required = name in requirements.expected
    if state is None or not state.open:
        return Check(name=name, status=Status.SKIPPED, reason=state.reason if state else "no gate", required=required)
    items = [item for item in evidence if item.record.lane == requirements.providers[name]]
    tests = [t for item in items for t in item.journal.outcomes if item.journal.providers.get(t.nodeid) == name]
    canned = next((v.cause for v in found if v.gating and (v.code, v.subject) == (Code.CANNED, name)), "")
    reasons = "; ".join(t.reason or f"{t.nodeid} failed in quarantine" for t in tests)
    row = Check(name=name, status=Status.FAILED if canned else Status.PASSED, reason=canned, required=required)
    return _by_tests(row, tests, items, requirements, reasons or "no test of this provider ran")


def _service(
    name: str, requirements: Requirements, evidence: Sequence[LaneEvidence], found: Sequence[Violation]
) -> Check:
    """Return the row of a service that lanes can do without: what the tests that need it came to."""
    own = [item for item in evidence if item.record.lane in requirements.services[name]]
    records = [record for item in own for record in item.record.result.services if record.name == name]
    tests = [t for item in own for t in item.journal.outcomes if name in item.journal.needs.get(t.nodeid, ())]
    failures = [record.failure for record in records if record.failure]
    absences = [record.absent for record in records if record.absent]
    reason = "; ".join(dict.fromkeys(failures or absences))
    canned = {v.subject for v in found if v.code is Code.CANNED} & {name, *(test.nodeid for test in tests)}
    status, required = Status.FAILED if failures or canned else Status.PASSED, name in requirements.expected
    idle = reason or ("no test that needs it ran" if records else "its lane was not run")
    row = Check(name=name, status=status, reason=reason, required=required)
    return _by_tests(row, tests, own, requirements, idle)


def _by_tests(
    row: Check, tests: Sequence[TestOutcome], items: Sequence[LaneEvidence], requirements: Requirements, idle: str
) -> Check:
    """Return a row with what its tests came to; `idle` says why it is skipped where none of them passed."""
    excused = frozenset(nodeid for item in items for nodeid in excused_tests(item, requirements) | tolerated(item))
    status, reason = row.status, row.reason
    if any(test.outcome.bad and test.nodeid not in excused for test in tests):
        status = Status.FAILED
    if status is Status.PASSED and not any(test.outcome is Outcome.PASSED for test in tests):
        status, reason = Status.SKIPPED, idle
    counts, duration = dict(Counter(test.outcome for test in tests)), sum(test.duration for test in tests)
    return msgspec.structs.replace(row, status=status, reason=reason, counts=counts, duration=duration)


def _expected(
    requirements: Requirements, checks: Sequence[Check], evidence: Sequence[LaneEvidence], excuses: Excuses
) -> Iterable[Violation]:
    """Yield EXPECTED_NOT_RUN for each expected name that did not run: a check, a lane, a provider or a service."""
    excused = Counter(name for item in evidence for name in _switched_off(item))
    for name in requirements.expected:
        own = [check for check in checks if check.name == name or check.name.startswith(f"{name}/")]
        allowed = {check.name: excused[check.name] + excuses.skipped(check.name) for check in own}
        idle = [check for check in own if check.status is Status.SKIPPED or _skipped(check) > allowed[check.name]]
        if own and not idle:
            continue
        reason = "; ".join(check.reason or "tests were skipped" for check in idle) or "it is not part of this run"
        yield Violation(
            Code.EXPECTED_NOT_RUN, f"{name} is expected and did not run: {reason}",
            subject=name, check=own[0].name if own else name, cause=f"expected and not run: {reason}",
        )  # fmt: skip


def _skipped(check: Check) -> int:
    """Return how many tests of a check were skipped: what is expected must run whole."""
    return check.counts.get(Outcome.SKIPPED, 0)


def _switched_off(item: LaneEvidence) -> Iterable[str]:
    """Yield the check's name for each test that was skipped because nobody switched on what it needs.

    That service is a check of its own: who wants these tests to run expects it by its name.
    """
    off = {record.name for record in item.record.result.services if record.off}
    for test in item.journal.outcomes:
        if test.outcome is Outcome.SKIPPED and off.intersection(item.journal.needs.get(test.nodeid, ())):
            yield item.record.check


def model_answers(evidence: LaneEvidence) -> tuple[ModelAnswers, ...]:
    """Return what each model of a lane or shard answered."""
    names = dict.fromkeys(answer.service for answer in evidence.journal.answers)
    records = {record.name: record for record in evidence.record.result.services}
    return tuple(_summary(name, _of(evidence, name), records.get(name)) for name in names)


def _summary(service: str, answers: Sequence[Answered], record: ServiceRecord | None) -> ModelAnswers:
    """Return the answers of one model in numbers, with one of them to look at."""
    models: Iterable[str] = [record.model] if record else dict.fromkeys(answer.model for answer in answers)
    shown = max(answers, key=lambda answer: len(answer.text), default=None)
    return ModelAnswers(
        service=service,
        model=", ".join(models),
        tests=len({answer.nodeid for answer in answers}),
        prompts=len({answer.prompt for answer in answers}),
        texts=len({answer.text for answer in answers}),
        tokens=sum(answer.tokens for answer in answers),
        generated=record.generated if record else None,
        prompt=shown.prompt if shown else "",
        text=shown.text if shown else "",
    )


def _of(evidence: LaneEvidence, service: str) -> tuple[Answered, ...]:
    """Return the answers of a service."""
    return tuple(answer for answer in evidence.journal.answers if answer.service == service)

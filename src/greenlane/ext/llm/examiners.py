"""Did the lane meet the real model that it was given?"""

from __future__ import annotations

from collections.abc import Iterable

from greenlane.evidence.evidence import LaneEvidence, Requirements, ServiceRecord
from greenlane.evidence.outcome import Outcome
from greenlane.evidence.violation import Code, Violation
from greenlane.ext.llm.answers import canned_together, real_answers, why_canned, why_not_live

NOTHING_SHOWN = "no test showed an answer of it (fixture `answered`)"


def answers(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """CANNED where a model that must be real, started here or live, shows no answers that prove it."""
    yield from canned(evidence, requirements)
    yield from live(evidence, requirements)


def canned(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """CANNED where a started model, or a test that needs it, has no answer to show that a model can have given."""
    record = evidence.record
    # Of a part of the lane nothing is asked: it is PARTIAL, whatever it shows.
    if record.result.failure or record.result.timed_out or record.result.interrupted or evidence.journal.narrowing:
        return
    for service in record.result.services:
        if service.started and service.model and not service.failure:
            yield from _together(evidence, service)
            yield from _each(evidence, service)


def live(evidence: LaneEvidence, requirements: Requirements) -> Iterable[Violation]:
    """CANNED where a live provider's tests passed without an answer that only it can have given.

    Red when strict or expected, otherwise a warning. A memory has no model to name; its tests prove it by what they
    stored.
    """
    journal = evidence.journal
    passed = {journal.providers.get(test.nodeid) for test in journal.outcomes if test.outcome is Outcome.PASSED}
    for name, provider in requirements.declared.items():
        if name not in passed or provider.kind != "model":
            continue
        answers = [answer for answer in journal.answers if answer.service == name]
        reasons = [why_not_live(answer, provider) for answer in answers]
        reason = next(filter(None, reasons), "") or (canned_together(answers) if answers else NOTHING_SHOWN)
        if reason:
            yield Violation(
                Code.CANNED, f"{name}: {reason}", subject=name, cause=reason,
                gating=requirements.strict or name in requirements.expected,
            )  # fmt: skip


def _together(evidence: LaneEvidence, service: ServiceRecord) -> Iterable[Violation]:
    """Yield what speaks against all answers of a model."""
    answers = real_answers(evidence, service.name)
    reason = canned_together(answers) if answers else "no test showed an answer of it"
    tokens = sum(answer.tokens for answer in answers)
    if not reason and service.generated is not None and service.generated < tokens:
        reason = f"the answers say that they cost {tokens} tokens, the model itself counted {service.generated}"
    if reason:
        yield Violation(Code.CANNED, f"{service.name} ({service.model}): {reason}", subject=service.name, cause=reason)


def _each(evidence: LaneEvidence, service: ServiceRecord) -> Iterable[Violation]:
    """Yield each test that passed, needs the model and shows no real answer of it."""
    journal = evidence.journal
    shown = {answer.nodeid for answer in real_answers(evidence, service.name)}
    canned = {a.nodeid: why_canned(a) for a in journal.answers if a.service == service.name}
    for test in journal.outcomes:
        needs = service.name in journal.needs.get(test.nodeid, ())
        if needs and test.outcome is Outcome.PASSED and test.nodeid not in shown:
            reason = canned.get(test.nodeid) or "it shows no answer of the model (fixture `answered`)"
            yield Violation(
                Code.CANNED, f"{test.nodeid}: {reason}", subject=test.nodeid, cause=reason,
                path=test.nodeid.split("::")[0],
            )  # fmt: skip

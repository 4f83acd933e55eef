"""Did the lane meet the real model that it was given?"""

from __future__ import annotations

from collections.abc import Iterable

from greenlane.model.evidence import Demand, LaneEvidence, ServiceRecord
from greenlane.model.outcome import Outcome
from greenlane.model.violation import Code, Violation
from greenlane.rules.answers import canned_together, real_answers, why_canned


def canned(evidence: LaneEvidence, demand: Demand) -> Iterable[Violation]:
    """CANNED where a started model, or a test that needs it, has no answer to show that a model can have given."""
    record = evidence.record
    if record.failure or record.timed_out or record.interrupted:
        return
    for service in record.services:
        if service.started and service.model:
            yield from _together(evidence, service)
            yield from _each(evidence, service)


def _together(evidence: LaneEvidence, service: ServiceRecord) -> Iterable[Violation]:
    """Yield what speaks against all answers of a model."""
    answers = real_answers(evidence, service.name)
    reason = canned_together(answers) if answers else "no test showed an answer of it"
    tokens = sum(answer.tokens for answer in answers)
    if not reason and service.generated is not None and service.generated < tokens:
        reason = f"the answers say that they cost {tokens} tokens, the model itself counted {service.generated}"
    if reason:
        yield Violation(
            code=Code.CANNED, message=f"{service.name} ({service.model}): {reason}", subject=service.name, cause=reason
        )


def _each(evidence: LaneEvidence, service: ServiceRecord) -> Iterable[Violation]:
    """Yield each test that passed, needs the model and shows no real answer of it."""
    journal = evidence.journal
    shown = {answer.nodeid for answer in real_answers(evidence, service.name)}
    told = {a.nodeid: why_canned(a) for a in journal.answers if a.service == service.name}
    for test in journal.outcomes:
        needs = service.name in journal.needs.get(test.nodeid, ())
        if needs and test.outcome is Outcome.PASSED and test.nodeid not in shown:
            reason = told.get(test.nodeid) or "it shows no answer of the model (fixture `answered`)"
            yield Violation(
                code=Code.CANNED, message=f"{test.nodeid}: {reason}", subject=test.nodeid, cause=reason,
                path=test.nodeid.split("::")[0],
            )  # fmt: skip

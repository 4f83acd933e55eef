"""What models answered in a lane, in numbers; whether that proves anything is for an examiner to say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from greenlane.evidence.evidence import LaneEvidence, ServiceRecord
from greenlane.evidence.journal import Answered
from greenlane.evidence.verdict import ModelAnswers


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

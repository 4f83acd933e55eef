"""A check that must meet a real model, and the answers by which it shows that it did."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.evidence.evidence import LaneEvidence, ServiceRecord
from greenlane.evidence.journal import Answered
from greenlane.ext.llm.answers import echoes
from greenlane.judge.judge import model_answers
from support.evidence import codes, nd, outcome, skipped, verdict_on

MODEL = ServiceRecord(name="model", base="http://127.0.0.1:1", started=True, model="smollm2-135m", gated=True)
FOX, HEN = "Tell me of a red fox.", "Tell me of an old hen."


def answer(prompt: str = FOX, text: str = "A fox ran by.", test: str = "test_fox", **fields: Any) -> Answered:
    """Return an answer that a test of `tests/test_a.py` shows."""
    known = {"model": "nd-model", "tokens": 5, "request": "chatcmpl-1", "service": "model", "worker": "main", "at": 1.0}
    return Answered(nodeid=f"tests/test_a.py::{test}", prompt=prompt, text=text, **known | fields)


REAL = (answer(), answer(HEN, "A hen sat.", "test_hen"))
NEEDS = {"tests/test_a.py::test_fox": ("model",), "tests/test_a.py::test_hen": ("model",)}


def met(*answers: Answered, service: ServiceRecord = MODEL, **journal: Any) -> LaneEvidence:
    """Return the evidence of a lane with a model, two tests that need it, and the answers that they show."""
    facts = {"answers": answers, "needs": NEEDS, **journal}
    return nd(outcome("test_fox"), outcome("test_hen"), services=(service,), journal=facts)


def test_real_answers_are_green_and_told() -> None:
    """Two prompts with two answers prove the model; the check carries its name, the numbers and one answer."""
    verdict = verdict_on(met(*REAL, service=ServiceRecord(**{**as_fields(MODEL), "generated": 12})))
    assert verdict.violations == ()
    (told,) = verdict.checks[0].models
    assert (told.model, told.tests, told.prompts, told.texts, told.tokens) == ("smollm2-135m", 2, 2, 2, 10)
    assert (told.generated, told.prompt, told.text) == (12, FOX, "A fox ran by.")


def as_fields(record: ServiceRecord) -> dict[str, Any]:
    """Return a record's fields by name."""
    return {name: getattr(record, name) for name in record.__struct_fields__}


CANNED = {
    "no answer": ((), "no test showed an answer"),
    "one prompt": ((answer(), answer(test="test_hen")), "one prompt proves nothing"),
    "one answer": (
        (answer(), answer(HEN, test="test_hen")),
        "2 different prompts got the same answer: 'A fox",
    ),
    "a test without one": ((answer(), answer(HEN, "A hen sat.")), "test_hen: it shows no answer of the model"),
    "echo": (
        (answer(text="of a red  fox."), answer(HEN, HEN, "test_hen")),
        "2 of 2 answers echo",
    ),
    "dummy": ((answer(model="dummy"), REAL[1]), "test_fox: dummy is no model"),
    "noop": ((answer(model="x/noop-1"), REAL[1]), "test_fox: x/noop-1 is no model"),
    "shim": ((answer(request="shim-7"), REAL[1]), "test_fox: its id shim-7 is that of an echoed answer"),
    "empty": ((answer(text=" "), REAL[1]), "test_fox: it is empty"),
    "free": ((answer(tokens=0), REAL[1]), "test_fox: it cost no tokens"),
    "nameless": ((answer(model=""), REAL[1]), "test_fox: it names no model"),
}


@pytest.mark.parametrize(("answers", "why"), CANNED.values(), ids=CANNED.keys())
def test_canned_answers_are_red(answers: tuple[Answered, ...], why: str) -> None:
    """Whatever an echo, a stub or a dummy would answer is no evidence, of a test or of the whole check."""
    verdict = verdict_on(met(*answers), services={"model": ("nd",)})
    assert set(codes(verdict)) == {"CANNED"}
    assert [(check.name, check.status) for check in verdict.checks] == [("nd", "failed"), ("model", "failed")]
    assert why in "\n".join(violation.message for violation in verdict.violations)


def test_the_model_keeps_count() -> None:
    """Answers that cost more tokens than the model itself counted did not all come from it."""
    idle = ServiceRecord(**{**as_fields(MODEL), "generated": 9})
    verdict = verdict_on(met(*REAL, service=idle))
    assert codes(verdict) == ["CANNED"]
    assert "cost 10 tokens, the model itself counted 9" in verdict.violations[0].message


def test_a_dead_model_is_told_as_dead() -> None:
    """Of a model that died nothing else is asked."""
    dead = ServiceRecord(**{**as_fields(MODEL), "failure": "died with signal 9"})
    assert codes(verdict_on(met(service=dead))) == ["SERVICE_DOWN"]


def test_without_a_model_nothing_is_asked() -> None:
    """An absent model, a skipped test and a service that is no model ask for no answers."""
    absent = ServiceRecord(name="model", absent="ND_REAL is not 1", off=True, gated=True)
    assert verdict_on(nd(outcome("test_one"), skipped("test_fox"), services=(absent,))).violations == ()
    server = ServiceRecord(name="model", started=True, base="http://127.0.0.1:1")
    assert verdict_on(met(service=server)).violations == ()
    assert model_answers(nd()) == ()


def test_a_short_answer_is_no_echo() -> None:
    """A word of the prompt may well be the answer, and a small model repeats a prompt now and then."""
    assert not echoes(answer("Say yes or no.", "yes"))
    echo = answer("Tell me of a cat.", "Tell me of a cat.")
    assert echoes(echo)
    assert verdict_on(met(*REAL, echo)).violations == ()

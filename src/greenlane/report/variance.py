"""What the reports say of real models, and of tests that are run several times."""

from __future__ import annotations

from greenlane.evidence.answers import ModelAnswers
from greenlane.evidence.samples import SampleResult
from greenlane.evidence.verdict import Check
from greenlane.judge.samples import by_chance, percent


def answers_line(answers: ModelAnswers) -> str:
    """Return a model and what it answered in one line."""
    line = (
        f"{answers.model} gave {answers.texts} different answers to {answers.prompts} prompts, {answers.tokens} tokens"
    )
    return line if answers.generated is None else f"{line} of {answers.generated} that it counted"


def models_of(check: Check) -> str:
    """Return the models that answered in a check, for its row; empty for none."""
    return ", ".join(f"model {answers.model}: {answers.texts} different answers" for answers in check.models)


def samples_line(result: SampleResult) -> str:
    """Return what the samples of one test came to in one line."""
    word = "SAMPLES" if result.met else "TOO FEW SAMPLES"
    counts = f"{result.passed} of {result.n} passed, {result.at_least} must"
    return f"{word}  {result.test}  {counts}: {'; '.join(filter(None, (percent(result), by_chance(result))))}"

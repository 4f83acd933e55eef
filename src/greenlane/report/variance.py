"""What the reports say of real models, and of tests that are run several times."""

from __future__ import annotations

from greenlane.evidence.answers import ModelAnswers
from greenlane.evidence.samples import SampleResult
from greenlane.evidence.verdict import Check
from greenlane.judge.samples import percent


def answers_line(told: ModelAnswers) -> str:
    """Return a model and what it answered in one line."""
    line = f"{told.model} gave {told.texts} different answers to {told.prompts} prompts, {told.tokens} tokens"
    return line if told.generated is None else f"{line} of {told.generated} that it counted"


def models_of(check: Check) -> str:
    """Return the models that answered in a check, for its row; empty for none."""
    return ", ".join(f"model {told.model}: {told.texts} different answers" for told in check.models)


def samples_line(result: SampleResult) -> str:
    """Return what the samples of one test came to in one line."""
    word = "SAMPLES" if result.met else "TOO FEW SAMPLES"
    counts = f"{result.passed} of {result.n} passed, {result.at_least} must"
    return f"{word}  {result.test}  {counts}: {percent(result)}"

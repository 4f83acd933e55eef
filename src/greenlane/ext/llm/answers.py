"""Is an answer evidence that a real model was met? Echoed, scripted and canned ones are not."""

from __future__ import annotations

from collections.abc import Sequence

from greenlane.config.lanes import Provider
from greenlane.evidence.evidence import LaneEvidence
from greenlane.evidence.journal import Answered

SCRIPTED = ("dummy", "noop", "echo", "scripted", "shim", "fake", "mock")
"""Model names, alone or before a hyphen, that no model has."""

SHIM = "shim-"
"""How the request id of an echoed answer begins (GATEWAY 7.7)."""

ECHOED = 12
"""Characters from which an answer that stands in its own prompt is an echo of it."""


def why_canned(answer: Answered) -> str:
    """Return why an answer proves nothing; empty for one that a model may have given."""
    name = answer.model.strip().lower().rpartition("/")[2]
    if not name:
        return "it names no model"
    if name.split("-")[0] in SCRIPTED:
        return f"{answer.model} is no model"
    if answer.request.startswith(SHIM):
        return f"its id {answer.request} is that of an echoed answer"
    if not answer.text.strip():
        return "it is empty"
    if answer.tokens <= 0:
        return "it cost no tokens"
    return ""


def echoes(answer: Answered) -> bool:
    """Return whether an answer repeats its prompt or a part of it. A small model may do so, an echo always does."""
    text, prompt = " ".join(answer.text.split()), " ".join(answer.prompt.split())
    return text == prompt or (len(text) >= ECHOED and text in prompt)


def why_not_live(answer: Answered, provider: Provider) -> str:
    """Return why an answer is no evidence of a live provider; empty when it is.

    A provider with a host of its own must have been asked there, and answers in the name of the model that was asked: a
    base that points elsewhere proves nothing about it. Where the caller names the address, a gateway may name another,
    and a small model repeat a question now and then.
    """
    reason = why_canned(answer)
    if not reason and provider.host and echoes(answer):
        return f"it echoes its prompt: {answer.text[:60]!r}"
    if not reason and provider.host and answer.host != provider.host:
        return f"{answer.host or 'nobody knows who'} answered, not {provider.host}"
    name = answer.model.rpartition("/")[2]
    if not reason and provider.host and provider.model and not name.startswith(provider.model.rpartition("/")[2]):
        return f"{answer.model} answered, {provider.model} was to be asked"
    return reason


def canned_together(answers: Sequence[Answered]) -> str:
    """Return why the answers of one model, each of which may be real, together are not; empty when they are."""
    prompts = {answer.prompt for answer in answers}
    texts = {answer.text for answer in answers}
    if len(prompts) < 2:
        return "one prompt proves nothing; show the answers to two different ones"
    echoed = [answer for answer in answers if echoes(answer)]
    if 2 * len(echoed) > len(answers):
        return f"{len(echoed)} of {len(answers)} answers echo their prompt: {echoed[0].text[:60]!r}"
    if len(texts) < 2:
        return f"{len(prompts)} different prompts got the same answer: {next(iter(texts))[:60]!r}"
    return ""


def real_answers(evidence: LaneEvidence, service: str) -> tuple[Answered, ...]:
    """Return the answers of a service that are evidence by themselves."""
    return tuple(a for a in evidence.journal.answers if a.service == service and not why_canned(a))

"""Whole runs of an agent, as mini-agent serves them."""

from __future__ import annotations

from typing import Any

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import equal, filled, member, need
from greenlane.ext.probe.pack.sources import AGENT as SOURCE
from greenlane.ext.probe.values import AGENT, FULL, SHOULD, Dialect, Finding, check

OWN = (Dialect.AGENT,)


def _run(case: Case, text: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    reply = case.post({"model": case.model, "messages": messages, "max_iterations": 1, "use_tools": False, **more})
    if reply.status != 200:
        raise Finding(f"status {reply.status}, not 200: {case.wire.hide(reply.text)[:200]}")
    body: dict[str, Any] = reply.json()
    case.wire.budget.cost(len(reply.text) // 4)
    return body


@check(
    "agent.shape", SOURCE,
    "200: `ok` true; `final_answer`; `stopped_reason`; `messages`, the whole conversation; `metrics`.",
    "callers read None: every client of runs", dialects=OWN,
)  # fmt: skip
def shape(case: Case) -> None:
    """A run ends with an answer, a reason, the conversation and its figures."""
    body = _run(case, f"Say hello to {case.word()}.")
    equal(body, "ok", True)
    filled(body, "final_answer")
    filled(body, "stopped_reason")
    messages = member(body, "messages", list)
    need(messages and messages[-1].get("role") == "assistant", "the conversation does not end with the assistant")
    iterations = member(body, "metrics.iterations", int)
    need(iterations >= 0, f"`metrics.iterations` is {iterations}")
    member(body, "metrics.ttotal_ms", (int, float))
    filled(body, "metrics.used_model")


@check(
    "agent.whole", SOURCE, "`messages` is the whole conversation.", "a run cannot be continued or audited",
    dialects=OWN, severity=SHOULD,
)  # fmt: skip
def whole(case: Case) -> None:
    """The conversation that comes back begins with what was asked, and ends with the final answer."""
    text = f"Say hello to {case.word()}."
    body = _run(case, text)
    said = [m for m in body.get("messages", []) if m.get("role") == "user"]
    need(said and said[0].get("content") == text, "the question is not in the conversation that comes back")
    need(body["messages"][-1].get("content") == body["final_answer"], "the last message is not the final answer")


@check(
    "agent.real", SOURCE, "`simulated` is true if any answer was scripted.", "a dummy answers in the model's place",
    dialects=OWN,
)  # fmt: skip
def real(case: Case) -> None:
    """A run was made by a model, and says so."""
    body = _run(case, "Name a city.")
    simulated = member(body, "metrics.simulated", bool)
    need(not simulated, "`metrics.simulated` is true: no model has answered")


@check(
    "agent.differs", SOURCE, "`final_answer` answers the task.", "a stub answers in the model's place", dialects=OWN,
    calls=3,
)  # fmt: skip
def differs(case: Case) -> None:
    """Different tasks have different answers."""
    tasks = (f"Spell the word {case.word()}.", "Name a city in France.", f"Repeat exactly: {case.word()}")
    answers = {_run(case, task)["final_answer"] for task in tasks}
    need(len(answers) > 1, f"three tasks have one answer: {next(iter(answers))!r:.60}")


@check(
    "agent.bounded", SOURCE, "`max_iterations`: model calls at most.", "a run goes on, and its bill with it",
    dialects=OWN, profile=AGENT,
)  # fmt: skip
def bounded(case: Case) -> None:
    """A run makes no more turns than were allowed."""
    body = _run(case, "Say hello.", max_iterations=2)
    iterations = member(body, "metrics.iterations", int)
    need(iterations <= 2, f"`max_iterations` is 2, and the run made {iterations}")


@check(
    "agent.backend", SOURCE, "unknown backend: 400 `invalid_parameter` listing the valid ones.",
    "a misspelt backend runs the tools somewhere else", dialects=OWN, profile=FULL, severity=SHOULD,
)  # fmt: skip
def backend(case: Case) -> None:
    """A backend that is not there is refused, and the known ones are named."""
    message = {"role": "user", "content": "Say hello."}
    reply = case.post({"model": case.model, "messages": [message], "tool_backend": "nowhere"})
    need(reply.status == 400, f"an unknown backend is answered with status {reply.status}, not 400")
    need("local" in filled(reply.json(), "error.message"), "the refusal does not name the known backends")

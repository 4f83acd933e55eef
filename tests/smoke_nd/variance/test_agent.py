"""Generate, run, repair: an agent with a real model converges, or says honestly that it did not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from greenlane.plugin.samples import Sample
from support.conversations import answered_once
from support.real_model import WRITER, RealModel

pytestmark = [pytest.mark.needs("model"), pytest.mark.shard("shard_a")]


def shown(question: str, program: str) -> list[dict[str, str]]:
    """Return a question and its answer as a conversation has them: a model of this size does what it was shown."""
    answer = f"```python\n{program}\n```"
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


EXAMPLES = [
    *shown("Print 4 + 1 in a Python code block.", "print(4 + 1)"),
    *shown("Print 7 + 2 in a Python code block.", "print(7 + 2)"),
]


def run(model: RealModel, prompt: str, before: Sequence[dict[str, str]] = ()) -> dict[str, Any]:
    """Let the agent write and run a program, and show that it is the model that writes it."""
    body = {
        "model": WRITER, "messages": [*before, {"role": "user", "content": prompt}],
        "auto_run_code_on_code_block": True, "max_iterations": 3, "max_total_seconds": 120,
    }  # fmt: skip
    for question in (prompt, "What is a program?"):
        model.ask(question, max_tokens=8)
    reply = model.gateway.post("/agent/run", body)
    assert reply.status == 200, reply.body
    result: dict[str, Any] = reply.json()
    return result


@pytest.mark.samples(3)
def test_a_run_is_honest(model: RealModel, sample: Sample) -> None:
    """Success has an answer that was said or printed, all else has none; what failed is told to the model."""
    result = run(
        model, f"Write a Python program with a loop that prints the sum of {sample.number} and 3, in one code block."
    )
    messages, answer = result["messages"], result["final_answer"]
    assert result["stopped_reason"] in ("success", "max_iterations", "budget")
    assert (answer is not None) == (result["stopped_reason"] == "success")
    assert 1 <= result["metrics"]["iterations"] <= 3
    assert answered_once(messages)
    for place, message in enumerate(messages):
        if message["role"] == "tool" and message["content"].startswith("error:"):
            assert messages[place + 1]["content"].startswith("Observation from last tool run")
    if answer is not None:
        assert answer in "\n".join(str(message["content"]) for message in messages if message["role"] != "user")


@pytest.mark.samples(6, at_least=3)
def test_a_program_is_written_and_run(model: RealModel, sample: Sample) -> None:
    """In most runs a program of the model really ran, and printed the answer."""
    result = run(model, f"Print {sample.number} + 3 in a Python code block.", EXAMPLES)
    last = result.get("last_tool_invocation") or pytest.fail("no program was run")
    assert (last["tool_name"], last["ok"], result["stopped_reason"]) == ("exec_python", True, "success")
    assert last["stdout"].strip() == result["final_answer"].strip()

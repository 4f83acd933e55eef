"""Running the calls of a turn, their replies and records, and what follows."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_agent.agent.calls import PlannedCall
from mini_agent.agent.records import message_text, output_text, preview, record_from
from mini_agent.agent.tool_values import ToolRecord
from support.agent_runs import PROPERTY, agent, answered_once, texts, tool_messages
from support.scripted_model import ScriptedModel, asks, says
from support.scripted_tools import ScriptedTools

OK = {"ok": True, "result": "r"}
FAILED = {"ok": False, "error": "boom", "stderr": "trace"}
CALL = PlannedCall(index=0, id="a", name="t", requested_name=None, arguments="{}", refused=False)


def _record(answer: object) -> ToolRecord:
    return record_from(CALL, answer if isinstance(answer, str) else json.dumps(answer), model="m", t_ms=1.0)


def test_calls_beyond_the_limit_are_answered_not_run() -> None:
    """The first `max_tools_per_iter` executable calls run; refused ones do not count; later ones get the exact text."""
    tools = ScriptedTools(t=OK)
    calls = asks(("no", {}, "r"), ("t", {}, "a"), ("t", {}, "b"), ("t", {}, "c"))
    result = agent(ScriptedModel(calls, says("x")), tools, max_tools_per_iter=2)
    assert [call["id"] for call in tools.calls] == ["a", "b"]
    assert tool_messages(result.messages) == {
        "r": "error: unsupported tool 'no'",
        "a": "r",
        "b": "r",
        "c": "not executed: per-turn limit",
    }
    assert [record.tool_call_id for record in result.iterations[0].tool_invocations] == ["r", "a", "b"]
    assert [record.call_index for record in result.iterations[0].tool_invocations] == [0, 1, 2]


@pytest.mark.parametrize(("concurrency", "most"), [(1, 1), (2, 2), (9, 4)])
def test_concurrency_is_bounded_and_replies_keep_call_order(concurrency: int, most: int) -> None:
    """At most `tool_concurrency` calls run at once; whichever ends first, replies stand in call order."""
    running: list[str] = []
    peak: list[int] = []

    async def slow(call: dict[str, Any]) -> str:
        running.append(call["id"])
        peak.append(len(running))
        # Later calls end earlier: they wait for fewer turns of the loop.
        for _ in range(20 - 4 * int(call["id"][1])):
            await asyncio.sleep(0)
        running.remove(call["id"])
        return str(call["id"])

    calls = asks(*(("t", {}) for _ in range(4)))
    result = agent(ScriptedModel(calls, says("x")), ScriptedTools(t=slow), tool_concurrency=concurrency)
    assert max(peak) == most
    replies = [message["content"] for message in result.messages if message["role"] == "tool"]
    assert replies == ["c0", "c1", "c2", "c3"]


def test_an_invoker_exception_is_a_failed_call() -> None:
    """An exception becomes `error: <text>` and a record, and the other calls of the turn are unharmed."""

    def cancelled(_: dict[str, Any]) -> str:
        raise asyncio.CancelledError

    tools = ScriptedTools(a=ValueError("no luck"), b=OK, c=cancelled, d=TimeoutError())
    calls = asks(("a", {}, "1"), ("b", {}, "2"), ("c", {}, "3"), ("d", {}, "4"))
    for concurrency in (1, 4):
        result = agent(ScriptedModel(calls, says("x")), tools, tool_concurrency=concurrency)
        assert tool_messages(result.messages) == {
            "1": "error: no luck",
            "2": "r",
            "3": "error: tool call was cancelled",
            "4": "error: TimeoutError",
        }
        assert [record.ok for record in result.iterations[0].tool_invocations] == [False, True, False, False]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"result": "a", "answer": "b"}, "a"),
        ({"result": "", "answer": "b", "text": "c"}, "b"),
        ({"result": None, "text": "c", "stdout": "d"}, "c"),
        ({"stdout": "d\n"}, "d"),
        ({"stdout": "d\n\n"}, "d\n"),
        ({"stdout": "\n"}, "ok (no output)"),
        ({"ok": True}, "ok (no output)"),
        ({"ok": None, "result": {"a": 1}}, '{"a": 1}'),
        ({"result": 0}, "0"),
        ("plain text", "plain text"),
        ('"quoted"', "quoted"),
        ("42", "42"),
        ("[1, 2]", "[1, 2]"),
        ("null", "null"),
        ({"ok": False, "error": "e"}, "error: e"),
        ({"ok": False}, "error: tool failed"),
        ({"ok": False, "error": "e", "stderr": "s", "stdout": "o"}, "error: e\ns"),
        ({"ok": False, "error": "e", "stderr": "", "stdout": "o"}, "error: e\no"),
        ({"ok": False, "error": "e", "stderr": "x" * 3000 + "y" * 2000}, "error: e\n" + "y" * 2000),
    ],
)
def test_message_text(answer: object, text: str) -> None:
    """The text of a reply follows the first filled field on success, error and stderr tail on failure."""
    assert message_text(_record(answer)) == text


@PROPERTY
@given(st.integers(0, 12000), st.booleans())
def test_long_texts_keep_head_and_tail(length: int, ok: bool) -> None:
    """A reply is the whole text up to 8,000 characters, beyond that its first 6,000 and last 2,000."""
    body = "".join(chr(0x4E00 + number % 5000) for number in range(length))
    text = message_text(_record({"ok": ok, "result": body, "error": body}))
    whole = body if ok else f"error: {body}"
    if length == 0:
        assert text == ("ok (no output)" if ok else "error: tool failed")
    elif len(whole) <= 8000:
        assert text == whole
    else:
        assert text == whole[:6000] + whole[-2000:]


def test_record_fields() -> None:
    """A record has every field of the contract; exit status 0 is 0 and stdout is verbatim."""
    tools = ScriptedTools(exec_python={"rc": 0, "stdout": " a\n\n", "stderr": "", "t_ms": 7, "truncated": True})
    result = agent(ScriptedModel(asks(("python", '{"code": "1"}', "a")), says("x")), tools)
    assert result.iterations[0].as_dict()["tool_invocations"] == [
        {
            "call_index": 0,
            "tool_name": "exec_python",
            "name": "exec_python",
            "requested_name": "python",
            "tool_call_id": "a",
            "arguments_raw": '{"code": "1"}',
            "arguments": {"code": "1"},
            "ok": True,
            "rc": 0,
            "result": None,
            "stdout": " a\n\n",
            "stderr": "",
            "error": None,
            "t_ms": 7.0,
            "model": "base",
            "truncated": True,
        }
    ]


def test_unreadable_arguments_are_recorded_as_null() -> None:
    """The raw text is kept, the object is null, and the tool gets what the model sent."""
    tools = ScriptedTools(t=OK)
    result = agent(ScriptedModel(asks(("t", "{broken")), says("x")), tools)
    record = result.iterations[0].tool_invocations[0]
    assert (record.arguments_raw, record.arguments) == ("{broken", None)
    assert tools.calls[0]["function"]["arguments"] == "{broken"


def test_success_continues_so_that_the_model_concludes() -> None:
    """Successful calls, with or without output, lead to the next turn and to no observation."""
    for answer in (OK, {"ok": True}):
        result = agent(ScriptedModel(asks(("t", {})), says("fin")), ScriptedTools(t=answer))
        assert [message["role"] for message in result.messages] == ["user", "assistant", "tool", "assistant"]
        assert result.final_answer == "fin"


def test_stop_on_tool_success_ends_with_the_outputs() -> None:
    """With the option, outputs joined by newline are the answer; without any output the run goes on."""
    tools = ScriptedTools(t={"stdout": "one\n"}, u={"result": "two"}, e={"ok": True})
    calls = asks(("t", {}), ("e", {}), ("u", {}))
    result = agent(ScriptedModel(calls), tools, stop_on_tool_success=True)
    assert (result.stopped_reason, result.final_answer) == ("success", "one\ntwo")
    result = agent(ScriptedModel(asks(("e", {})), says("fin")), tools, stop_on_tool_success=True)
    assert result.final_answer == "fin"


def test_one_failure_prevents_the_early_stop() -> None:
    """A failed or refused call among successful ones is repaired, not overlooked."""
    for other in ("bad", "unlisted"):
        model = ScriptedModel(asks(("t", {}), (other, {})), says("fin"))
        result = agent(model, ScriptedTools(t=OK, bad=FAILED), stop_on_tool_success=True)
        assert result.final_answer == "fin"
        assert "Observation from last tool run (preview):" in texts(result.messages, "assistant")[-2]


def test_repair_message_stands_last_and_asks_for_a_fix() -> None:
    """After a failure the model sees the records, errors first, as the last message; without repair, nothing."""
    model = ScriptedModel(asks(("t", {}), ("bad", {})), says("fin"))
    agent(model, ScriptedTools(t=OK, bad=FAILED))
    seen = model.requests[1].messages[-1]
    lines = seen["content"].split("\n")
    assert seen["role"] == "assistant"
    assert lines[0] == "Observation from last tool run (preview):"
    assert json.loads(lines[1])[0] == {"error": "boom", "stderr": "trace", "tool": "bad", "ok": False}
    assert "fix" in lines[2]
    assert "retry" in lines[2]
    model = ScriptedModel(asks(("bad", {})), says("fin"))
    agent(model, ScriptedTools(bad=FAILED), enable_repair=False)
    assert model.requests[1].messages[-1]["role"] == "tool"


_texts = st.text(max_size=3000)


@PROPERTY
@given(st.lists(st.tuples(st.booleans(), _texts, _texts, _texts), min_size=1, max_size=40))
def test_preview_is_short_json_with_failures_first(rows: list[tuple[bool, str, str, str]]) -> None:
    """A preview is a JSON array of at most 1000 characters that starts with a failure if there is one."""
    records = [_record({"ok": ok, "error": error, "stderr": err, "result": out}) for ok, error, err, out in rows]
    text = preview(records)
    assert len(text) <= 1000
    entries = json.loads(text)
    assert entries
    assert entries[0]["ok"] is all(row[0] for row in rows)


def test_exhausted_turns_after_success_are_a_success() -> None:
    """If the last turn ran tools and all were ok, their text is the answer, "" without output; a failure is none."""
    for answer, wanted in ((OK, "r"), ({"ok": True}, "")):
        result = agent(ScriptedModel(asks(("t", {}), ("t", {}))), ScriptedTools(t=answer), max_iterations=1)
        assert (result.stopped_reason, result.final_answer) == ("success", "r\nr" if wanted else "")
    result = agent(ScriptedModel(asks(("t", {}))), ScriptedTools(t=FAILED), max_iterations=1)
    assert (result.stopped_reason, result.final_answer) == ("max_iterations", None)
    model = ScriptedModel(asks(("t", {})), asks(("unlisted", {})))
    assert agent(model, ScriptedTools(t=OK), max_iterations=2).stopped_reason == "max_iterations"


def test_auto_run_executes_the_first_block_and_ends_with_its_output() -> None:
    """The block becomes a recorded call `auto_codeblock_0`, and its output is the answer."""
    tools = ScriptedTools(exec_python={"stdout": "2\n"})
    result = agent(ScriptedModel(says("Run:\n```python\nprint(2)\n```")), tools, auto_run_code_on_code_block=True)
    assert (result.stopped_reason, result.final_answer) == ("success", "2")
    call = result.messages[1]["tool_calls"][0]
    assert (call["id"], call["function"]["name"]) == ("auto_codeblock_0", "exec_python")
    assert json.loads(call["function"]["arguments"]) == {"code": "print(2)"}
    assert result.messages[1]["content"].startswith("Run:")
    assert answered_once(result.messages)


def test_auto_run_ids_count_up_and_a_failure_is_repaired() -> None:
    """A failing block is repaired; the next one is `auto_codeblock_1`, past ids the conversation already has."""
    block = says("```\n1/0\n```")
    tools = ScriptedTools(exec_python=FAILED)
    result = agent(ScriptedModel(block, block, says("fin")), tools, auto_run_code_on_code_block=True)
    assert list(tool_messages(result.messages)) == ["auto_codeblock_0", "auto_codeblock_1"]
    earlier = [{"role": "user", "content": "go"}, asks(("exec_python", {}, "auto_codeblock_0"))]
    earlier.append({"role": "tool", "tool_call_id": "auto_codeblock_0", "content": "r"})
    result = agent(ScriptedModel(block, says("fin")), tools, earlier, auto_run_code_on_code_block=True)
    assert list(tool_messages(result.messages)) == ["auto_codeblock_0", "auto_codeblock_1"]


def test_auto_run_of_another_language_calls_exec_code() -> None:
    """A foreign block goes to `exec_code` with its language, never to Python."""
    tools = ScriptedTools(exec_python=OK, exec_code={"ok": False, "error": "unsupported language: rust"})
    agent(ScriptedModel(says("```rust\nfn\n```"), says("fin")), tools, auto_run_code_on_code_block=True)
    assert tools.names == ["exec_code"]
    assert json.loads(tools.calls[0]["function"]["arguments"]) == {"language": "rust", "code": "fn"}


def test_auto_run_never_runs_an_unlisted_tool() -> None:
    """Where the backend does not list the tool, and without auto-run, a block is just text."""
    block = "```python\n1\n```"
    assert agent(ScriptedModel(says(block)), auto_run_code_on_code_block=True).final_answer == block
    tools = ScriptedTools(exec_python=OK)
    assert agent(ScriptedModel(says(block)), tools).final_answer == block
    assert not tools.calls


def test_auto_run_steps_in_beside_refused_calls_only() -> None:
    """A refused call does not prevent the block; an executable one does."""
    tools = ScriptedTools(exec_python=OK, t=OK)
    block = "```python\n1\n```"
    result = agent(
        ScriptedModel(asks(("no", {}, "a"), content=block), says("fin")), tools, auto_run_code_on_code_block=True
    )
    assert tools.names == ["exec_python"]
    assert answered_once(result.messages)
    agent(ScriptedModel(asks(("t", {}), content=block), says("fin")), tools, auto_run_code_on_code_block=True)
    assert tools.names == ["exec_python", "t"]


_names = st.sampled_from(["t", "T", "bad", "raises", "unlisted", "python", "code", ""])
_answers = st.one_of(
    st.lists(st.tuples(_names, st.sampled_from(["{}", "x", '{"code": "1"}']), st.sampled_from("abc")), max_size=5).map(
        lambda calls: asks(*calls) if calls else says("")
    ),
    st.sampled_from(["", "text", "```python\n1\n```", "not sure", "budget exceeded"]).map(says),
)


@PROPERTY
@given(
    st.lists(_answers, min_size=1, max_size=6),
    st.integers(0, 6),
    st.integers(0, 3),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
)
def test_every_run_keeps_the_invariants(
    answers: list[Any], turns: int, limit: int, concurrency: int, auto_run: bool, escalate: bool
) -> None:
    """Whatever the model does: one reply per call id in call order, and as many iterations as model calls."""
    model = ScriptedModel(*answers, says("fin"), repeat=True)
    result = agent(
        model,
        ScriptedTools(t=OK, bad=FAILED, raises=RuntimeError("x"), exec_python=OK),
        max_iterations=turns,
        max_tools_per_iter=limit,
        tool_concurrency=concurrency,
        auto_run_code_on_code_block=auto_run,
        research_on_unsure=True,
        escalate_on_budget_exceeded=escalate,
        escalate_model="big",
    )
    assert answered_once(result.messages)
    assert result.metrics.iterations == len(result.iterations) == len(model.requests)
    assert all(answered_once(request.messages) for request in model.requests)
    issued = [request for request in model.requests if request.model == "big"]
    assert len(issued) == int(result.metrics.escalated)
    assert (result.final_answer is None) == (result.stopped_reason != "success")


def test_output_text_is_not_cut() -> None:
    """Answers made of outputs are whole, only tool messages are shortened."""
    assert len(output_text(_record({"stdout": "x" * 20000}))) == 20000

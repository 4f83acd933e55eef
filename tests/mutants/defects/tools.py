"""Tool calls that are lost, cut, mixed up or not allowed; results that nobody reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mutants.change import choice_of, drop, drop_events, edit, in_events, kind_of, put_events, renumbered, without
from mutants.healthy import SPOKEN
from mutants.mutant import Exchange, Mutant, Prompt, RefusedError, Seams, Sent, Thought
from mutants.speaking import bad

CHAT, MESSAGES, RESPONSES = ("chat",), ("messages",), ("responses",)
CALL = "choices.0.message.tool_calls.0"
ARGUMENTS = (f"{CALL}.function.arguments", "output.0.arguments")
ONE_CALL = tuple[str, str, dict[str, Any]]


def calls(change: Callable[[ONE_CALL], ONE_CALL], where: Callable[[Exchange], bool] = lambda _x: True) -> Seams:
    """Return a gateway whose calls are others."""

    def seam(thought: Thought, x: Exchange) -> Thought:
        return thought.but(calls=tuple(map(change, thought.calls))) if where(x) else thought

    return Seams(thought=seam)


def _other_tool(prompt: Prompt, _x: Exchange) -> Prompt:
    names = [name for name, _ in prompt.tools if name != prompt.choice]
    return replace(prompt, choice=names[0]) if prompt.choice not in ("auto", "none", "required") and names else prompt


def _without_tools(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, tools=())


def _auto_without(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, tools=()) if prompt.choice == "auto" else prompt


def _must(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, choice="required") if prompt.choice == "none" else prompt


def _as_stop(where: Callable[[Exchange], bool]) -> Seams:
    return Seams(thought=lambda t, x: t.but(ended="stop") if t.calls and where(x) else t)


def _as_text(where: Callable[[Exchange], bool]) -> Seams:
    """The model's own notation of a call reaches the client as text, since nobody has parsed it."""

    def seam(thought: Thought, x: Exchange) -> Thought:
        if not thought.calls or not where(x):
            return thought
        _, name, arguments = thought.calls[0]
        return thought.but(text=f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>",
                           calls=(), ended="stop")  # fmt: skip

    return Seams(thought=seam)


def _first_call(thought: Thought, _x: Exchange) -> Thought:
    return thought.but(calls=thought.calls[:1])


def _doubled(thought: Thought, _x: Exchange) -> Thought:
    return thought.but(calls=(*thought.calls, *thought.calls))


def _streams(x: Exchange) -> bool:
    return x.streams


def _no_role(body: Any, _x: Exchange) -> Any:
    message = body["choices"][0]["message"]
    kept = {name: value for name, value in message.items() if name != "role" or "tool_calls" not in message}
    return {**body, "choices": [{**body["choices"][0], "message": kept}]}


# Streams


def _piece(event: Sent) -> str | None:
    """Return the piece of arguments that an event has; None for another event."""
    if kind_of(event) == "response.function_call_arguments.delta":
        return str(event.data["delta"])
    if kind_of(event) == "content_block_delta":
        return event.data["delta"].get("partial_json")  # type: ignore[no-any-return]
    for call in choice_of(event).get("delta", {}).get("tool_calls") or ():
        if "id" not in call:
            return str(call["function"]["arguments"])
    return None


def _pieces(change: Callable[[list[Sent]], list[Sent]]) -> Seams:
    """Change the run of pieces of each call."""

    def seam(events: list[Sent], _x: Exchange) -> list[Sent]:
        out: list[Sent] = []
        run: list[Sent] = []
        for event in events:
            if _piece(event) is not None:
                run.append(event)
                continue
            out, run = [*out, *(change(run) if run else []), event], []
        return renumbered(out)

    return Seams(events=seam)


def _no_calls(events: list[Sent], _x: Exchange) -> list[Sent]:
    """Events of calls are not passed on."""
    lost = ("tool_use", "function_call")
    kept, dropped = [], set()
    for event in events:
        data = event.data if isinstance(event.data, dict) else {}
        item = data.get("content_block") or data.get("item") or {}
        if item.get("type") in lost:
            dropped.add(data.get("index", data.get("output_index")))
        at = data.get("index", data.get("output_index"))
        in_chat = choice_of(event).get("delta", {}).get("tool_calls")
        if not in_chat and (at is None or at not in dropped):
            kept.append(event)
    return renumbered(kept)


def _named_again(call: Any) -> Any:
    return {**call, "function": {"name": "get_weather", **call["function"]}}


def _late_id(events: list[Sent], x: Exchange) -> list[Sent]:
    """The id of a call comes with its second piece."""
    late = drop_events("choices.0.delta.tool_calls.0.id").events
    return late(events, x)


def _filled_at_once(block: Any) -> Any:
    return {"city": "Rome"} if block == {} else block


def _done_otherwise(event: Sent) -> Sent:
    if kind_of(event) != "response.function_call_arguments.done":
        return event
    return Sent({**event.data, "arguments": "{}"}, event.name)


# Results


def _answers_result(x: Exchange) -> bool:
    return any(sign in x.raw for sign in (b'"tool_call_id"', b'"tool_result"', b'"function_call_output"'))


def _speechless(thought: Thought, x: Exchange) -> Thought:
    return thought.but(text="") if _answers_result(x) else thought


def _refuses_results(least: int) -> Seams:
    """Refuse a conversation with so many results."""

    def seam(refusal: RefusedError | None, x: Exchange) -> RefusedError | None:
        count = sum(x.raw.count(sign) for sign in (b'"tool_call_id"', b'"tool_result"', b'"function_call_output"'))
        return bad("unexpected role: tool") if x.dialect in SPOKEN and count >= least else refusal

    return Seams(refused=seam)


def _one_result(prompt: Prompt, _x: Exchange) -> Prompt:
    results = [turn for turn in prompt.turns if turn.role == "tool"]
    return replace(prompt, turns=tuple(turn for turn in prompt.turns if turn not in results[1:]))


def _dropped_results(prompt: Prompt, _x: Exchange) -> Prompt:
    return replace(prompt, turns=tuple(replace(t, text="") if t.role == "tool" else t for t in prompt.turns))


def _breaks(refusal: RefusedError | None, x: Exchange) -> RefusedError | None:
    return RefusedError(500, "api_error", "JSONDecodeError") if b"{broken" in x.raw else refusal


def _nameless(x: Exchange) -> bool:
    tools = x.body.get("tools") if isinstance(x.body, dict) else None
    return bool(tools) and not (tools[0].get("function") or tools[0]).get("name")


def _nameless_as(refused: RefusedError | None) -> Seams:
    return Seams(refused=lambda refusal, x: refused if _nameless(x) else refusal)


TOOL_MUTANTS = (
    Mutant("another tool is called than was forced", "tools.forced", Seams(prompt=_other_tool)),
    Mutant("tools are never called", "tools.required", Seams(prompt=_without_tools)),
    Mutant("calls as the model's own notation in text", "tools.required", _as_text(lambda _x: True)),
    Mutant("reason of the end is `stop` after a call", "tools.required", _as_stop(lambda x: not x.streams),
           ("chat", "messages")),
    Mutant("call without an id", "tools.required", calls(lambda c: ("", *c[1:]))),
    Mutant("call without its arguments", "tools.required", calls(lambda c: (c[0], c[1], {}))),
    Mutant("arguments are encoded twice", "tools.required", edit(json.dumps, *ARGUMENTS), ("chat", "responses")),
    Mutant("arguments are cut", "tools.required", edit(lambda text: text[:-4], *ARGUMENTS), ("chat", "responses")),
    Mutant("arguments as Python prints them", "tools.required",
           edit(lambda text: str(json.loads(text)), *ARGUMENTS), ("chat", "responses")),
    Mutant("name of a tool has a prefix", "tools.required", calls(lambda c: (c[0], f"functions.{c[1]}", c[2]))),
    Mutant("a tool is called although none may be", "tools.none", Seams(prompt=_must)),
    Mutant("arguments are an object and no text", "tools.form", edit(json.loads, *ARGUMENTS), ("chat", "responses")),
    Mutant("input of a tool is text and no object", "tools.form", edit(json.dumps, "content.0.input"), MESSAGES),
    Mutant("call without a type", "tools.form", drop(f"{CALL}.type"), CHAT),
    Mutant("message with calls has no role", "tools.form", Seams(body=_no_role), CHAT),
    Mutant("function_call without an id of its own", "tools.form", drop("output.0.id"), RESPONSES),
    Mutant("function_call is in progress at its end", "tools.form",
           edit(lambda _old: "in_progress", "output.0.status"), RESPONSES),
    Mutant("arguments are of another question", "tools.values", calls(lambda c: (c[0], c[1], {"city": "Atlantis"}))),
    Mutant("only the first of several calls", "tools.parallel", Seams(thought=_first_call)),
    Mutant("every call twice", "tools.parallel", Seams(thought=_doubled)),
    Mutant("several calls with one id", "tools.parallel", calls(lambda c: ("call_0", *c[1:]))),
)  # fmt: skip

STREAM_MUTANTS = (
    Mutant("every call of a stream has index 0", "tools.parallel_stream",
           put_events(0, "choices.0.delta.tool_calls.0.index", "output_index"), ("chat", "responses")),
    Mutant("every block of a stream has index 0", "tools.parallel_stream", put_events(0, "index"), MESSAGES),
    Mutant("several calls of a stream with one id", "tools.parallel_stream",
           calls(lambda c: ("call_0", *c[1:]), _streams)),
    Mutant("arguments of a stream are cut", "tools.stream", _pieces(lambda run: run[:-1])),
    Mutant("pieces of arguments come twice", "tools.stream", _pieces(lambda run: [*run, *run])),
    Mutant("pieces of arguments come in another order", "tools.stream", _pieces(lambda run: run[::-1])),
    Mutant("first piece of arguments is lost", "tools.stream", _pieces(lambda run: run[1:])),
    Mutant("calls of a stream are lost", "tools.stream", Seams(events=_no_calls)),
    Mutant("calls of a stream as the model's own notation", "tools.stream", _as_text(_streams)),
    Mutant("reason of a stream's end is `stop` after a call", "tools.stream_reason", _as_stop(_streams),
           ("chat", "messages")),
    Mutant("response is in progress at the end of its calls", "tools.stream_reason",
           put_events("in_progress", "response.status"), RESPONSES),
    Mutant("every piece of a call repeats its name", "tools.stream_form",
           in_events(_named_again, "choices.0.delta.tool_calls.0"), CHAT),
    Mutant("pieces of a call without an index", "tools.stream_form",
           drop_events("choices.0.delta.tool_calls.0.index"), CHAT),
    Mutant("pieces of a call without an id", "tools.stream_form", Seams(events=_late_id), CHAT),
    Mutant("calls begin with index 1", "tools.stream_form",
           in_events(lambda index: index + 1, "choices.0.delta.tool_calls.0.index"), CHAT),
    Mutant("tool_use begins with its whole input", "tools.stream_form",
           in_events(_filled_at_once, "content_block.input"), MESSAGES),
    Mutant("deltas of an input have the type of text", "tools.stream_form",
           in_events(lambda kind: "text_delta" if kind == "input_json_delta" else kind, "delta.type"), MESSAGES),
    Mutant("no function_call_arguments.done", "tools.stream_form",
           without("response.function_call_arguments.done"), RESPONSES),
    Mutant("function_call_arguments.done with other arguments", "tools.stream_form",
           Seams(events=lambda events, _x: [_done_otherwise(event) for event in events]), RESPONSES),
)  # fmt: skip

RESULT_MUTANTS = (
    Mutant("answer to a result is empty", "tools.result", Seams(thought=_speechless)),
    Mutant("results of tools are refused", "tools.result", _refuses_results(1)),
    Mutant("several results are refused", "tools.results", _refuses_results(2)),
    Mutant("only the first result is read", "tools.used", Seams(prompt=_one_result)),
    Mutant("results of tools are dropped", "tools.counted", Seams(prompt=_dropped_results)),
    Mutant("definitions of tools are dropped", "tools.offered", Seams(prompt=_auto_without)),
    Mutant("bad arguments in the history break the server", "tools.bad_arguments", Seams(refused=_breaks)),
    Mutant("tool without a name is taken", "tools.bad_tool", _nameless_as(None)),
    Mutant("tool without a name breaks the server", "tools.bad_tool",
           _nameless_as(RefusedError(500, "api_error", "KeyError: 'name'"))),
)  # fmt: skip

MUTANTS = (*TOOL_MUTANTS, *STREAM_MUTANTS, *RESULT_MUTANTS)

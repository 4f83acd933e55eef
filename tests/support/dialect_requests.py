"""The same requests in the words of each dialect, and what must be found of them in a provider's body.

Written from the protocols' documentation, not from the gateway's code, so that the two can disagree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mini_agent.dialects import Dialect
from mini_agent.dialects.parameters import DROPS, known

CHAT, MESSAGES, RESPONSES = "openai_chat", "anthropic_messages", "openai_responses"
PNG = "iVBORw0KGgo="
PDF = "JVBERi0xLjQ="
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}

Body = dict[str, Any]
Fact = tuple[Any, ...]


def _ask(dialect: str, *turns: Any, **parameters: Any) -> Body:
    """Return a request of these turns, the least that the dialect takes."""
    conversation = "input" if dialect == RESPONSES else "messages"
    least = {"max_tokens": 100} if dialect == MESSAGES else {}
    return {"model": "m", **least, conversation: list(turns), **parameters}


def _user(*content: Any) -> Body:
    return {
        "role": "user",
        "content": content[0] if len(content) == 1 and isinstance(content[0], str) else list(content),
    }


def _text(dialect: str, text: str) -> Body:
    return {"type": "input_text" if dialect == RESPONSES else "text", "text": text}


def _image(dialect: str, url: str) -> Body:
    if dialect == CHAT:
        return {"type": "image_url", "image_url": {"url": url}}
    if dialect == RESPONSES:
        return {"type": "input_image", "image_url": url, "detail": "auto"}
    if url.startswith("data:"):
        head, data = url.removeprefix("data:").split(";base64,")
        return {"type": "image", "source": {"type": "base64", "media_type": head, "data": data}}
    return {"type": "image", "source": {"type": "url", "url": url}}


def _document(dialect: str) -> Body:
    if dialect == MESSAGES:
        source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
        return {"type": "document", "source": source, "title": "report.pdf"}
    file = {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "report.pdf"}
    return {"type": "file", "file": file} if dialect == CHAT else {"type": "input_file", **file}


def _tool(dialect: str, name: str = "look", schema: Mapping[str, Any] = SCHEMA) -> Body:
    described = {"name": name, "description": "Looks."}
    if dialect == CHAT:
        return {"type": "function", "function": {**described, "parameters": schema}}
    if dialect == MESSAGES:
        return {**described, "input_schema": schema}
    return {"type": "function", **described, "parameters": schema, "strict": False}


def _calls(dialect: str) -> list[Body]:
    """Return a turn in which the model calls twice, and says so."""
    calls = [("call_1", {"city": "Bern"}), ("call_2", {"city": "Genf"})]
    if dialect == CHAT:
        said = [
            {"id": call_id, "type": "function", "function": {"name": "look", "arguments": json.dumps(arguments)}}
            for call_id, arguments in calls
        ]
        return [{"role": "assistant", "content": "I look.", "tool_calls": said}]
    if dialect == MESSAGES:
        blocks = [{"type": "tool_use", "id": call_id, "name": "look", "input": given} for call_id, given in calls]
        return [{"role": "assistant", "content": [{"type": "text", "text": "I look."}, *blocks]}]
    return [
        {"role": "assistant", "content": "I look."},
        *(
            {"type": "function_call", "call_id": call_id, "name": "look", "arguments": json.dumps(given)}
            for call_id, given in calls
        ),
    ]


def _results(dialect: str, first: Any, second: Any, *, error: bool = False) -> list[Body]:
    if dialect == CHAT:
        pairs = (("call_1", first), ("call_2", second))
        return [{"role": "tool", "tool_call_id": call_id, "content": content} for call_id, content in pairs]
    if dialect == RESPONSES:
        pairs = (("call_1", first), ("call_2", second))
        return [{"type": "function_call_output", "call_id": call_id, "output": output} for call_id, output in pairs]
    failed = {"is_error": True} if error else {}
    blocks = [
        {"type": "tool_result", "tool_use_id": "call_1", "content": first},
        {"type": "tool_result", "tool_use_id": "call_2", "content": second, **failed},
    ]
    return [{"role": "user", "content": blocks}]


def _system(dialect: str) -> Body:
    body = _ask(dialect, _user("hi"))
    if dialect == CHAT:
        body["messages"].insert(0, {"role": "system", "content": "Be brief."})
    else:
        body["system" if dialect == MESSAGES else "instructions"] = "Be brief."
    return body


def _system_parts(dialect: str) -> Body:
    body = _ask(dialect, _user("hi"))
    parts = [_text(dialect, "Be brief."), _text(dialect, "Be kind.")]
    if dialect == MESSAGES:
        body["system"] = parts
    else:
        body["messages" if dialect == CHAT else "input"].insert(0, {"role": "system", "content": parts})
    return body


def _system_inside(dialect: str) -> Body:
    body = _ask(dialect, _user("hi"), {"role": "assistant", "content": "hello"})
    role = "system" if dialect == MESSAGES else "developer"
    body["input" if dialect == RESPONSES else "messages"] += [{"role": role, "content": "Now rhyme."}, _user("go")]
    return body


def _choice(dialect: str, kind: str) -> Any:
    if dialect == MESSAGES:
        return {"tool": {"type": "tool", "name": "look"}, "required": {"type": "any"}}.get(kind, {"type": kind})
    if kind == "tool":
        return {"type": "function", **({"function": {"name": "look"}} if dialect == CHAT else {"name": "look"})}
    return kind


def _choosing(kind: str) -> Callable[[str], Body]:
    return lambda dialect: _ask(dialect, _user("hi"), tools=[_tool(dialect)], tool_choice=_choice(dialect, kind))


def _serial(dialect: str) -> Body:
    body = _ask(dialect, _user("hi"), tools=[_tool(dialect)])
    if dialect == MESSAGES:
        return {**body, "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
    return {**body, "parallel_tool_calls": False}


def _structured(dialect: str) -> Body:
    body = _ask(dialect, _user("hi"))
    named = {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}
    if dialect == RESPONSES:
        return {**body, "text": {"format": named}}
    if dialect == MESSAGES:
        return {**body, "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
    return {**body, "response_format": {"type": named.pop("type"), "json_schema": named}}


def _effort(dialect: str) -> Body:
    body = _ask(dialect, _user("hi"))
    if dialect == RESPONSES:
        return {**body, "reasoning": {"effort": "low"}}
    return {**body, **({"output_config": {"effort": "low"}} if dialect == MESSAGES else {"reasoning_effort": "low"})}


def _limits(dialect: str) -> Body:
    names = {CHAT: "max_completion_tokens", MESSAGES: "max_tokens", RESPONSES: "max_output_tokens"}
    return {**_ask(dialect, _user("hi"), temperature=0.5, top_p=0.25), names[dialect]: 77}


def _end_user(dialect: str) -> Body:
    return _ask(dialect, _user("hi"), **({"metadata": {"user_id": "u-1"}} if dialect == MESSAGES else {"user": "u-1"}))


def _looking(dialect: str, *results: Any, **options: Any) -> Body:
    answers = _results(dialect, *results, **options)
    return _ask(dialect, _user("where?"), *_calls(dialect), *answers, _user("go on"), tools=[_tool(dialect)])


def _result_image(dialect: str) -> Body:
    image = [_text(dialect, "a map"), _image(dialect, f"data:image/png;base64,{PNG}")]
    # Chat's results have no images: there a caller shows them in a message of the user's.
    if dialect == CHAT:
        body = _looking(dialect, "it rains", "a map")
        body["messages"][-1] = _user(*image)
        return body
    return _looking(dialect, "it rains", image)


REQUESTS: dict[str, Callable[[str], Body]] = {
    "plain": lambda dialect: _ask(dialect, _user("hi")),
    "conversation": lambda dialect: _ask(
        dialect,
        _user("hi"),
        {"role": "assistant", "content": "hello"},
        _user(_text(dialect, "and"), _text(dialect, "so")),
    ),
    "system": _system,
    "system-parts": _system_parts,
    "system-inside": _system_inside,
    "image": lambda dialect: _ask(
        dialect, _user(_text(dialect, "see"), _image(dialect, f"data:image/png;base64,{PNG}"))
    ),
    "image-address": lambda dialect: _ask(
        dialect, _user(_text(dialect, "see"), _image(dialect, "https://example.org/a.png"))
    ),
    "document": lambda dialect: _ask(dialect, _user(_text(dialect, "read"), _document(dialect))),
    "tools": lambda dialect: _ask(dialect, _user("hi"), tools=[_tool(dialect), _tool(dialect, "other")]),
    "choice-auto": _choosing("auto"),
    "choice-none": _choosing("none"),
    "choice-any": _choosing("required"),
    "choice-forced": _choosing("tool"),
    "serial-tools": _serial,
    "results": lambda dialect: _looking(dialect, "it rains", "it snows"),
    "failed-result": lambda dialect: _looking(dialect, "it rains", "error: no such place", error=True),
    "result-image": _result_image,
    "structured": _structured,
    "effort": _effort,
    "limits": _limits,
    "end-user": _end_user,
    "stream": lambda dialect: _ask(dialect, _user("hi"), stream=True),
}

_RESULTS: list[Fact] = [("user", "where?"), ("assistant", "I look."), ("call", "call_1", "look", {"city": "Bern"})]
_RESULTS += [("call", "call_2", "look", {"city": "Genf"}), ("result", "call_1", "it rains"), ("tool", "look", SCHEMA)]
#: What each of them asks for.
TOPICS: dict[str, list[Fact]] = {
    "plain": [("user", "hi")],
    "conversation": [("user", "hi"), ("assistant", "hello"), ("user", "and"), ("user", "so")],
    "system": [("system", "Be brief."), ("user", "hi")],
    "system-parts": [("system", "Be brief."), ("system", "Be kind."), ("user", "hi")],
    "system-inside": [("order", "hi", "hello", "Now rhyme.", "go")],
    "image": [("user", "see"), ("image", f"data:image/png;base64,{PNG}")],
    "image-address": [("user", "see"), ("image", "https://example.org/a.png")],
    "document": [("user", "read"), ("document", f"data:application/pdf;base64,{PDF}", "report.pdf")],
    "tools": [("tool", "look", SCHEMA), ("tool", "other", SCHEMA)],
    "choice-auto": [("choice", "auto"), ("tool", "look", SCHEMA)],
    "choice-none": [("choice", "none")],
    "choice-any": [("choice", "required")],
    "choice-forced": [("choice", "tool")],
    "serial-tools": [("serial",)],
    "results": [*_RESULTS, ("result", "call_2", "it snows"), ("user", "go on")],
    "failed-result": [*_RESULTS, ("result", "call_2", "error: no such place")],
    "result-image": [*_RESULTS, ("image", f"data:image/png;base64,{PNG}")],
    "structured": [("schema", SCHEMA)],
    "effort": [("effort", "low")],
    "limits": [("limits", 77, 0.5, 0.25)],
    "end-user": [("end-user", "u-1")],
    "stream": [("stream",)],
}


def says(dialect: str, fact: Fact, body: Body) -> bool:
    """Return whether a provider's body says something."""
    kind, *rest = fact
    match kind:
        case "user" | "assistant" | "system":
            return (kind, rest[0]) in list(_said(dialect, body))
        case "order":
            texts = [text for _, text in _said(dialect, body)]
            return texts == rest
        case "image" | "document" | "call" | "result":
            return fact in list(_things(dialect, body))
        case "tool":
            return _tool(dialect, *rest) in body["tools"]
        case "choice":
            return bool(body["tool_choice"] == _choice(dialect, rest[0]))
        case _:
            return all(_member(body, path) == value for path, value in _members(dialect, kind, rest))


def _member(body: Body, path: str) -> Any:
    value: Any = body
    for name in path.split("."):
        value = value.get(name, {})
    return value


def _members(dialect: str, kind: str, rest: list[Any]) -> Iterable[tuple[str, Any]]:
    match kind:
        case "serial":
            name = "tool_choice.disable_parallel_tool_use" if dialect == MESSAGES else "parallel_tool_calls"
            yield name, dialect == MESSAGES
        case "schema":
            names = {CHAT: "response_format.json_schema", MESSAGES: "output_config.format", RESPONSES: "text.format"}
            yield f"{names[dialect]}.schema", rest[0]
        case "effort":
            names = {CHAT: "reasoning_effort", MESSAGES: "output_config.effort", RESPONSES: "reasoning.effort"}
            yield names[dialect], rest[0]
        case "limits":
            names = {CHAT: "max_completion_tokens", MESSAGES: "max_tokens", RESPONSES: "max_output_tokens"}
            yield from zip((names[dialect], "temperature", "top_p"), rest, strict=True)
        case "end-user":
            yield "metadata.user_id" if dialect == MESSAGES else "user", rest[0]
        case "stream":
            yield "stream", True


def _turns(dialect: str, body: Body) -> Iterable[tuple[str, Any]]:
    """Yield role and content of each message, system prompts first."""
    if "system" in body:
        yield "system", body["system"]
    if "instructions" in body:
        yield "system", body["instructions"]
    for turn in body["input" if dialect == RESPONSES else "messages"]:
        if "role" in turn:
            yield turn["role"], turn["content"]


def _said(dialect: str, body: Body) -> Iterable[tuple[str, str]]:
    for role, content in _turns(dialect, body):
        parts = [{"text": content}] if isinstance(content, str) else content or []
        yield from ((role, part["text"]) for part in parts if "text" in part)


def _things(dialect: str, body: Body) -> Iterable[Fact]:
    """Yield images, documents, calls and results, wherever they stand."""
    for part in _walk(body):
        match part.get("type"):
            case "image_url":
                yield "image", part["image_url"]["url"]
            case "input_image":
                yield "image", part["image_url"]
            case "image" | "document" as kind:
                source = part["source"]
                url = source.get("url") or f"data:{source['media_type']};base64,{source['data']}"
                yield (kind, url) if kind == "image" else (kind, url, part["title"])
            case "file":
                yield "document", part["file"]["file_data"], part["file"]["filename"]
            case "input_file":
                yield "document", part["file_data"], part["filename"]
            case "function" if "id" in part:
                yield "call", part["id"], part["function"]["name"], json.loads(part["function"]["arguments"])
            case "tool_use":
                yield "call", part["id"], part["name"], part["input"]
            case "function_call":
                yield "call", part["call_id"], part["name"], json.loads(part["arguments"])
            case "tool_result":
                yield "result", part["tool_use_id"], part["content"]
            case "function_call_output":
                yield "result", part["call_id"], part["output"]
        if part.get("role") == "tool":
            yield "result", part["tool_call_id"], part["content"]


def _walk(value: Any) -> Iterable[Body]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from _walk(item)


def is_explained(name: str, dialect: str) -> bool:
    """Return whether a name among what was dropped has a rule: a parameter, a member or one of the listed."""
    top = name.partition(".")[0]
    return name in DROPS or top in known(Dialect(dialect))

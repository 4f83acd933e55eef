"""The page of `/agent/run`: its fields, backends, answers and errors, from where they are declared."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import msgspec

from mini_agent.agent.values import AgentConfig
from mini_agent.api.openapi_schemas import schemas
from mini_agent.runs.agent_body import AgentBody

HEAD = """\
# `POST /agent/run`

A run asks a model, executes the tools that it calls, tells it what came of them, and asks again, until it answers
without a tool or a limit is reached. A test runs every command of this page as it stands, against a gateway that was
started so:

```sh
MINI_AGENT_ALLOW_DUMMY=1 mini-agent serve
```

```sh
curl -sS "$BASE/agent/run" \\
  -H "content-type: application/json" \\
  -d '{"model": "dummy", "messages": [{"role": "user", "content": "What is the capital of France?"}]}'
```

```json
{
  "ok": true, "final_answer": "Paris", "stopped_reason": "success",
  "metrics": {"iterations": 1, "used_model": "dummy", "simulated": true}
}
```

With a master key, `Authorization: Bearer <key>` belongs to it, as in chat; users are told apart and memory is added
as in chat, too. A client that goes away ends its run.

## Fields

Other fields are ignored, `api_base` and `base_url` among them. Null means the default.
"""

BACKENDS = """\
## Backends

| `tool_backend` | what runs the tools |
|---|---|
| `local` | code and allowed commands, in a sandbox on this machine (`MINI_AGENT_LOCAL_TOOLS`) |
| `http` | the host at `tool_http_base_url`: `GET /tools` lists them, `POST /invoke` runs one; without a list, none |
| `docker` | the container `LITELLM_MINI_AGENT_DOCKER_CONTAINER`; 400 without one |
| `mcp` | the configured MCP servers; 400 without any |
| `echo` | nothing: one model call without tools, `iterations` 0 |
"""

ANSWER = """\
## The answer

200 with a JSON object:
"""

RESULT = {
    "ok": "true",
    "final_answer": "the last answer of the model, or what the last tool printed when it said nothing; may be null",
    "stopped_reason": "why it ended: `success`, `budget` or `max_iterations`",
    "messages": "the whole conversation, calls and results of tools included",
    "metrics": "the counts below",
    "last_tool_invocation": "the last tool call that succeeded; absent without one",
    "metrics.iterations": "model calls",
    "metrics.ttotal_ms": "milliseconds of the whole run",
    "metrics.escalated": "whether `escalate_model` was asked",
    "metrics.used_model": "the model that gave the answer",
    "metrics.simulated": "whether any answer was scripted",
}

STREAM = """\
## The stream

With `stream: true` the run tells of itself while it goes on, as server-sent events. The last one, `result`, is the
answer above.

| event | members |
|---|---|
| `turn.started` | a model has begun to answer: `turn` from 1, `model` |
| `text.delta` | a piece of its text: `turn`, `delta` |
| `turn.completed` | all that it said: `turn`, `message` with `content` and `tool_calls` |
| `tool.started` | a tool runs: `turn`, `id`, `name`, `arguments` |
| `tool.completed` | what it gave: `turn`, `id`, `name`, `result` |
| `result` | the answer, as without `stream` |
| `error` | the run failed after it had begun: `error`, the envelope below. Nothing follows |
"""

ERRORS = """\
## Errors

The gateway's envelope, `{"error": {"message", "type", "code", "request_id"}}`; a 400 carries `detail`, too, with the
same message.

| what | status, code |
|---|---|
| a field is missing or wrong | 422 `missing_parameter`, `invalid_parameter`, with `param` |
| an unknown backend, or a lack of its | 400 `invalid_parameter`, `missing_parameter`, `provider_not_configured` |
| a model that nobody has | 404 `model_not_found`; 400 `provider_not_configured` without a model list |
| the provider fails | as in chat: 429, 502, 503, 504 and so on, never 200 |

```sh
curl -sS "$BASE/agent/run" \\
  -H "content-type: application/json" \\
  -d '{"model": "dummy", "messages": [{"role": "user", "content": "hi"}], "tool_backend": "http"}'
```

```json
{
  "error": {"code": "missing_parameter", "param": "tool_http_base_url"},
  "detail": "tool_http_base_url required for tool_backend=http"
}
```
"""


def kind(schema: dict[str, Any]) -> str:
    """Return the type of a field in a word."""
    kinds = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    names = [str(part.get("type", "text")) for part in kinds]
    return {"string": "text", "integer": "whole number", "boolean": "true, false", "array": "list"}.get(
        names[0], names[0]
    )


def limits(schema: dict[str, Any]) -> str:
    """Return what a number must keep to; empty for no limit."""
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    parts = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    return " ".join(f"{word} {part[key]:g}" for part in parts for key, word in words.items() if key in part)


def default(name: str, required: bool) -> str:
    """Return what a field is where it is not given."""
    if required:
        return "required"
    if name == "tool_backend":
        return "`local`"
    known = {field.name: field.default for field in dataclasses.fields(AgentConfig)}
    value = known.get(name)
    if value is None or value is dataclasses.MISSING:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def fields() -> Iterator[str]:
    """Yield the table of the request's fields."""
    _, components = msgspec.json.schema_components([AgentBody])
    body = components["AgentBody"]
    yield from ("| field | type | default | meaning |", "|---|---|---|---|")
    for name, schema in body["properties"].items():
        told = f"{kind(schema)}, {limits(schema)}" if limits(schema) else kind(schema)
        yield f"| `{name}` | {told} | {default(name, name in body['required'])} | {schema['description']} |"


def answer() -> Iterator[str]:
    """Yield the table of the answer's fields.

    Raises:
        ValueError: the route answers another one, or none of them.
    """
    result = schemas()["AgentResult"]["properties"]
    names = {*result, *(f"metrics.{name}" for name in result["metrics"]["properties"])}
    if names != RESULT.keys():
        raise ValueError(f"/agent/run answers {sorted(names)}, the page tells of {sorted(RESULT)}")
    yield from ("| field | meaning |", "|---|---|", *(f"| `{name}` | {told} |" for name, told in RESULT.items()))


def agent_run() -> str:
    """Return the page."""
    return "\n".join([HEAD, *fields(), "", BACKENDS, ANSWER, *answer(), "", STREAM, ERRORS])

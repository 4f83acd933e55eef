"""Runs of agents, and servers of the Model Context Protocol, that do not keep what they promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mutants.change import drop, edit, put
from mutants.healthy import Exchange, Response
from mutants.mutant import Mutant, RefusedError, Seams, Thought

AGENT, MCP = ("agent",), ("mcp",)


def _canned(thought: Thought, _x: Exchange) -> Thought:
    return thought.but(text="Done.")


def _backend_as(refused: RefusedError | None) -> Seams:
    return Seams(refused=lambda r, x: refused if r is not None and b'"nowhere"' in x.raw else r)


def _method(name: str, change: Callable[[Any], Any]) -> Seams:
    """Change the answer to one method."""

    def seam(body: Any, x: Exchange) -> Any:
        return change(body) if isinstance(x.body, dict) and x.body.get("method", "").startswith(name) else body

    return Seams(body=seam)


def _call(known: bool, result: dict[str, Any]) -> Seams:
    """Change the result of a call; of the tool that is there, or of one that is not."""

    def seam(body: Any, x: Exchange) -> Any:
        params = x.body.get("params") or {} if isinstance(x.body, dict) else {}
        if not isinstance(x.body, dict) or x.body.get("method") != "tools/call" or (params["name"] == "now") != known:
            return body
        return {"jsonrpc": "2.0", "id": body["id"], "result": result}

    return Seams(body=seam)


def _noted(response: Response, x: Exchange) -> Response:
    if response.status == 202:
        return Response.of({"jsonrpc": "2.0", "result": {}})
    return response


def _noted_as_error(response: Response, _x: Exchange) -> Response:
    return (
        Response.of({"jsonrpc": "2.0", "error": {"code": -1, "message": "no"}}, 400)
        if response.status == 202
        else response
    )


def _broken_by_json(response: Response, x: Exchange) -> Response:
    return Response.of({"error": "boom"}, 500) if x.dialect == "mcp" and x.body is None else response


def _tools(change: Callable[[list[dict[str, Any]]], Any]) -> Seams:
    return edit(change, "result.tools")


AGENT_MUTANTS = (
    Mutant("run without `ok`", "agent.shape", drop("ok"), AGENT),
    Mutant("run without an answer", "agent.shape", put(None, "final_answer"), AGENT),
    Mutant("run without a reason", "agent.shape", drop("stopped_reason"), AGENT),
    Mutant("run without figures", "agent.shape", drop("metrics"), AGENT),
    Mutant("run that does not say which model it had", "agent.shape", drop("metrics.used_model"), AGENT),
    Mutant("conversation ends with the user", "agent.shape", edit(lambda m: m[:-1], "messages"), AGENT),
    Mutant("conversation without its question", "agent.whole", edit(lambda m: m[-1:], "messages"), AGENT),
    Mutant("last message is not the answer", "agent.whole", put("something else", "final_answer"), AGENT),
    Mutant("run is simulated", "agent.real", put(True, "metrics.simulated"), AGENT),
    Mutant("every run has the same answer", "agent.differs", Seams(thought=_canned), AGENT),
    Mutant("run makes more turns than it may", "agent.bounded", put(9, "metrics.iterations"), AGENT),
    Mutant("a backend that is not there is taken", "agent.backend", _backend_as(None), AGENT),
    Mutant("a backend that is not there breaks the server", "agent.backend",
           _backend_as(RefusedError(500, "api_error", "KeyError: 'nowhere'")), AGENT),
    Mutant("refusal of a backend names none", "agent.backend",
           _backend_as(RefusedError(400, "invalid_request_error", "bad parameter")), AGENT),
)  # fmt: skip

MCP_MUTANTS = (
    Mutant("session without a version", "mcp.initialize", drop("result.protocolVersion"), MCP),
    Mutant("session without capabilities", "mcp.initialize", drop("result.capabilities"), MCP),
    Mutant("session without a server", "mcp.initialize", drop("result.serverInfo"), MCP),
    Mutant("server without a version", "mcp.initialize", drop("result.serverInfo.version"), MCP),
    Mutant("notification has an answer", "mcp.notification", Seams(response=_noted), MCP),
    Mutant("notification is refused", "mcp.notification", Seams(response=_noted_as_error), MCP),
    Mutant("tool without a name", "mcp.list", drop("result.tools.0.name"), MCP),
    Mutant("tool without a schema", "mcp.list", drop("result.tools.0.inputSchema"), MCP),
    Mutant("schema of a tool is called `parameters`", "mcp.list",
           _tools(lambda tools: [{"name": tool["name"], "parameters": tool["inputSchema"]} for tool in tools]), MCP),
    Mutant("two tools with one name", "mcp.list", _tools(lambda tools: [tools[0], tools[0]]), MCP),
    Mutant("result of a tool is a bare text", "mcp.call", _call(True, {"content": "12:00"}), MCP),
    Mutant("result of a tool without content", "mcp.call", _call(True, {"value": "12:00"}), MCP),
    Mutant("part of a result without a type", "mcp.call", _call(True, {"content": [{"text": "12:00"}]}), MCP),
    Mutant("a tool that is not there answers", "mcp.unknown_tool",
           _call(False, {"content": [{"type": "text", "text": "ok"}]}), MCP),
    Mutant("a method that is not there answers", "mcp.method",
           _method("no/", lambda body: {"jsonrpc": "2.0", "id": body["id"], "result": {}}), MCP),
    Mutant("a method that is not there has another code", "mcp.method", _method("no/", lambda body: {
        **body, "error": {"code": -32000, "message": "no"}}), MCP),
    Mutant("what is no JSON breaks the MCP server", "mcp.bad_json", Seams(response=_broken_by_json), MCP),
    Mutant("ping is answered with more than nothing", "mcp.ping",
           _method("ping", lambda body: {**body, "result": {"pong": 1}}), MCP),
    Mutant("ping is not known", "mcp.ping", _method("ping", lambda body: {
        "jsonrpc": "2.0", "id": body["id"], "error": {"code": -32601, "message": "no"}}), MCP),
    Mutant("answers have another id", "mcp.ping", put(0, "id"), MCP),
    Mutant("ids of answers are text", "mcp.ping", edit(str, "id"), MCP),
    Mutant("answers without `jsonrpc`", "mcp.ping", drop("jsonrpc"), MCP),
)  # fmt: skip

MUTANTS = (*AGENT_MUTANTS, *MCP_MUTANTS)

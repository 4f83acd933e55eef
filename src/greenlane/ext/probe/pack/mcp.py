"""The Model Context Protocol over streamable HTTP."""

from __future__ import annotations

import json
from typing import Any

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import equal, filled, member, need
from greenlane.ext.probe.pack.sources import JSONRPC
from greenlane.ext.probe.pack.sources import MCP as SOURCE
from greenlane.ext.probe.values import AGENT, FULL, SHOULD, Dialect, Finding, check
from greenlane.ext.probe.wire import Reply

OWN = (Dialect.MCP,)
VERSION = "2025-06-18"
HEADERS = {"accept": "application/json, text/event-stream", "mcp-protocol-version": VERSION}
METHOD_NOT_FOUND, INVALID_PARAMS, PARSE_ERROR, INVALID_REQUEST = -32601, -32602, -32700, -32600


class Session:
    """A session of one client.

    Args:
        case: whom to ask.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        self._headers = {**HEADERS, **case.speech.headers(case.wire.key)}
        self._number = 0
        client = {"name": "greenlane-probe", "version": "1"}
        reply = self.post(self._message("initialize", {
            "protocolVersion": VERSION, "capabilities": {}, "clientInfo": client,
        }))  # fmt: skip
        need(reply.status == 200, f"initialize: status {reply.status}, not 200")
        self.first = answer(reply)
        if "mcp-session-id" in reply.headers:
            self._headers["mcp-session-id"] = reply.headers["mcp-session-id"]
        self.noted = self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def _message(self, method: str, params: dict[str, Any] | None) -> dict[str, Any]:
        self._number += 1
        return {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params or {}}

    def post(self, body: Any) -> Reply:
        """Send a body as it is."""
        return self._case.post(body, self._headers)

    def ask(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call a method and return the whole answer, of which the id was checked."""
        message = self._message(method, params)
        body = answer(self.post(message))
        equal(body, "jsonrpc", "2.0")
        need(body.get("id") == message["id"], f"{method}: the answer's id is {body.get('id')!r}, not {message['id']}")
        return body

    def result(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call a method and return its result."""
        body = self.ask(method, params)
        need("error" not in body, f"{method}: {body.get('error')!r:.80}")
        found: dict[str, Any] = member(body, "result", dict)
        return found


_HOST = "the server does not appear, or its tools do not: Claude Desktop, Cursor, VS Code"


def answer(reply: Reply) -> dict[str, Any]:
    """Return the message of a reply, which may come as JSON or as the one event of a stream.

    Raises:
        Finding: there is none.
    """
    if reply.headers.get("content-type", "").startswith("text/event-stream"):
        data = [line[5:] for line in reply.text.splitlines() if line.startswith("data:")]
        messages = [json.loads(one) for one in data if one.strip()]
        found = [one for one in messages if "id" in one]
        need(found, "the stream has no answer")
        return dict(found[0])
    body = reply.json()
    if not isinstance(body, dict):
        raise Finding("the answer is no object")
    return body


@check(
    "mcp.initialize", SOURCE, "The server MUST respond with its own capabilities and information.", _HOST, dialects=OWN,
    calls=2,
)  # fmt: skip
def initialize(case: Case) -> None:
    """A session begins with the version, what the server can do and who it is."""
    session = Session(case)
    result = member(session.first, "result", dict)
    filled(result, "protocolVersion")
    member(result, "capabilities", dict)
    filled(result, "serverInfo.name")
    filled(result, "serverInfo.version")


@check(
    "mcp.notification", SOURCE,
    "If the server accepts a notification, it MUST return HTTP status code 202 Accepted with no body.", _HOST,
    dialects=OWN, calls=2,
)  # fmt: skip
def noted(case: Case) -> None:
    """A notification is taken without an answer."""
    session = Session(case)
    need(session.noted.status in (202, 204), f"a notification is answered with status {session.noted.status}, not 202")
    need(not session.noted.body.strip(), "a notification is answered with a body")


@check(
    "mcp.list", SOURCE, "name: Unique identifier for the tool; inputSchema: JSON Schema defining expected parameters.",
    _HOST, dialects=OWN, calls=3,
)  # fmt: skip
def listed(case: Case) -> None:
    """Each tool has a name of its own and a schema of what it takes."""
    tools = member(Session(case).result("tools/list"), "tools", list)
    names = [filled({"tools": tools}, f"tools.{number}.name") for number in range(len(tools))]
    need(len(set(names)) == len(names), "two tools have one name")
    for number in range(len(tools)):
        equal({"tools": tools}, f"tools.{number}.inputSchema.type", "object")


@check(
    "mcp.unknown_tool", SOURCE, "Protocol errors: standard JSON-RPC errors for issues like unknown tools; or isError.",
    "an agent takes a failure for an answer", dialects=OWN, calls=3, profile=AGENT,
)  # fmt: skip
def unknown_tool(case: Case) -> None:
    """A tool that is not there is an error, in one of the two ways that the protocol has."""
    body = Session(case).ask("tools/call", {"name": f"no_{case.word()}", "arguments": {}})
    failed = "error" in body or member(body, "result", dict).get("isError") is True
    need(failed, "a tool that is not there answers")
    if "error" in body:
        member(body, "error.code", int)
        filled(body, "error.message")


@check(
    "mcp.call", SOURCE, "Tool results may contain content of different types.", _HOST, dialects=OWN, calls=4,
    profile=AGENT,
)  # fmt: skip
def called(case: Case) -> None:
    """A tool that only reads, and needs nothing, answers with content."""
    session = Session(case)
    tools = member(session.result("tools/list"), "tools", list)
    safe = [
        t for t in tools if (t.get("annotations") or {}).get("readOnlyHint") and not t["inputSchema"].get("required")
    ]
    if not safe:
        return
    result = session.result("tools/call", {"name": safe[0]["name"], "arguments": {}})
    content = member(result, "content", list)
    for number in range(len(content)):
        filled({"content": content}, f"content.{number}.type")


@check(
    "mcp.method", JSONRPC, "-32601: The method does not exist / is not available.",
    "hosts that try optional methods give up: Claude Desktop asks for prompts and resources", dialects=OWN, calls=3,
)  # fmt: skip
def unknown_method(case: Case) -> None:
    """A method that is not there is refused by the code for it."""
    body = Session(case).ask(f"no/{case.word()}")
    equal(body, "error.code", METHOD_NOT_FOUND)
    filled(body, "error.message")


@check(
    "mcp.bad_json", JSONRPC, "-32700: Invalid JSON was received by the server.", "one bad client stops the others",
    dialects=OWN, calls=4,
)  # fmt: skip
def bad_json(case: Case) -> None:
    """A body that is no JSON is refused, and breaks nothing."""
    session = Session(case)
    reply = session.post(b'{"jsonrpc": "2.0", ')
    need(reply.status < 500, f"a body that is no JSON is answered with status {reply.status}")
    if reply.status == 200:
        equal(answer(reply), "error.code", PARSE_ERROR)
    session.result("ping")


@check(
    "mcp.ping", SOURCE, "The receiver MUST respond promptly with an empty response.",
    "hosts take the server for dead and start it again", dialects=OWN, calls=3, severity=SHOULD, profile=FULL,
)  # fmt: skip
def ping(case: Case) -> None:
    """A ping is answered by an empty result."""
    result = Session(case).result("ping")
    need(result == {}, f"ping is answered with {result!r:.60}")

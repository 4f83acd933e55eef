"""One suite of requests for both modes: what is asked, and what of an answer and of the provider's view is compared."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.http_client import HttpClient, Reply, events_of

MASTER = "sk-parity-master"
CHAT = "/v1/chat/completions"
TOOL_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
#: How a client might try to decide what the operator has decided.
ORDERS: Mapping[str, Any] = {
    "api_base": "http://127.0.0.1:9/evil",
    "base_url": "http://127.0.0.1:9/evil",
    "api_key": "sk-evil-key-000",
    "extra_headers": {"authorization": "Bearer sk-evil-key-000", "x-evil": "1"},
    "headers": {"authorization": "Bearer sk-evil-key-000", "x-evil": "1"},
    "custom_llm_provider": "anthropic",
    "litellm_params": {"api_key": "sk-evil-key-000"},
    "timeout": 0.0001,
    "max_retries": 9,
    "extra_body": {"api_key": "sk-evil-key-000"},
}
ORDERS_IN_HEADERS = {
    "x-litellm-api-key": "sk-evil-key-000",
    "x-api-key": "sk-evil-key-000",
    "api-key": "sk-evil-key-000",
    "x-litellm-timeout": "0.0001",
    "x-litellm-num-retries": "9",
    "x-api-base": "http://127.0.0.1:9/evil",
    "x-custom-llm-provider": "anthropic",
    "x-sm-user-id": "somebody-else",
    "x-supermemory-api-key": "sk-evil-key-000",
    "cookie": "sid=evil-cookie",
}


@dataclass(frozen=True)
class Case:
    """One request. status, code: what both modes must answer; asked: how often the provider is asked."""

    name: str
    body: Any = None
    order: Mapping[str, Any] | None = None
    path: str = CHAT
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str | None = MASTER
    status: int = 200
    code: str | None = None
    asked: int = 1
    #: Whether the text of the error is compared, too: where nobody has spoken, each mode has words of its own.
    words: bool = True
    #: Why the real process does not take part, where it cannot.
    scripted_only: str = ""
    #: What is compared besides; each takes the facts and asserts.
    check: Callable[[Facts], None] | None = None

    def ask(self, client: HttpClient, request_id: str) -> Reply:
        """Send it. Returns: the answer."""
        headers = {"content-type": "application/json", "x-request-id": request_id, **self.headers}
        if self.key is not None:
            headers["authorization"] = f"Bearer {self.key}"
        body = self.body
        if isinstance(body, dict) and self.order is not None:
            body = {**body, "messages": [{"role": "user", "content": json.dumps(self.order)}]}
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        return client.request(self.method, self.path, raw, headers)


@dataclass(frozen=True)
class Facts:
    """What a client and the provider see of one request, in a form that two modes can be compared by."""

    answer: Mapping[str, Any]
    asked: tuple[Mapping[str, Any], ...]


#: The process answers under the group's name, and with an id and a time of its own where the provider gave none.
_VARYING = frozenset({"model", "id", "created", "request_id", "ttotal_ms", "router_call_ms", "t_ms"})
#: What `/memory-routing/info` shows of one gateway alone: its address, and the cookies that its provider has set.
_OWN = frozenset({"host", "x-request-id", "session_info"})
#: Fields of LiteLLM that OpenAI does not have, and counts that it adds up itself.
_NOT_OPENAI = frozenset({"provider_specific_fields", "completion_tokens_details", "prompt_tokens_details"})
_HEADERS = ("content-type", "cache-control", "x-accel-buffering", "retry-after", "www-authenticate", "allow")


def facts_of(reply: Reply, log: list[dict[str, Any]], *, words: bool) -> Facts:
    """Returns: the facts. log: what the provider saw of this request. words: whether texts of errors belong to them."""
    streamed = reply.headers.get("content-type", "").startswith("text/event-stream")
    body: Any
    if streamed:
        frames = [frame for frame in reply.body.decode().split("\n\n") if frame and not frame.startswith(":")]
        assert all(frame.startswith("data: ") for frame in frames)
        body = _together([_plain(event) for event in events_of(reply.body)])
    else:
        body = _plain(json.loads(reply.body))
    if not words:
        for error in [event["error"] for event in (body if streamed else [body]) if "error" in event]:
            error["message"] = "*"
    head = {name: reply.headers[name] for name in _HEADERS if name in reply.headers}
    answer = {"status": reply.status, "head": head, "body": body, "id kept": "x-request-id" in reply.headers}
    return Facts(answer=answer, asked=tuple(_seen(entry) for entry in log))


def _together(events: list[Any]) -> list[Any]:
    """Returns: the events, their tool-call fragments put together in the last one, and usage without choices."""
    calls: dict[int, dict[str, str]] = defaultdict(lambda: defaultdict(str))
    for event in events:
        choices = event.get("choices", []) if isinstance(event, dict) else []
        for choice in choices:
            for fragment in choice.get("delta", {}).pop("tool_calls", []):
                call = calls[fragment["index"]]
                call["id"] = call["id"] or fragment.get("id", "")
                call["name"] = call["name"] or fragment["function"].get("name", "")
                call["arguments"] += fragment["function"].get("arguments", "")
        if isinstance(event, dict) and "usage" in event:
            event["choices"] = []
    return [*events, calls]


def _plain(value: Any) -> Any:
    """Returns: the OpenAI part of a value: without nulls, varying values and LiteLLM's own fields."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in _NOT_OPENAI and item is not None}
        return {key: "*" if key in _VARYING | _OWN else _plain(item) for key, item in kept.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _seen(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Returns: a request as the provider saw it, without what tells one HTTP client from another."""
    headers = {
        name: value
        for name, value in entry["headers"].items()
        if (name.startswith("x-") and not name.startswith(("x-stainless", "x-litellm", "x-request-id")))
        or name in ("authorization", "anthropic-beta", "cookie")
    }
    # LiteLLM asks for usage on its own account, and keeps it from clients that did not.
    ignored = ("stream_options",)
    given = entry["body"].items()
    body = {name: value for name, value in given if value not in (None, False) and name not in ignored}
    return {"path": entry["path"], "headers": headers, "body": body}


def chat(text: str = "hi", model: str = "m1", **more: Any) -> dict[str, Any]:
    """Returns: a chat body with one user message."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def refused(status: int, message: str = "no", **more: Any) -> dict[str, Any]:
    """Returns: an order to refuse."""
    return {"status": status, "message": message, **more}


def _nothing_evil(facts: Facts) -> None:
    assert "evil" not in json.dumps(facts.asked)
    assert facts.asked[0]["headers"]["authorization"] == "Bearer sk-upstream-0123456789"
    assert facts.asked[0]["headers"]["x-sm-user-id"] == "parity-default"
    assert "extra_headers" not in facts.asked[0]["body"]


def _user(name: str) -> Callable[[Facts], None]:
    def check(facts: Facts) -> None:
        assert [seen["headers"]["x-sm-user-id"] for seen in facts.asked] == [name]

    return check


def _remembers(facts: Facts) -> None:
    assert "teal" in facts.asked[0]["body"]["messages"][0]["content"]
    assert facts.asked[0]["body"]["messages"][0]["role"] == "system"


def _merged(facts: Facts) -> None:
    seen = facts.asked[0]
    assert (seen["body"]["model"], seen["body"]["temperature"], seen["body"]["max_tokens"]) == ("gpt-up", 0.5, 7)
    assert seen["headers"]["x-team"] == "blue"
    assert seen["headers"]["x-mini-agent-hop"] == "1"


def _dated(facts: Facts) -> None:
    assert facts.asked[0]["body"]["model"] == "claude-up"
    assert facts.asked[0]["headers"]["anthropic-beta"] == "feat-a,feat-b"


CONTEXT = "This model's maximum context length is 4096 tokens. However, your messages resulted in 9999 tokens."
POLICY = "Your request was rejected as a result of the safety system."
WORDS = [{"role": "assistant", "content": ""}, {"content": "a"}]

_ANSWERS = (
    Case("plain", chat(), check=_remembers),
    Case("without the version", chat(), path="/chat/completions"),
    Case("tool call", chat(tools=TOOLS), order={"tool_calls": [TOOL_CALL]}),
    Case("parameters", chat(max_tokens=7, stop=["x"]), check=_merged),
    Case("client beats default", chat(temperature=0.1)),
    Case("parts", {"model": "m1", "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}),
    Case("not ascii", chat("grüße 你好 🙂")),
    Case("query", chat(), path=f"{CHAT}?api-version=1&api_key=sk-evil-key-000", check=_nothing_evil),
    Case("orders in the body", chat(**ORDERS), check=_nothing_evil),
    Case("orders in headers", chat(), headers=ORDERS_IN_HEADERS, check=_nothing_evil),
    Case("date and features", chat(model="claude-x-20250514,feat-a,feat-b"), check=_dated),
    Case("models", path="/v1/models", method="GET", asked=0),
)
_USERS = (
    Case("default user", chat(), check=_user("parity-default")),
    Case("custom header", chat(), headers={"x-memory-user-id": "ada"}, check=_user("ada")),
    Case("pattern", chat(), headers={"user-agent": "PyCharm/2026"}, check=_user("pycharm-user")),
    Case(
        "impossible user",
        chat(),
        headers={"x-memory-user-id": "a b"},
        status=400,
        code="invalid_parameter",
        asked=0,
    ),
)
INFO = "/memory-routing/info"


def _routed(user: str, pattern: str | None = None, *, custom: bool = False) -> Callable[[Facts], None]:
    def check(facts: Facts) -> None:
        info = facts.answer["body"]
        assert (info["user_id"], info["custom_header_present"]) == (user, custom)
        assert info["is_default"] is (user == "parity-default")
        assert info.get("matched_pattern", {}).get("pattern") == pattern
        assert info["routing"].items() <= info.items()

    return check


def _info(name: str, check: Callable[[Facts], None] | None = None, **more: Any) -> Case:
    return Case(f"routing information {name}", method="GET", path=INFO, asked=0, check=check, **more)


_ROUTING = (
    _info("default", _routed("parity-default")),
    _info("custom header", _routed("info-ada", custom=True), headers={"x-memory-user-id": "info-ada"}),
    _info("pattern", _routed("pycharm-user", "^PyCharm"), headers={"user-agent": "PyCharm/2026"}),
    _info(
        "custom header before pattern",
        _routed("info-bob", custom=True),
        headers={"x-memory-user-id": "info-bob", "user-agent": "PyCharm/2026"},
    ),
    _info("without key", _routed("parity-default"), key=None),
    _info("impossible user", headers={"x-memory-user-id": "a b"}, status=400, code="invalid_parameter"),
    _info("secrets of a request", headers={"x-api-key": "sk-evil-key-000", "cookie": "sid=evil"}),
)
_STREAMS = (
    Case("stream", chat(stream=True)),
    Case("stream with usage", chat(stream=True, stream_options={"include_usage": True})),
    Case(
        "stream of fragments",
        chat(stream=True, tools=TOOLS),
        order={
            "events": [
                {"role": "assistant", "tool_calls": [{**TOOL_CALL, "index": 0}]},
                {"tool_calls": [{"index": 1, "id": "c2", "type": "function", "function": {"name": "g"}}]},
                {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
                {"finish_reason": "tool_calls"},
            ]
        },
    ),
    Case("stream refused", chat(stream=True), order=refused(400), status=400, code="bad_request"),
    Case(
        "stream limited",
        chat(stream=True),
        order=refused(429, headers={"retry-after": "7"}),
        status=429,
        code="rate_limit_exceeded",
    ),
    Case(
        "stream that breaks",
        chat(stream=True),
        order={"events": [*WORDS, "abort"]},
        words=False,
        scripted_only="LiteLLM reads ahead: it may meet the break before it has passed anything on",
    ),
    Case("stream that says error", chat(stream=True), order={"events": [*WORDS, {"error": {"message": "gone"}}]}),
    Case(
        "stream that starts with an error",
        chat(stream=True),
        order={"events": [{"error": {"message": "gone"}}]},
        status=502,
        code="api_error",
    ),
)
_REFUSALS = (
    Case("400", chat(), order=refused(400), status=400, code="bad_request"),
    Case(
        "context",
        chat(),
        order=refused(400, CONTEXT, code="context_length_exceeded"),
        status=400,
        code="context_length_exceeded",
    ),
    Case(
        "policy",
        chat(),
        order=refused(400, POLICY, code="content_policy_violation"),
        status=400,
        code="content_policy_violation",
    ),
    Case("401", chat(), order=refused(401), status=502, code="provider_auth"),
    Case("403", chat(), order=refused(403), status=403, code="permission_denied"),
    Case("404", chat(), order=refused(404), status=404, code="model_not_found"),
    Case("422", chat(), order=refused(422), status=422, code="unprocessable_entity"),
    Case("429", chat(), order=refused(429), status=429, code="rate_limit_exceeded"),
    Case(
        "429 with time",
        chat(),
        order=refused(429, headers={"retry-after": "7"}),
        status=429,
        code="rate_limit_exceeded",
    ),
    Case("retried", chat(model="retrying"), order=refused(429), status=429, code="rate_limit_exceeded", asked=2),
    Case("500", chat(), order=refused(500), status=502, code="api_error"),
    Case(
        "503 with time",
        chat(),
        order=refused(503, headers={"retry-after": "9"}),
        status=503,
        code="service_unavailable",
    ),
    Case("504", chat(), order=refused(504), status=504, code="request_timeout"),
    Case("302", chat(), order=refused(302), status=502, code="api_error"),
    Case("reset", chat(), order={"abort": True}, status=502, code="backend_unavailable", words=False),
    Case("down", chat(model="down"), status=502, code="backend_unavailable", asked=0, words=False),
    Case("silent", chat(model="impatient"), order={"hang": True}, status=504, code="request_timeout", words=False),
    Case("html", chat(), order={"raw": "<html>"}, status=502, code="invalid_provider_response"),
    Case("list", chat(), order={"raw": "[]"}, status=502, code="invalid_provider_response"),
    Case("no choices", chat(), order={"raw": "{}"}, status=502, code="invalid_provider_response"),
)
_OURS = (
    Case("no key", chat(), key=None, status=401, code="invalid_api_key", asked=0),
    Case("wrong key", b"nonsense", key="sk-wrong", status=401, code="invalid_api_key", asked=0),
    Case("models without key", path="/v1/models", method="GET", key=None, status=401, code="invalid_api_key", asked=0),
    Case("run without key", {}, path="/agent/run", key=None, status=401, code="invalid_api_key", asked=0),
    Case("no json", b"{", status=400, code="invalid_json", asked=0),
    Case("no model", {"messages": []}, status=400, code="missing_parameter", asked=0),
    Case("wrong type", chat(temperature="hot"), status=400, code="invalid_parameter", asked=0),
    Case("unknown model", chat(model="nope"), status=404, code="model_not_found", asked=0),
    Case("unset variable", chat(model="unset"), status=400, code="provider_not_configured", asked=0),
    Case("unknown path", {}, path="/v1/nope", status=404, code="route_not_found", asked=0),
    Case("outside", {}, path="/nope", status=404, code="route_not_found", asked=0),
    Case("wrong method", method="DELETE", path=CHAT, status=405, code="method_not_allowed", asked=0),
    Case("loop", chat(), headers={"x-mini-agent-hop": "3"}, status=508, code="loop_detected", asked=0),
)
_RUN = {"model": "m1", "messages": [{"role": "user", "content": "hi"}], "tool_backend": "local"}
_RUNS = (
    Case("run", _RUN, path="/agent/run"),
    Case("run with orders", {**_RUN, **ORDERS}, path="/agent/run", headers=ORDERS_IN_HEADERS, check=_nothing_evil),
    Case("stream with orders", chat(stream=True, **ORDERS), headers=ORDERS_IN_HEADERS, check=_nothing_evil),
    Case("run that fails", _RUN, order=refused(429), path="/agent/run", status=429, code="rate_limit_exceeded"),
    Case("run without messages", {"model": "m1"}, path="/agent/run", status=422, code="missing_parameter", asked=0),
    Case(
        "run without base",
        {**_RUN, "tool_backend": "http"},
        path="/agent/run",
        status=400,
        code="missing_parameter",
        asked=0,
    ),
    Case(
        "run of a model unknown",
        {**_RUN, "model": "nope"},
        path="/agent/run",
        status=404,
        code="model_not_found",
        asked=0,
    ),
)
CASES: tuple[Case, ...] = (*_ANSWERS, *_USERS, *_ROUTING, *_STREAMS, *_REFUSALS, *_OURS, *_RUNS)

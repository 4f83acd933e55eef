"""Refusals with a wrong status or envelope, or none at all; keys that nobody checks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mutants.healthy import SPOKEN, SSE_TYPE, Exchange, Response
from mutants.mutant import KEY, Mutant, RefusedError, Seams, Sent

ASKED = (*SPOKEN, "embeddings", "agent")
BROKEN = RefusedError(500, "api_error", "Internal server error")
Where = Callable[[RefusedError, Exchange], bool]


def _bad_json(_refusal: RefusedError, x: Exchange) -> bool:
    return x.body is None


def _no_object(_refusal: RefusedError, x: Exchange) -> bool:
    return isinstance(x.body, list)


def _member(x: Exchange) -> Any:
    """Return what is said in a request; a mark of its own where that is missing."""
    name = "input" if x.dialect in ("responses", "embeddings") else "messages"
    return x.body.get(name, "missing") if isinstance(x.body, dict) else None


def _wrong_type(_refusal: RefusedError, x: Exchange) -> bool:
    return _member(x) == 5


def _missing(_refusal: RefusedError, x: Exchange) -> bool:
    return bool(_member(x) == "missing")


def _out_of_range(_refusal: RefusedError, x: Exchange) -> bool:
    return b": -5" in x.raw or b":-5" in x.raw


def _unknown_model(refusal: RefusedError, _x: Exchange) -> bool:
    return "does not exist" in refusal.message and refusal.status == 404


def _streams(_refusal: RefusedError, x: Exchange) -> bool:
    return x.streams


def _too_long(refusal: RefusedError, _x: Exchange) -> bool:
    return "context_length" in refusal.message


def _key(refusal: RefusedError, _x: Exchange) -> bool:
    return refusal.status == 401


def _given(x: Exchange) -> str:
    return x.headers.get("x-api-key") or x.headers.get("authorization", "")


def _wrong_key(refusal: RefusedError, x: Exchange) -> bool:
    return refusal.status == 401 and bool(_given(x))


def _no_key(refusal: RefusedError, x: Exchange) -> bool:
    return refusal.status == 401 and not _given(x)


def _no_route(_refusal: RefusedError, x: Exchange) -> bool:
    return not x.dialect


def _any(_refusal: RefusedError, _x: Exchange) -> bool:
    return True


def refused(where: Where, instead: RefusedError | None = None, key: str = "") -> Seams:
    """Return a gateway that refuses otherwise, or not at all."""
    return Seams(refused=lambda r, x: instead if r is not None and where(r, x) else r, key=key)


def _sent(change: Callable[[Response, Exchange], Response]) -> Seams:
    """Change refusals as they are sent."""
    return Seams(response=lambda response, x: change(response, x) if response.status >= 400 else response)


def _with_body(value: Any) -> Seams:
    return _sent(lambda response, _x: Response.of(value, response.status))


def _envelope(change: Callable[[dict[str, Any]], Any]) -> Seams:
    return _sent(lambda response, _x: Response.of(change(response.json()), response.status))


def _message(text: str) -> Seams:
    return _envelope(lambda body: {**body, "error": {**body["error"], "message": text}})


def _but(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {**body, "error": {member: value for member, value in body["error"].items() if member != name}}


def _ok(response: Response, _x: Exchange) -> Response:
    response.status = 200
    return response


def _html(response: Response, _x: Exchange) -> Response:
    return Response(response.status, {"content-type": "text/html"}, b"<html><h1>400 Bad Request</h1></html>")


def _said_to_be_text(response: Response, _x: Exchange) -> Response:
    response.headers["content-type"] = "text/plain"
    return response


def _in_event(response: Response, x: Exchange) -> Response:
    """A stream was asked for: the refusal comes as an event of it, with status 200."""
    if not x.streams:
        return response
    return Response(headers={"content-type": SSE_TYPE}, events=[Sent(response.json()), Sent("[DONE]")])


def _key_told(response: Response, x: Exchange) -> Response:
    text = json.dumps({**response.json(), "key": _given(x)})
    return Response(response.status, response.headers, text.encode())


def _stuck(response: Response, x: Exchange) -> Response:
    """What follows a refusal is refused, once."""
    if response.status >= 400:
        x.state["stuck"] = True
    elif x.state.pop("stuck", False):
        return Response.of({"type": "error", "error": {"message": "busy", "type": "api_error"}}, 500)
    return response


TRACE = 'Traceback (most recent call last):\n  File "server.py", line 12, in handle'
FASTAPI = {"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "value_error.missing"}]}

STATUS = (
    Mutant("what is no JSON is answered", "errors.bad_json", refused(_bad_json), ASKED),
    Mutant("what is no JSON breaks the server", "errors.bad_json", refused(_bad_json, BROKEN), ASKED),
    Mutant("200 for an error", "errors.bad_json", _sent(_ok), ASKED),
    Mutant("a list is answered", "errors.no_object", refused(_no_object), ASKED),
    Mutant("a list breaks the server", "errors.no_object", refused(_no_object, BROKEN), ASKED),
    Mutant("a member of a wrong type is ignored", "errors.wrong_type", refused(_wrong_type), ASKED),
    Mutant("a member of a wrong type breaks the server", "errors.wrong_type", refused(_wrong_type, BROKEN), ASKED),
    Mutant("a request without a question is answered", "errors.missing", refused(_missing), ASKED),
    Mutant("a request without a question breaks the server", "errors.missing", refused(_missing, BROKEN), ASKED),
    Mutant("a bound of -5 tokens is taken", "errors.range", refused(_out_of_range)),
    Mutant("a model that is not there answers", "errors.model", refused(_unknown_model), ASKED),
    Mutant("a model that is not there breaks the server", "errors.model", refused(_unknown_model, BROKEN), ASKED),
    Mutant("refusal of a stream is an event after 200", "errors.stream", _sent(_in_event)),
    Mutant("refusal of a stream is answered", "errors.stream", refused(_streams)),
    Mutant("a route that is not there answers", "errors.route", refused(_no_route), ASKED),
    Mutant("a bad request is a bad gateway", "errors.own_fault",
           refused(_any, RefusedError(502, "api_error", "upstream said 400")), ASKED),
    Mutant("a prompt that is too long is cut silently", "errors.too_long", refused(_too_long)),
    Mutant("a prompt that is too long breaks the server", "errors.too_long", refused(_too_long, BROKEN)),
    Mutant("a refusal breaks the next request", "errors.recovers", Seams(response=_stuck), ASKED),
)  # fmt: skip

ENVELOPES = (
    Mutant("refusal is a page of HTML", "errors.bad_json", _sent(_html), ASKED),
    Mutant("refusal in the form of FastAPI", "errors.wrong_type", _with_body(FASTAPI), ASKED),
    Mutant("error is a text and no object", "errors.wrong_type",
           _envelope(lambda body: {**body, "error": body["error"]["message"]}), ASKED),
    Mutant("error without a type", "errors.missing", _envelope(lambda body: _but(body, "type")), ASKED),
    Mutant("error without a message", "errors.missing", _envelope(lambda body: _but(body, "message")), ASKED),
    Mutant("error with an empty message", "errors.missing", _message(""), ASKED),
    Mutant("refusal that says it is text", "errors.no_object", _sent(_said_to_be_text), ASKED),
    Mutant("refusal of messages in the form of chat", "errors.wrong_type",
           _envelope(lambda body: {"error": body["error"]}), ("messages",)),
)  # fmt: skip

INSIDE = (
    Mutant("error with a stack trace", "errors.inside", _message(TRACE), ASKED),
    Mutant("error with a path of the server", "errors.inside", _message("cannot read /opt/gateway/models.yaml"), ASKED),
    Mutant("error with a private address", "errors.inside", _message("no route to 10.2.3.4:8000"), ASKED),
    Mutant("error with an object of Python", "errors.inside", _message("<Router object at 0x7f3a2b1c4d50>"), ASKED),
    Mutant("error with the address of a database", "errors.inside", _message("postgres://user@db/keys"), ASKED),
)

KEYS = (
    Mutant("key is not checked", "errors.key", refused(_key, key=KEY), ASKED),
    Mutant("any key will do", "errors.key", refused(_wrong_key, key=KEY), ASKED),
    Mutant("wrong key breaks the server", "errors.key", refused(_wrong_key, BROKEN, KEY), ASKED),
    Mutant("refusal of a key repeats it", "errors.key",
           Seams(response=lambda r, x: _key_told(r, x) if r.status == 401 else r, key=KEY), ASKED),
    Mutant("no key is needed", "errors.no_key", refused(_no_key, key=KEY), ASKED),
    Mutant("missing key is a bad request", "errors.no_key",
           refused(_no_key, RefusedError(400, "invalid_request_error", "no key"), KEY), ASKED),
)  # fmt: skip

MUTANTS = (*STATUS, *ENVELOPES, *INSIDE, *KEYS)

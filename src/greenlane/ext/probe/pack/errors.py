"""Errors: status, envelope, and nothing of the inside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from greenlane.ext.probe.case import Case
from greenlane.ext.probe.pack.claims import filled, member, need
from greenlane.ext.probe.pack.sources import ERRORS, HTTP, JSON, OWN
from greenlane.ext.probe.speech.protocol import dict_of
from greenlane.ext.probe.values import FULL, SHOULD, SPOKEN, Dialect, ask, check
from greenlane.ext.probe.wire import Reply

ASKED = (*SPOKEN, Dialect.EMBEDDINGS, Dialect.AGENT)
MALFORMED = (400, 422)
WRONG_KEY = "sk-greenlane-wrong-key-0123456789abcdef"
INSIDE = re.compile(
    r"Traceback \(most recent call last\)|File \"[^\"]+\", line \d+|^\s+at [\w.$<>]+\(.*:\d+"
    r"|/(?:home|usr|opt|app|srv)/\S+|site-packages|\b\w+\.py:\d+|object at 0x[0-9a-f]{6,}"
    r"|\b(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2,3}:\d+"
    r"|(?:postgres|mysql|redis|mongodb)(?:ql)?://",
    re.MULTILINE,
)
"""What only the inside of a server knows: stack traces, paths, private addresses, databases."""

_RETRY = "clients retry what can never succeed, or give up what could: openai, anthropic, LangChain, LiteLLM"
_TYPED = "clients show `None` or raise the wrong exception: openai, anthropic"


def least(case: Case) -> dict[str, Any]:
    """Return the smallest good request of a dialect."""
    if case.dialect is Dialect.EMBEDDINGS:
        return {"model": case.model, "input": "hello"}
    if case.dialect is Dialect.AGENT:
        return {"model": case.model, "messages": [{"role": "user", "content": "Say hello."}], "max_iterations": 1}
    return case.body(ask("Say hello."))


def conversation(case: Case) -> str:
    """Return the member of a request that holds what is said."""
    return "input" if case.dialect in (Dialect.RESPONSES, Dialect.EMBEDDINGS) else "messages"


def envelope(case: Case, reply: Reply) -> None:
    """Claim that a refusal has the envelope of its dialect, in JSON."""
    body = reply.json()
    need(isinstance(body, dict), f"status {reply.status}: the body is no object")
    if case.dialect is Dialect.MESSAGES:
        need(body.get("type") == "error", f"status {reply.status}: `type` is {body.get('type')!r}, not 'error'")
    filled(body, "error.message")
    filled(body, "error.type")
    kind = reply.headers.get("content-type", "")
    need("json" in kind, f"status {reply.status}: content-type is {kind!r} for a JSON body")


def _refused(case: Case, reply: Reply, allowed: tuple[int, ...], what: str) -> None:
    need(
        reply.status in allowed, f"{what} is answered with status {reply.status}, not {' or '.join(map(str, allowed))}"
    )
    envelope(case, reply)


@check(
    "errors.bad_json", JSON, "400: Your request was malformed; a text that does not conform to the grammar is no JSON.",
    _RETRY, dialects=ASKED,
)  # fmt: skip
def bad_json(case: Case) -> None:
    """A body that is no JSON is refused."""
    _refused(case, case.post(b'{"model": "x", "messages": ['), MALFORMED, "a body that is no JSON")


@check(
    "errors.no_object", ERRORS, "400 BadRequestError: Your request was malformed or missing some required parameters.",
    _RETRY, dialects=ASKED,
)  # fmt: skip
def no_object(case: Case) -> None:
    """A body that is JSON and no object is refused."""
    _refused(case, case.post(b"[1, 2]"), MALFORMED, "a body that is a list")


@check(
    "errors.wrong_type", ERRORS, "400 BadRequestError: Your request was malformed or missing some required parameters.",
    _RETRY, dialects=ASKED,
)  # fmt: skip
def wrong_type(case: Case) -> None:
    """A member of a wrong type is refused."""
    body = {**least(case), conversation(case): 5}
    _refused(case, case.post(body), MALFORMED, f"`{conversation(case)}: 5`")


@check(
    "errors.missing", ERRORS, "400 BadRequestError: Your request was malformed or missing some required parameters.",
    _RETRY, dialects=ASKED,
)  # fmt: skip
def missing(case: Case) -> None:
    """A missing member is refused."""
    body = least(case)
    del body[conversation(case)]
    _refused(case, case.post(body), MALFORMED, f"a body without `{conversation(case)}`")


@check(
    "errors.range", ERRORS, "400 BadRequestError: Your request was malformed or missing some required parameters.",
    _RETRY, severity=SHOULD,
)  # fmt: skip
def negative(case: Case) -> None:
    """A number out of range is refused."""
    body = case.body(ask("Say hello."))
    name = "max_output_tokens" if case.dialect is Dialect.RESPONSES else "max_tokens"
    _refused(case, case.post({**body, name: -5}), MALFORMED, f"`{name}: -5`")


@check(
    "errors.model", ERRORS, "404 NotFoundError: Requested resource does not exist.",
    "a misspelt model is answered by another one, and nobody notices", dialects=ASKED, severity=SHOULD,
)  # fmt: skip
def unknown_model(case: Case) -> None:
    """A model that is not there is refused."""
    reply = case.post({**least(case), "model": f"no-such-{case.word()}"})
    need(reply.status != 200, "a model that is not there answers")
    _refused(case, reply, (404, 400, 403), "a model that is not there")


@check(
    "errors.stream", ERRORS, "An error before the first event has a status; one after 200 can only be an event.",
    _TYPED,
)  # fmt: skip
def in_stream(case: Case) -> None:
    """What is refused before the first event is refused by its status, also where a stream is asked for."""
    reply = case.post({**case.body(ask("Say hello."), stream=True), conversation(case): 5})
    _refused(case, reply, MALFORMED, f"`{conversation(case)}: 5` of a stream")


@check(
    "errors.key", ERRORS, "401 AuthenticationError: Your API key or token was invalid, expired, or revoked.",
    "the endpoint is open to everybody", dialects=ASKED,
)  # fmt: skip
def bad_key(case: Case) -> None:
    """A wrong key is refused; nothing is asked of an endpoint that needs none."""
    if not case.wire.key:
        return
    reply = case.post(least(case), case.speech.headers(WRONG_KEY))
    _refused(case, reply, (401, 403), "a wrong key")
    need(WRONG_KEY not in reply.text, "the refusal of a key repeats it whole")


@check(
    "errors.no_key", HTTP, "401: the request has not been applied because it lacks valid authentication credentials.",
    "the endpoint is open to everybody", dialects=ASKED,
)  # fmt: skip
def no_key(case: Case) -> None:
    """No key at all is refused by an endpoint that was given one."""
    if not case.wire.key:
        return
    _refused(case, case.post(least(case), case.speech.headers("")), (401, 403), "a request without a key")


def _provoked(case: Case) -> Iterator[Reply]:
    yield case.post(b'{"model": "x", "messages": [')
    yield case.post({**least(case), conversation(case): [{"role": "nobody", "content": {"a": [None]}}]})
    yield case.post({**least(case), "model": f"no-such/{case.word()}"})
    yield case.post({**least(case), conversation(case): None})


@check(
    "errors.inside", OWN, "An error tells the client what to change, and nothing of paths, addresses and stack traces.",
    "attackers read the inside: the first finding of every penetration test", dialects=ASKED, calls=4,
)  # fmt: skip
def inside(case: Case) -> None:
    """No refusal tells of the inside."""
    for reply in _provoked(case):
        found = INSIDE.search(reply.text)
        need(not found, f"status {reply.status} tells of the inside: {found.group()[:80] if found else ''!r}")


@check(
    "errors.own_fault", HTTP, "4xx: the client seems to have erred; 5xx: the server is aware that it has erred.",
    _RETRY, dialects=ASKED, calls=4,
)  # fmt: skip
def own_fault(case: Case) -> None:
    """What the client did wrong is never answered as the server's failure."""
    for reply in _provoked(case):
        need(reply.status < 500, f"a bad request is answered with status {reply.status}: {reply.text[:80]}")


@check(
    "errors.route", HTTP, "404: the origin server did not find a current representation for the target resource.",
    _TYPED, dialects=ASKED,
)  # fmt: skip
def route(case: Case) -> None:
    """An unknown route is not found."""
    reply = case.wire.call("POST", f"/v1/{case.word()}", {}, case.speech.headers(case.wire.key))
    need(reply.status in (404, 405), f"a route that is not there is answered with status {reply.status}")


@check(
    "errors.too_long", ERRORS,
    "context_length_exceeded: 400; 413: the content is larger than the server is willing to process.",
    "agents cannot know that they must compact, or the beginning is dropped silently: Claude Code, Cline",
    severity=SHOULD, profile=FULL,
)  # fmt: skip
def too_long(case: Case) -> None:
    """What no model can read is refused as too long, not dropped and no failure."""
    words = "word " * 300_000
    reply = case.post(case.body(ask(words, max_tokens=16)))
    if reply.status == 200:
        usage = case.read(reply).usage
        need(usage and (usage.prompt or 0) > 100_000, "a prompt of 300,000 words is answered, most of it was dropped")
        return
    _refused(case, reply, (400, 413, 422), "a prompt of 300,000 words")


@check(
    "errors.recovers", OWN, "A bad request spoils nothing for the next one.", "one user's mistake stops the others",
    dialects=ASKED, calls=2,
)  # fmt: skip
def recovers(case: Case) -> None:
    """After a refusal the next good request is answered."""
    case.post(b"{")
    reply = case.post(least(case))
    need(reply.status == 200, f"after a refusal a good request is answered with status {reply.status}")
    member({"body": dict_of(reply.json())}, "body", dict)

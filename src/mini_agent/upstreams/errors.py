"""From a provider's answer or a transport failure to the exception tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from mini_agent.core.errors import (
    BudgetExceeded,
    ContentPolicyViolation,
    ContextLengthExceeded,
    GatewayError,
    ModelNotFound,
    PermissionDenied,
    ProviderAuth,
    ProviderBadRequest,
    ProviderFailed,
    ProviderTimeout,
    RateLimited,
    ServiceUnavailable,
    UnprocessableEntity,
    UnsupportedParameter,
)
from mini_agent.core.patterns import Pattern
from mini_agent.core.text import load_json
from mini_agent.dialects.errors import named_status
from mini_agent.net.retry import retry_after_seconds

#: Longest part of a provider's message that is kept. Clients see less of it, cut after redaction, not before: half
#: a secret would not be recognised as one.
KEPT_CHARACTERS = 8000

_BY_STATUS: dict[int, type[GatewayError]] = {
    401: ProviderAuth,
    403: PermissionDenied,
    404: ModelNotFound,
    408: ProviderTimeout,
    422: UnprocessableEntity,
    407: ProviderAuth,
    429: RateLimited,
    503: ServiceUnavailable,
    504: ProviderTimeout,
    529: ServiceUnavailable,
}
#: Statuses that tell a client what to do next, although the table has no row for them, and their codes.
_KEPT_STATUSES: Mapping[int, str] = {402: "budget_exceeded", 413: "request_too_large"}
#: Classes that say little themselves: there the provider's own code says more.
_KEEPS_CODE = (ProviderBadRequest, UnprocessableEntity, PermissionDenied)
_CODE = Pattern(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
#: Headers that tell a client how much it may still ask.
_LIMITS = ("x-ratelimit-", "anthropic-ratelimit-")
_OF_PROXY = "llm_provider-"
_REQUEST_IDS = ("x-request-id", "request-id", "apim-request-id")
_MOST_HEADERS, _LONGEST_VALUE = 32, 200
_BY_CODE: dict[str, type[GatewayError]] = {
    "context_length_exceeded": ContextLengthExceeded,
    "string_above_max_length": ContextLengthExceeded,
    "content_policy_violation": ContentPolicyViolation,
    "content_filter": ContentPolicyViolation,
    "unsupported_parameter": UnsupportedParameter,
    "unsupported_value": UnsupportedParameter,
    "insufficient_quota": BudgetExceeded,
    "budget_exceeded": BudgetExceeded,
    "billing_hard_limit_reached": BudgetExceeded,
}
_CODES_OF: dict[int, frozenset[type[GatewayError]]] = {
    400: frozenset({ContextLengthExceeded, ContentPolicyViolation, UnsupportedParameter, BudgetExceeded}),
    402: frozenset({BudgetExceeded}),
    403: frozenset({ContentPolicyViolation}),
    413: frozenset({ContextLengthExceeded}),
    429: frozenset({BudgetExceeded}),
}


class Explained(NamedTuple):
    """What a provider's error body says. words: its `code` and `type`. code: its `code` alone, "" without one."""

    message: str
    words: frozenset[str]
    param: str | None
    code: str = ""


def error_of_status(
    status: int, headers: Mapping[str, str], body: bytes, *, now: float, model: str = ""
) -> GatewayError:
    """Translate a non-2xx answer.

    status, headers, body: the answer. now: seconds since the epoch, for a `Retry-After` date.
    Returns: the error of the table that this answer means, with its text.
    """
    said = explain(body)
    cls = class_of_status(status, said.words)
    text = said.message or f"the provider answered HTTP {status}"
    if cls is ModelNotFound and model and not said.message:
        text = f"the provider does not know model '{model}'"
    retry_after = None
    if cls in (RateLimited, BudgetExceeded, ServiceUnavailable):
        retry_after = retry_after_seconds(headers.get("retry-after"), now)
    error = cls(text[:KEPT_CHARACTERS], param=said.param, retry_after=retry_after)
    return of_provider(error, status, said.code, headers)


def of_provider(error: GatewayError, status: int, code: str, headers: Mapping[str, str]) -> GatewayError:
    """Let a provider's own status, code, limits and request id reach the client.

    status, code, headers: of the refusal; code may be empty.
    Returns: the error, marked as one whose message comes from a provider.
    """
    if status in _KEPT_STATUSES and type(error) in (ProviderBadRequest, BudgetExceeded):
        error.status, error.code = status, _KEPT_STATUSES[status]
    if type(error) in _KEEPS_CODE and _CODE.fullmatch(code):
        error.code = code
    error.passed_on = limit_headers(headers)
    return quote(error)


def limit_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Pick what a provider says about its limits, and the id under which it knows the request.

    Returns: lower-case names; the id is called `x-provider-request-id`, because `x-request-id` is the gateway's own.
    """
    kept: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower().removeprefix(_OF_PROXY)
        if key in _REQUEST_IDS:
            key = "x-provider-request-id"
        elif not key.startswith(_LIMITS):
            continue
        if len(kept) < _MOST_HEADERS and value.isascii() and value.isprintable():
            kept.setdefault(key, value[:_LONGEST_VALUE])
    return kept


def quote(error: GatewayError) -> GatewayError:
    """Returns: the error, marked as one whose message comes from a provider."""
    error.quoted = True
    return error


def error_of_event(error: Any) -> GatewayError:
    """Translate the `error` member of a stream event. Returns: the error it means, `api_error` when it does not say."""
    message, words, param, code = explain(msgspec.json.encode({"error": error}))
    status = status_of_event(error)
    cls: type[GatewayError]
    if status:
        cls = class_of_status(status, words)
    else:
        cls = next((_BY_CODE[word] for word in words if word in _BY_CODE), ProviderFailed)
        if "rate_limit_exceeded" in words or "rate_limit_error" in words:
            cls = RateLimited
    text = message[:KEPT_CHARACTERS] or "the provider reported an error in its stream"
    return of_provider(cls(text, param=param), status, code, {})


def status_of_event(error: Any) -> int:
    """Returns: the status that the `error` member of a stream event names, 0 when it names none."""
    return named_status(error) if isinstance(error, dict) else 0


def class_of_status(status: int, words: frozenset[str] = frozenset()) -> type[GatewayError]:
    """Find the class of a provider's status.

    words: the code words of its error body, which can make the class more specific.
    Returns: the class.
    """
    for word in words:
        found = _BY_CODE.get(word)
        if found is not None and found in _CODES_OF.get(status, frozenset()):
            return found
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status == 402:
        return BudgetExceeded
    if 400 <= status < 500:
        return ProviderBadRequest
    return ProviderFailed


def explain(body: bytes) -> Explained:
    """Read an error body in the usual shapes. Returns: what it says, empty where it says nothing."""
    try:
        decoded = load_json(body.decode("utf-8", "replace"))
    except ValueError:
        return Explained(body[:KEPT_CHARACTERS].decode("utf-8", "replace").strip(), frozenset(), None)
    error = decoded.get("error", decoded) if isinstance(decoded, dict) else decoded
    if not isinstance(error, dict):
        return Explained(error if isinstance(error, str) else "", frozenset(), None)
    message = next((error[key] for key in ("message", "detail", "error") if isinstance(error.get(key), str)), "")
    words = [value for key in ("code", "type") if isinstance(value := error.get(key), str)]
    code, param = error.get("code"), error.get("param")
    return Explained(
        message,
        frozenset(words),
        param if isinstance(param, str) else None,
        code if isinstance(code, str) else "",
    )

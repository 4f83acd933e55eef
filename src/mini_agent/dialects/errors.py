"""How each dialect says that something failed: to a caller, and from a provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
)
from mini_agent.dialects.answer import Failed
from mini_agent.dialects.names import Dialect

#: Anthropic's types of errors, by HTTP status.
MESSAGES_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_STATUS_OF_TYPE: Mapping[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "overloaded_error": 503,
    "timeout_error": 504,
    # OpenAI's codes of a failed response, and types of its errors.
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "server_error": 500,
    "invalid_prompt": 400,
    "context_length_exceeded": 400,
}
#: Codes of a failed response (OpenAI's list is closed), by HTTP status; any other is `server_error`.
RESPONSE_CODES: Mapping[int, str] = {400: "invalid_prompt", 413: "invalid_prompt", 429: "rate_limit_exceeded"}

#: Anthropic has no codes for these: its sentences are the only sign.
_SENTENCES: tuple[tuple[str, str], ...] = (
    ("prompt is too long", "context_length_exceeded"),
    ("exceed context limit", "context_length_exceeded"),
    ("content filtering policy", "content_policy_violation"),
    ("credit balance is too low", "insufficient_quota"),
)

_BY_WORD: Mapping[str, type[GatewayError]] = {
    "context_length_exceeded": ContextLengthExceeded,
    "content_policy_violation": ContentPolicyViolation,
    "content_filter": ContentPolicyViolation,
    "insufficient_quota": BudgetExceeded,
    "billing_error": BudgetExceeded,
}
_BY_STATUS: Mapping[int, type[GatewayError]] = {
    401: ProviderAuth,
    403: PermissionDenied,
    404: ModelNotFound,
    429: RateLimited,
    503: ServiceUnavailable,
    504: ProviderTimeout,
}


def messages_type(status: int) -> str:
    """Returns: Anthropic's type of an error with this HTTP status."""
    return MESSAGES_TYPES.get(status, "invalid_request_error" if 400 <= status < 500 else "api_error")


def response_code(status: int) -> str:
    """Returns: the code of a failed response."""
    return RESPONSE_CODES.get(status, "server_error")


def encode_error(dialect: Dialect, envelope: Mapping[str, Any], status: int) -> dict[str, Any]:
    """Write an error for a caller.

    envelope: `{"error": {message, type, code, request_id, ...}}` as GATEWAY 4.7 has it, redacted already. status:
    the HTTP status.

    Returns: the body in the caller's own envelope; the details of debugging go along in each.
    """
    if dialect is not Dialect.MESSAGES:
        return dict(envelope)
    error = envelope["error"]
    inner = {"type": messages_type(status), "message": error["message"]}
    if "details" in error:
        inner["details"] = error["details"]
    return {"type": "error", "error": inner, "request_id": error.get("request_id")}


def read_error(value: object) -> Failed:
    """Read the error object of a provider of any dialect: the `error` member of a body or an event, or the event.

    Returns: what it says, empty where it says nothing.
    """
    if not isinstance(value, Mapping):
        return Failed(value if isinstance(value, str) else "")
    message = next((value[key] for key in ("message", "detail", "error") if isinstance(value.get(key), str)), "")
    words = {word for key in ("code", "type") if isinstance(word := value.get(key), str)} - {"error"}
    lowered = message[:2000].lower()
    words |= {word for sentence, word in _SENTENCES if sentence in lowered}
    param = value.get("param")
    status = named_status(value) or max((_STATUS_OF_TYPE.get(word, 0) for word in words), default=0)
    return Failed(message, status, frozenset(words), param if isinstance(param, str) else None)


def named_status(value: Mapping[str, Any]) -> int:
    """Returns: the HTTP status that an error object names, 0 when it names none."""
    for key in ("status", "code", "status_code"):
        number = value.get(key)
        if isinstance(number, str) and number.isdecimal() and len(number) == 3:
            number = int(number)
        if isinstance(number, int) and 400 <= number <= 599:
            return number
    return 0


def error_of(failed: Failed) -> GatewayError:
    """Returns: what a provider reports, as an error that a client sees."""
    kind = next((_BY_WORD[word] for word in failed.words if word in _BY_WORD), None)
    kind = kind or _BY_STATUS.get(failed.status, ProviderBadRequest if 400 <= failed.status < 500 else ProviderFailed)
    error = kind(failed.message or "the provider reported an error", param=failed.param)
    error.quoted = True
    return error

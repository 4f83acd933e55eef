"""From LiteLLM's exceptions to the exception tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mini_agent.errors import (
    BackendUnavailable,
    BudgetExceeded,
    ContentPolicyViolation,
    ContextLengthExceeded,
    GatewayError,
    InvalidProviderResponse,
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
from mini_agent.providers.upstream_errors import class_of_status, quote, retry_after_seconds

__all__ = ["error_of_litellm"]

#: Class name to row, most specific first. Names, because the classes exist only once LiteLLM is imported.
_BY_NAME: tuple[tuple[str, type[GatewayError]], ...] = (
    ("ContextWindowExceededError", ContextLengthExceeded),
    ("ContentPolicyViolationError", ContentPolicyViolation),
    ("RejectedRequestError", ContentPolicyViolation),
    ("UnsupportedParamsError", UnsupportedParameter),
    ("BudgetExceededError", BudgetExceeded),
    ("AuthenticationError", ProviderAuth),
    ("PermissionDeniedError", PermissionDenied),
    ("NotFoundError", ModelNotFound),
    ("UnprocessableEntityError", UnprocessableEntity),
    ("RateLimitError", RateLimited),
    ("Timeout", ProviderTimeout),
    ("APITimeoutError", ProviderTimeout),
    ("APIResponseValidationError", InvalidProviderResponse),
    ("BadRequestError", ProviderBadRequest),
    ("ServiceUnavailableError", ServiceUnavailable),
)
#: Failures below HTTP, as httpx, aiohttp and the OpenAI client name them.
_UNREACHABLE = frozenset(
    {
        "ClientConnectorError",
        "ClientConnectorDNSError",
        "ClientOSError",
        "ClientPayloadError",
        "ConnectError",
        "ConnectionRefusedError",
        "ConnectionResetError",
        "ReadError",
        "RemoteProtocolError",
        "ServerDisconnectedError",
    }
)
_PREFIX = re.compile(r"^(?:litellm\.)?(?:\w+(?:Error|Timeout|Exception): )+")
_TRACE = "Traceback (most recent call last)"


def error_of_litellm(error: Exception, now: float) -> GatewayError:
    """Translate. now: seconds since the epoch, for a `Retry-After` date.

    Returns: the error of the table; one that is no exception of LiteLLM or OpenAI is a failed provider as well.
    """
    if isinstance(original := getattr(error, "original_exception", None), Exception) and original is not error:
        return error_of_litellm(original, now)  # A wrapper for LiteLLM's router, which says nothing of its own.
    names = {cls.__name__ for cls in type(error).__mro__}
    status = _status(error)
    found = next((row for name, row in _BY_NAME if name in names), None)
    if found is None and any(type(cause).__name__ in _UNREACHABLE for cause in _causes(error)):
        found = BackendUnavailable
    # LiteLLM folds statuses it has no class for into a neighbour; the exception below still has the real one.
    if found in (None, ProviderBadRequest) and status not in (200, 400, 500):
        found = class_of_status(status)
    if found is None:
        found = BackendUnavailable if _is_connection_error(error) else ProviderFailed
    retry_after = None
    if found in (RateLimited, ServiceUnavailable):
        retry_after = retry_after_seconds(_headers(error).get("retry-after"), now)
    return quote(found(_text(error), retry_after=retry_after))


def _status(error: Exception) -> int:
    """Returns: the status of the innermost exception that has one, 500 without any."""
    statuses = [status for cause in _causes(error) if isinstance(status := getattr(cause, "status_code", None), int)]
    return statuses[-1] if statuses else 500


def _text(error: Exception) -> str:
    """LiteLLM puts tracebacks and its own class names into messages; clients get neither."""
    text = str(getattr(error, "message", "") or error).partition(_TRACE)[0]
    return _PREFIX.sub("", text).strip() or "the provider call failed"


def _is_connection_error(error: Exception) -> bool:
    return "Connection error" in str(error) and any(
        type(cause).__name__ == "APIConnectionError" for cause in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _headers(error: Exception) -> Mapping[str, str]:
    for cause in _causes(error):
        for source in (getattr(cause, "litellm_response_headers", None), getattr(cause, "response", None)):
            headers = getattr(source, "headers", source)
            if isinstance(headers, Mapping) and "retry-after" in headers:
                return headers
    return {}

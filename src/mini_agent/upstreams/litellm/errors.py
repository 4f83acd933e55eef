"""From LiteLLM's exceptions to the exception tree, and from the names and texts it gives them to a class."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from mini_agent.core.errors import (
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
from mini_agent.core.patterns import Pattern
from mini_agent.net.bounded import AnswerTooLarge
from mini_agent.net.retry import retry_after_seconds
from mini_agent.upstreams.errors import class_of_status, of_provider

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
#: Classes that LiteLLM uses for whatever it has no class for: there its text says more.
_GENERIC = frozenset({"APIConnectionError", "APIError", "InternalServerError"})
_BY_TEXT: tuple[tuple[Pattern[str], type[GatewayError]], ...] = (
    (Pattern(r"Timeout on reading data|timed out"), ProviderTimeout),
    (
        Pattern(r"Connection error|Cannot connect to host|payload is not complete|Server disconnected"),
        BackendUnavailable,
    ),
    (Pattern(r"Expecting value|Empty or invalid response|provider returned 'choices'"), InvalidProviderResponse),
)
_OUR_WORDS: Mapping[type[GatewayError], str] = {
    BackendUnavailable: "the connection to the provider failed",
    InvalidProviderResponse: "the provider's answer is not a completion object",
}
#: What LiteLLM puts before and behind the provider's words.
_PREFIX = Pattern(r"^(?:(?:litellm\.)?\w*(?:Error|Timeout|Exception)(?: Error)?: )*(?:\w+Exception - )?")
_NAME = Pattern(r"\w+(?:Error|Timeout|Exception)\b|\bTimeout\b")
_SUFFIX = Pattern(
    r"(?s)\n\n(?:Deployment Info|LiteLLM: model group)\b.*|\nmodel=\S+ \w+_fallbacks?=.*|\.? Received Model Group=.*"
)
_TRACE = "Traceback (most recent call last)"


def error_of_litellm(error: Exception, now: float) -> GatewayError:
    """Translate. now: seconds since the epoch, for a `Retry-After` date.

    Returns: the error of the table; one that is no exception of LiteLLM or OpenAI is a failed provider as well.
    """
    if isinstance(original := getattr(error, "original_exception", None), Exception) and original is not error:
        return error_of_litellm(original, now)  # A wrapper for LiteLLM's router, which says nothing of its own.
    if (too_large := next((cause for cause in _causes(error) if isinstance(cause, AnswerTooLarge)), None)) is not None:
        return InvalidProviderResponse(f"the provider's answer is larger than {too_large.limit} bytes")
    names = {cls.__name__ for cls in type(error).__mro__}
    text = str(getattr(error, "message", "") or error)
    found = class_of_litellm(names, _status(error), text)
    if found is ProviderFailed and any(type(cause).__name__ in _UNREACHABLE for cause in _causes(error)):
        found = BackendUnavailable
    headers, retry_after = _headers(error), None
    if found in (RateLimited, ServiceUnavailable):
        retry_after = retry_after_seconds(headers.get("retry-after"), now)
    failure = found(plain_text(text, found) or "the provider call failed", retry_after=retry_after)
    return of_provider(failure, _status(error), _code(error), headers)


def class_of_litellm(names: Collection[str], status: int, text: str) -> type[GatewayError]:
    """Find what a failure of LiteLLM means.

    names: of its exception class and the parents. status: as LiteLLM has it, 500 when unknown.
    Returns: the class.
    """
    found = next((row for name, row in _BY_NAME if name in names), None)
    # LiteLLM folds statuses it has no class for into a neighbour; the exception below still has the real one.
    if found in (None, ProviderBadRequest) and status not in (200, 400, 500):
        return class_of_status(status)
    if found is None and not _GENERIC.isdisjoint(names):
        found = next((row for pattern, row in _BY_TEXT if pattern.search(text)), None)
    return found or ProviderFailed


def names_in(text: str) -> frozenset[str]:
    """Returns: the names of exception classes that a message of LiteLLM begins with, none when it is not LiteLLM's."""
    prefix = _PREFIX.match(text)
    return frozenset(_NAME.findall(prefix[0] if prefix and text.startswith("litellm.") else ""))


def plain_text(text: str, cls: type[GatewayError]) -> str:
    """LiteLLM puts tracebacks, its own class names and advice into messages; clients get none of them.

    cls: what the failure means. Returns: the provider's words, or ours where only LiteLLM has spoken.
    """
    if cls in _OUR_WORDS:
        return _OUR_WORDS[cls]
    return _SUFFIX.sub("", _PREFIX.sub("", text.partition(_TRACE)[0])).strip()


def _status(error: Exception) -> int:
    """Returns: the status of the innermost exception that has one, 500 without any."""
    statuses = [status for cause in _causes(error) if isinstance(status := getattr(cause, "status_code", None), int)]
    return statuses[-1] if statuses else 500


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _headers(error: Exception) -> Mapping[str, str]:
    """Returns: the headers of the provider's answer, lower-case names; of several sources the first counts."""
    found: dict[str, str] = {}
    for cause in _causes(error):
        for source in (getattr(cause, "litellm_response_headers", None), getattr(cause, "response", None)):
            headers = getattr(source, "headers", source)
            for name, value in headers.items() if isinstance(headers, Mapping) else ():
                found.setdefault(str(name).lower(), str(value))
    return found


def _code(error: Exception) -> str:
    """Returns: the provider's code, as OpenAI's client keeps it; empty without one."""
    codes = (code for cause in _causes(error) if isinstance(code := getattr(cause, "code", None), str))
    return next(codes, "")

"""One exception tree. Every class carries its row of the status table (GATEWAY 4.7).

The tree has two branches: `GatewayError` becomes an HTTP answer with an error envelope, `ConfigError` ends a
command with exit code 2. Nothing else decides a status: a provider or a tool raises the class that names what
happened, and `mini_agent.edge.envelope` writes the row of that class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any


class MiniAgentError(Exception):
    """Root of every error this package raises on purpose."""

    #: Exit code of a command that ends with this error.
    exit_code = 1


class ConfigError(MiniAgentError):
    """The configuration cannot be used. Commands print `CONFIG_ERROR: <text>` and exit 2.

    `str(error)` is the text without the prefix; several findings are separated by newlines.
    """

    exit_code = 2


class ConfigFileNotFound(ConfigError, FileNotFoundError):
    """The configuration file does not exist; the library sees it as a `FileNotFoundError` too."""

    def __init__(self, path: str) -> None:
        super().__init__(f"config file not found: {path}")


#: What one error may have beside its class and arguments.
_OWN_FACTS = frozenset({"quoted", "status", "code", "passed_on", "allow"})


class GatewayError(MiniAgentError):
    """An error that a client sees as `{"error": {...}}`.

    message: text for the client, redacted and cut where it is written.
    param: name of the offending field or header, where there is one.
    retry_after: seconds the client should wait; None means the default of the class.
    """

    status = 500
    type = "internal_error"
    code = "internal_error"
    #: Whether the message quotes somebody else; such a one is cut shorter, after it was redacted.
    quoted = False
    #: Headers of a provider's refusal that help a client, lower-case names. A refusal may also have a status and a code
    #: of its own, which then replace those of the class.
    passed_on: Mapping[str, str] = MappingProxyType({})
    #: What programs that know the protocol look for in the error's `details`.
    details: Mapping[str, Any] = MappingProxyType({})
    #: Seconds for `Retry-After` when the cause names none; None sends no header.
    default_retry_after: float | None = None

    def __init_subclass__(cls, row: tuple[int, str, str] | None = None) -> None:
        """Take the row of the table: status, type and code; without one the class has that of its parent."""
        super().__init_subclass__()
        if row is not None:
            cls.status, cls.type, cls.code = row

    def __init__(self, message: str, *, param: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = self.default_retry_after if retry_after is None else retry_after

    def __reduce__(self) -> tuple[object, ...]:
        """Keep pickling and copying whole, although the keyword arguments are not in `args`."""
        own = {name: value for name, value in vars(self).items() if name in _OWN_FACTS}
        return _rebuild, (type(self), self.message, self.param, self.retry_after), own

    def http_headers(self) -> dict[str, str]:
        """Response headers that belong to this error, lower-case names.

        Returns: at most `retry-after`, what a provider had to say, and what a subclass adds.
        """
        if self.retry_after is None:
            return dict(self.passed_on)
        return {**self.passed_on, "retry-after": str(max(0, round(self.retry_after)))}


def _rebuild(cls: type[GatewayError], message: str, param: str | None, retry_after: float | None) -> GatewayError:
    error = cls.__new__(cls)
    GatewayError.__init__(error, message, param=param, retry_after=retry_after)
    return error


class InternalError(GatewayError, row=(500, "internal_error", "internal_error")):
    """A fault of our own. The text never reaches the client."""


class ProviderBadRequest(GatewayError, row=(400, "invalid_request_error", "bad_request")):
    """The provider refused the request."""


class ContextLengthExceeded(ProviderBadRequest):
    """The conversation does not fit the model's context window."""

    code = "context_length_exceeded"


class ContentPolicyViolation(ProviderBadRequest):
    """The provider's content policy refused the request."""

    code = "content_policy_violation"


class UnsupportedParameter(ProviderBadRequest):
    """The provider does not take one of the parameters."""

    code = "unsupported_parameter"


class UnsupportedThread(UnsupportedParameter):
    """A caller of Messages wants its conversation held by the server; Anthropic's SDK then goes on without."""

    details = MappingProxyType({"error_code": "thread_unsupported_request", "unsupported": ("thread",)})


class InvalidValue(GatewayError, row=(400, "invalid_request_error", "invalid_value")):
    """A ValueError while the request was normalised."""


class MissingKey(GatewayError, row=(400, "invalid_request_error", "missing_key")):
    """A KeyError while the request was normalised."""


class InvalidType(GatewayError, row=(400, "invalid_request_error", "invalid_type")):
    """A TypeError while the request was normalised."""


class InvalidJson(GatewayError, row=(400, "invalid_request_error", "invalid_json")):
    """The body is not JSON."""


class MissingParameter(GatewayError, row=(400, "invalid_request_error", "missing_parameter")):
    """A required field is absent or empty."""


class InvalidParameter(GatewayError, row=(400, "invalid_request_error", "invalid_parameter")):
    """A field has the wrong type or value."""


class ContentLengthMismatch(GatewayError, row=(400, "invalid_request_error", "content_length_mismatch")):
    """The body is shorter than its declared length."""


class _EndsConnection(GatewayError):
    """An error after which two servers may disagree about what follows on the connection."""

    def http_headers(self) -> dict[str, str]:
        """Returns: what ends the connection behind the answer."""
        return {**super().http_headers(), "connection": "close"}


class MalformedRequest(_EndsConnection, row=(400, "invalid_request_error", "bad_request")):
    """The bytes are no request of HTTP/1.1. The server says so below all routes, so it has no row of its own."""


class InvalidHost(_EndsConnection, row=(400, "invalid_request_error", "invalid_host")):
    """The request has no `Host`, two, or one that is no host."""


class ToolHostNotAllowed(GatewayError, row=(400, "invalid_request_error", "tool_host_not_allowed")):
    """The tool host is not on the allow-list."""


class SandboxUnavailable(GatewayError, row=(400, "invalid_request_error", "sandbox_unavailable")):
    """Code of models cannot be shut in on this machine, so it is not run."""


class ProviderNotConfigured(GatewayError, row=(400, "invalid_request_error", "provider_not_configured")):
    """No credentials, base address or optional package for this model."""


class InvalidApiKey(GatewayError, row=(401, "authentication_error", "invalid_api_key")):
    """The gateway key is missing or wrong."""

    def http_headers(self) -> dict[str, str]:
        """Returns: the challenge a 401 must carry."""
        return {**super().http_headers(), "www-authenticate": "Bearer"}


class PermissionDenied(GatewayError, row=(403, "permission_error", "permission_denied")):
    """The provider denies access to the model."""


class ForbiddenOrigin(GatewayError, row=(403, "permission_error", "forbidden_origin")):
    """A web page of another origin is behind the request."""


class OpenAddress(GatewayError, row=(403, "permission_error", "open_address")):
    """The gateway has no key, and the request came in on an address that others reach."""


class ModelNotFound(GatewayError, row=(404, "not_found_error", "model_not_found")):
    """No such model, here or at the provider."""


class NotStored(GatewayError, row=(404, "not_found_error", "not_stored")):
    """Nothing is kept under this id for this user: it never was, it has expired, or it is somebody else's."""


class PreviousNotStored(NotStored):
    """The response that a request continues is not kept, or one that it continues itself."""

    code = "previous_response_not_found"


class RouteNotFound(GatewayError, row=(404, "not_found_error", "route_not_found")):
    """No such path."""


class MethodNotAllowed(GatewayError, row=(405, "invalid_request_error", "method_not_allowed")):
    """The path exists, the method does not. allow: the methods that do, comma separated."""

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message)
        self.allow = allow

    def http_headers(self) -> dict[str, str]:
        """Returns: `allow` with the methods of the path."""
        return {**super().http_headers(), "allow": self.allow}


class RequestBodyTimeout(GatewayError, row=(408, "timeout_error", "request_timeout")):
    """The client is too slow sending its request."""


class RequestTooLarge(GatewayError, row=(413, "invalid_request_error", "request_too_large")):
    """The body is above the limit."""


class UnsupportedMediaType(GatewayError, row=(415, "invalid_request_error", "unsupported_media_type")):
    """The body is no JSON by its own account, or it is encoded."""


class MisdirectedRequest(GatewayError, row=(421, "invalid_request_error", "misdirected_request")):
    """The request asks for a host that this server is not."""


class MissingBodyParameter(GatewayError, row=(422, "invalid_request_error", "missing_parameter")):
    """`/agent/run`: a required field is absent."""


class InvalidBodyParameter(GatewayError, row=(422, "invalid_request_error", "invalid_parameter")):
    """`/agent/run`: a field has the wrong type or value."""


class UnprocessableEntity(GatewayError, row=(422, "invalid_request_error", "unprocessable_entity")):
    """The provider answered 422."""


class HeadersTooLarge(_EndsConnection, row=(431, "invalid_request_error", "request_header_fields_too_large")):
    """The head of the request has too many bytes or fields."""


class UnsupportedTransferCoding(_EndsConnection, row=(501, "invalid_request_error", "unsupported_transfer_coding")):
    """The body is transferred in a way that this server does not undo."""


class RateLimited(GatewayError, row=(429, "rate_limit_error", "rate_limit_exceeded")):
    """The provider limits our rate."""

    default_retry_after = 60.0


class BudgetExceeded(GatewayError, row=(429, "rate_limit_error", "budget_exceeded")):
    """Our budget at the provider is used up."""


class ProviderFailed(GatewayError, row=(502, "api_error", "api_error")):
    """The provider answered 5xx, or failed in a way it did not explain."""


class ProviderAuth(GatewayError, row=(502, "api_error", "provider_auth")):
    """The provider rejects the credentials we are configured with."""


class InvalidProviderResponse(GatewayError, row=(502, "api_error", "invalid_provider_response")):
    """The provider's body is malformed or ends too early."""


class BackendUnavailable(GatewayError, row=(502, "connection_error", "backend_unavailable")):
    """Connection refused, no such name, TLS failure or reset."""


class ServiceUnavailable(GatewayError, row=(503, "service_unavailable", "service_unavailable")):
    """The provider answered 503."""

    default_retry_after = 30.0


class GatewayBusy(GatewayError, row=(503, "service_unavailable", "gateway_busy")):
    """More at once than this gateway takes."""

    default_retry_after = 1.0


class ProviderTimeout(GatewayError, row=(504, "timeout_error", "request_timeout")):
    """The provider did not answer in time."""

    default_retry_after = 60.0


class LoopDetected(GatewayError, row=(508, "api_error", "loop_detected")):
    """The request has already passed through three gateways."""


def _below(parent: type[GatewayError]) -> Iterator[type[GatewayError]]:
    """Yield the classes below one, each behind its own."""
    for child in parent.__subclasses__():
        yield from _below(child)
        yield child


def _table() -> tuple[type[GatewayError], ...]:
    found: dict[tuple[int, str, str], type[GatewayError]] = {}
    for cls in _below(GatewayError):
        if "code" in vars(cls):
            found.setdefault((cls.status, cls.type, cls.code), cls)
    return tuple(found.values())


#: The status table in code: the class of each row, most specific first.
ERROR_TABLE: tuple[type[GatewayError], ...] = _table()

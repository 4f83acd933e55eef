"""One exception tree. Every class carries its row of the status table (GATEWAY.md 4.7).

The tree has two branches: `GatewayError` becomes an HTTP answer with an error envelope, `ConfigError` ends a
command with exit code 2. Nothing else decides a status: a provider or a tool raises the class that names what
happened, and `mini_agent.edge.envelope` writes the row of that class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

__all__ = [
    "ERROR_TABLE",
    "BackendUnavailable",
    "BudgetExceeded",
    "ConfigError",
    "ConfigFileNotFound",
    "ContentLengthMismatch",
    "ContentPolicyViolation",
    "ContextLengthExceeded",
    "ForbiddenOrigin",
    "GatewayBusy",
    "GatewayError",
    "HeadersTooLarge",
    "InternalError",
    "InvalidApiKey",
    "InvalidBodyParameter",
    "InvalidHost",
    "InvalidJson",
    "InvalidParameter",
    "InvalidProviderResponse",
    "InvalidType",
    "InvalidValue",
    "LoopDetected",
    "MalformedRequest",
    "MethodNotAllowed",
    "MiniAgentError",
    "MisdirectedRequest",
    "MissingBodyParameter",
    "MissingKey",
    "MissingParameter",
    "ModelNotFound",
    "OpenAddress",
    "PermissionDenied",
    "ProviderAuth",
    "ProviderBadRequest",
    "ProviderFailed",
    "ProviderNotConfigured",
    "ProviderTimeout",
    "RateLimited",
    "RequestBodyTimeout",
    "RequestTooLarge",
    "RouteNotFound",
    "ServiceUnavailable",
    "ToolHostNotAllowed",
    "UnprocessableEntity",
    "UnsupportedMediaType",
    "UnsupportedParameter",
    "UnsupportedTransferCoding",
    "normalising",
]


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
    #: Seconds for `Retry-After` when the cause names none; None sends no header.
    default_retry_after: float | None = None

    def __init__(self, message: str, *, param: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = self.default_retry_after if retry_after is None else retry_after

    def __reduce__(self) -> tuple[object, ...]:
        """Keep pickling and copying whole, although the keyword arguments are not in `args`."""
        own = {name: vars(self)[name] for name in ("quoted", "status", "code", "passed_on") if name in vars(self)}
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


class InternalError(GatewayError):
    """A fault of our own. The text never reaches the client."""


# 400: what the provider refused about the request ---------------------------------------------------------------


class ProviderBadRequest(GatewayError):
    """The provider refused the request."""

    status, type, code = 400, "invalid_request_error", "bad_request"


class ContextLengthExceeded(ProviderBadRequest):
    """The conversation does not fit the model's context window."""

    code = "context_length_exceeded"


class ContentPolicyViolation(ProviderBadRequest):
    """The provider's content policy refused the request."""

    code = "content_policy_violation"


class UnsupportedParameter(ProviderBadRequest):
    """The provider does not take one of the parameters."""

    code = "unsupported_parameter"


# 400: what we refuse about the request --------------------------------------------------------------------------


class InvalidValue(GatewayError):
    """A ValueError while the request was normalised."""

    status, type, code = 400, "invalid_request_error", "invalid_value"


class MissingKey(GatewayError):
    """A KeyError while the request was normalised."""

    status, type, code = 400, "invalid_request_error", "missing_key"


class InvalidType(GatewayError):
    """A TypeError while the request was normalised."""

    status, type, code = 400, "invalid_request_error", "invalid_type"


class InvalidJson(GatewayError):
    """The body is not JSON."""

    status, type, code = 400, "invalid_request_error", "invalid_json"


class MissingParameter(GatewayError):
    """A required field is absent or empty."""

    status, type, code = 400, "invalid_request_error", "missing_parameter"


class InvalidParameter(GatewayError):
    """A field has the wrong type or value."""

    status, type, code = 400, "invalid_request_error", "invalid_parameter"


class ContentLengthMismatch(GatewayError):
    """The body is shorter than its declared length."""

    status, type, code = 400, "invalid_request_error", "content_length_mismatch"


class _EndsConnection(GatewayError):
    """An error after which two servers may disagree about what follows on the connection."""

    def http_headers(self) -> dict[str, str]:
        """Returns: what ends the connection behind the answer."""
        return {**super().http_headers(), "connection": "close"}


class MalformedRequest(_EndsConnection):
    """The bytes are no request of HTTP/1.1. The server says so below all routes, so it has no row of its own."""

    status, type, code = 400, "invalid_request_error", "bad_request"


class InvalidHost(_EndsConnection):
    """The request has no `Host`, two, or one that is no host."""

    status, type, code = 400, "invalid_request_error", "invalid_host"


class ToolHostNotAllowed(GatewayError):
    """The tool host is not on the allow-list."""

    status, type, code = 400, "invalid_request_error", "tool_host_not_allowed"


class ProviderNotConfigured(GatewayError):
    """No credentials, base address or optional package for this model."""

    status, type, code = 400, "invalid_request_error", "provider_not_configured"


class InvalidApiKey(GatewayError):
    """The gateway key is missing or wrong."""

    status, type, code = 401, "authentication_error", "invalid_api_key"

    def http_headers(self) -> dict[str, str]:
        """Returns: the challenge a 401 must carry."""
        return {**super().http_headers(), "www-authenticate": "Bearer"}


class PermissionDenied(GatewayError):
    """The provider denies access to the model."""

    status, type, code = 403, "permission_error", "permission_denied"


class ForbiddenOrigin(GatewayError):
    """A web page of another origin is behind the request."""

    status, type, code = 403, "permission_error", "forbidden_origin"


class OpenAddress(GatewayError):
    """The gateway has no key, and the request came in on an address that others reach."""

    status, type, code = 403, "permission_error", "open_address"


class ModelNotFound(GatewayError):
    """No such model, here or at the provider."""

    status, type, code = 404, "not_found_error", "model_not_found"


class RouteNotFound(GatewayError):
    """No such path."""

    status, type, code = 404, "not_found_error", "route_not_found"


class MethodNotAllowed(GatewayError):
    """The path exists, the method does not. allow: the methods that do, comma separated."""

    status, type, code = 405, "invalid_request_error", "method_not_allowed"

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message)
        self.allow = allow

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_405, (self.message, self.allow)

    def http_headers(self) -> dict[str, str]:
        """Returns: `allow` with the methods of the path."""
        return {**super().http_headers(), "allow": self.allow}


def _rebuild_405(message: str, allow: str) -> MethodNotAllowed:
    return MethodNotAllowed(message, allow=allow)


class RequestBodyTimeout(GatewayError):
    """The client is too slow sending its request."""

    status, type, code = 408, "timeout_error", "request_timeout"


class RequestTooLarge(GatewayError):
    """The body is above the limit."""

    status, type, code = 413, "invalid_request_error", "request_too_large"


class UnsupportedMediaType(GatewayError):
    """The body is no JSON by its own account, or it is encoded."""

    status, type, code = 415, "invalid_request_error", "unsupported_media_type"


class MisdirectedRequest(GatewayError):
    """The request asks for a host that this server is not."""

    status, type, code = 421, "invalid_request_error", "misdirected_request"


class MissingBodyParameter(GatewayError):
    """`/agent/run`: a required field is absent."""

    status, type, code = 422, "invalid_request_error", "missing_parameter"


class InvalidBodyParameter(GatewayError):
    """`/agent/run`: a field has the wrong type or value."""

    status, type, code = 422, "invalid_request_error", "invalid_parameter"


class UnprocessableEntity(GatewayError):
    """The provider answered 422."""

    status, type, code = 422, "invalid_request_error", "unprocessable_entity"


class HeadersTooLarge(_EndsConnection):
    """The head of the request has too many bytes or fields."""

    status, type, code = 431, "invalid_request_error", "request_header_fields_too_large"


class UnsupportedTransferCoding(_EndsConnection):
    """The body is transferred in a way that this server does not undo."""

    status, type, code = 501, "invalid_request_error", "unsupported_transfer_coding"


class RateLimited(GatewayError):
    """The provider limits our rate."""

    status, type, code = 429, "rate_limit_error", "rate_limit_exceeded"
    default_retry_after = 60.0


class BudgetExceeded(GatewayError):
    """Our budget at the provider is used up."""

    status, type, code = 429, "rate_limit_error", "budget_exceeded"


class ProviderFailed(GatewayError):
    """The provider answered 5xx, or failed in a way it did not explain."""

    status, type, code = 502, "api_error", "api_error"


class ProviderAuth(GatewayError):
    """The provider rejects the credentials we are configured with."""

    status, type, code = 502, "api_error", "provider_auth"


class InvalidProviderResponse(GatewayError):
    """The provider's body is malformed or ends too early."""

    status, type, code = 502, "api_error", "invalid_provider_response"


class BackendUnavailable(GatewayError):
    """Connection refused, no such name, TLS failure or reset."""

    status, type, code = 502, "connection_error", "backend_unavailable"


class ServiceUnavailable(GatewayError):
    """The provider answered 503."""

    status, type, code = 503, "service_unavailable", "service_unavailable"
    default_retry_after = 30.0


class GatewayBusy(GatewayError):
    """More at once than this gateway takes."""

    status, type, code = 503, "service_unavailable", "gateway_busy"
    default_retry_after = 1.0


class ProviderTimeout(GatewayError):
    """The provider did not answer in time."""

    status, type, code = 504, "timeout_error", "request_timeout"
    default_retry_after = 60.0


class LoopDetected(GatewayError):
    """The request has already passed through three gateways."""

    status, type, code = 508, "api_error", "loop_detected"


#: Every class that a client can see, most specific first: the status table in code.
ERROR_TABLE: tuple[type[GatewayError], ...] = (
    ContextLengthExceeded,
    ContentPolicyViolation,
    UnsupportedParameter,
    ProviderBadRequest,
    InvalidValue,
    MissingKey,
    InvalidType,
    InvalidJson,
    MissingParameter,
    InvalidParameter,
    ContentLengthMismatch,
    InvalidHost,
    ToolHostNotAllowed,
    ProviderNotConfigured,
    InvalidApiKey,
    ProviderAuth,
    PermissionDenied,
    ForbiddenOrigin,
    OpenAddress,
    ModelNotFound,
    RouteNotFound,
    MethodNotAllowed,
    RequestBodyTimeout,
    RequestTooLarge,
    UnsupportedMediaType,
    MisdirectedRequest,
    MissingBodyParameter,
    InvalidBodyParameter,
    UnprocessableEntity,
    HeadersTooLarge,
    RateLimited,
    BudgetExceeded,
    BackendUnavailable,
    ProviderFailed,
    InvalidProviderResponse,
    ServiceUnavailable,
    GatewayBusy,
    ProviderTimeout,
    UnsupportedTransferCoding,
    LoopDetected,
    InternalError,
)


@contextmanager
def normalising() -> Iterator[None]:
    """Turn ValueError, KeyError and TypeError into 400s, for the code that normalises a request and no other.

    Raises: InvalidValue, MissingKey or InvalidType, with the original as cause. A `GatewayError` passes unchanged.
    """
    try:
        yield
    except KeyError as error:
        raise MissingKey(f"missing key: {error.args[0] if error.args else ''}") from error
    except ValueError as error:
        raise InvalidValue(str(error)) from error
    except TypeError as error:
        raise InvalidType(str(error)) from error

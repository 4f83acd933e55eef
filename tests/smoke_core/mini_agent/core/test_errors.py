"""The exception tree against the status table of the contract."""

from __future__ import annotations

import copy
import pickle

import pytest

from mini_agent.core.errors import (
    ERROR_TABLE,
    GatewayError,
    InvalidType,
    InvalidValue,
    MethodNotAllowed,
    MissingKey,
    RateLimited,
)
from mini_agent.runs.agent_body import normalising

#: (status, type, code) of every row of GATEWAY 4.7.
ROWS = {
    (400, "invalid_request_error", "context_length_exceeded"),
    (400, "invalid_request_error", "content_policy_violation"),
    (400, "invalid_request_error", "unsupported_parameter"),
    (400, "invalid_request_error", "bad_request"),
    (400, "invalid_request_error", "invalid_value"),
    (400, "invalid_request_error", "missing_key"),
    (400, "invalid_request_error", "invalid_type"),
    (400, "invalid_request_error", "invalid_json"),
    (400, "invalid_request_error", "missing_parameter"),
    (400, "invalid_request_error", "invalid_parameter"),
    (400, "invalid_request_error", "content_length_mismatch"),
    (400, "invalid_request_error", "tool_host_not_allowed"),
    (400, "invalid_request_error", "sandbox_unavailable"),
    (400, "invalid_request_error", "provider_not_configured"),
    (400, "invalid_request_error", "invalid_host"),
    (401, "authentication_error", "invalid_api_key"),
    (502, "api_error", "provider_auth"),
    (403, "permission_error", "permission_denied"),
    (403, "permission_error", "forbidden_origin"),
    (403, "permission_error", "open_address"),
    (404, "not_found_error", "model_not_found"),
    (404, "not_found_error", "not_stored"),
    (404, "not_found_error", "previous_response_not_found"),
    (404, "not_found_error", "route_not_found"),
    (405, "invalid_request_error", "method_not_allowed"),
    (408, "timeout_error", "request_timeout"),
    (413, "invalid_request_error", "request_too_large"),
    (415, "invalid_request_error", "unsupported_media_type"),
    (421, "invalid_request_error", "misdirected_request"),
    (431, "invalid_request_error", "request_header_fields_too_large"),
    (422, "invalid_request_error", "missing_parameter"),
    (422, "invalid_request_error", "invalid_parameter"),
    (422, "invalid_request_error", "unprocessable_entity"),
    (429, "rate_limit_error", "rate_limit_exceeded"),
    (429, "rate_limit_error", "budget_exceeded"),
    (502, "connection_error", "backend_unavailable"),
    (502, "api_error", "api_error"),
    (502, "api_error", "invalid_provider_response"),
    (503, "service_unavailable", "service_unavailable"),
    (501, "invalid_request_error", "unsupported_transfer_coding"),
    (503, "service_unavailable", "gateway_busy"),
    (504, "timeout_error", "request_timeout"),
    (508, "api_error", "loop_detected"),
    (500, "internal_error", "internal_error"),
}


def test_tree_is_the_table() -> None:
    """Every row has a class and every class a row."""
    assert {(row.status, row.type, row.code) for row in ERROR_TABLE} == ROWS
    assert len(ERROR_TABLE) == len(ROWS)


def test_specific_classes_come_before_their_parents() -> None:
    """Reading the table from the top finds the most specific class first."""
    for position, row in enumerate(ERROR_TABLE):
        assert not any(issubclass(later, row) for later in ERROR_TABLE[position + 1 :])


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(ValueError("v"), InvalidValue), (KeyError("k"), MissingKey), (TypeError("t"), InvalidType)],
)
def test_normalising_turns_plain_exceptions_into_400s(raised: Exception, expected: type[GatewayError]) -> None:
    """Inside `normalising` the three plain exceptions are the client's fault; the cause is kept."""
    with pytest.raises(expected) as caught, normalising():
        raise raised
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize(
    "error", [RateLimited("slow", param="p", retry_after=2), MethodNotAllowed("no", allow="GET")], ids=["429", "405"]
)
def test_errors_survive_copy_and_pickle(error: GatewayError) -> None:
    """Errors may cross threads and processes without losing their headers."""
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (type(twin), str(twin), twin.http_headers()) == (type(error), str(error), error.http_headers())

"""From any exception to the error envelope (GATEWAY 4.7). The only place that writes one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from mini_agent.core.errors import GatewayError, InternalError
from mini_agent.core.redaction import Redactor
from mini_agent.dialects import Dialect, encode_error

#: Longest message of ours, and longest quotation of a provider, that a client sees.
_MESSAGE_CHARACTERS = 2000
_QUOTED_CHARACTERS = 400
_MESSAGES = frozenset({"/v1/messages", "/v1/messages/count_tokens"})
#: Served in two shapes.
_MODELS = "/v1/models"


def translate(error: BaseException) -> GatewayError:
    """Returns: the error itself if it belongs to the table, else an `InternalError` whose cause it is."""
    if isinstance(error, GatewayError):
        return error
    internal = InternalError("Internal server error")
    internal.__cause__ = error
    return internal


class Told(NamedTuple):
    """An error as a client reads it. body: as of GATEWAY 4.7. status: that it would have had as an answer."""

    body: Mapping[str, Any]
    status: int
    code: str


class ErrorWriter:
    """Builds envelopes. debug: whether `details` go along."""

    def __init__(self, redactor: Redactor, *, debug: bool) -> None:
        self._redactor = redactor
        self._debug = debug
        #: Gives a text of a client's for the log, redacted: clients use the same few again and again.
        self.clean = lru_cache(maxsize=64)(redactor.text)

    def envelope(self, error: GatewayError, request_id: str) -> dict[str, Any]:
        """Returns: `{"error": {...}}`, redacted."""
        message = "Internal server error" if isinstance(error, InternalError) else error.message
        body: dict[str, Any] = {
            "message": self._redactor.text(message)[: _QUOTED_CHARACTERS if error.quoted else _MESSAGE_CHARACTERS],
            "type": error.type,
            "code": error.code,
            "request_id": request_id,
        }
        if error.param is not None:
            body["param"] = error.param
        if error.details:
            body["details"] = dict(error.details)
        if self._debug:
            origin = error.__cause__ or error
            body["details"] = {
                **error.details,
                "exception_type": type(origin).__name__,
                "exception_message": self._redactor.text(str(origin))[:_MESSAGE_CHARACTERS],
            }
        return {"error": body}

    def encode(
        self, error: GatewayError, request_id: str, *, detail: bool = False, dialect: Dialect = Dialect.CHAT
    ) -> bytes:
        """Write an error as an answer. detail: whether the top-level `detail` of `/agent/run` goes along.

        Returns: JSON in the envelope of the caller's dialect.
        """
        envelope = self.envelope(error, request_id)
        if detail:
            envelope["detail"] = envelope["error"]["message"]
        return msgspec.json.encode(encode_error(dialect, envelope, error.status))


def dialect_of(path: str, headers: Mapping[bytes, bytes]) -> Dialect:
    """Returns: the dialect that whoever asks for this path with these headers speaks."""
    if path in _MESSAGES or (path.startswith(_MODELS) and b"anthropic-version" in headers):
        return Dialect.MESSAGES
    return Dialect.CHAT

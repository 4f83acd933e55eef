"""From the answers of an external LiteLLM process to the exception tree (GATEWAY.md 4.7 and 7.4).

The process answers with the status it made of the provider's, and with a text that begins with the name of its
exception class. Class and text are read with the same table as the exceptions themselves, so that a failure has one
row of the table in both modes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mini_agent.core.errors import (
    BudgetExceeded,
    GatewayError,
    ModelNotFound,
    ProviderAuth,
    RateLimited,
    ServiceUnavailable,
)
from mini_agent.upstreams.errors import (
    KEPT_CHARACTERS,
    class_of_status,
    explain,
    quote,
    retry_after_seconds,
    status_of_event,
)
from mini_agent.upstreams.litellm.errors import class_of_litellm, names_in, plain_text

__all__ = ["error_of_proxy", "error_of_proxy_event"]

#: What the process says on its own behalf, with a status that means something else to us.
_OWN_WORDS: tuple[tuple[str, type[GatewayError]], ...] = (
    ("Invalid model name passed in", ModelNotFound),
    # Without a database it cannot look a key up: this is how it refuses one.
    ("No connected db", ProviderAuth),
)


def error_of_proxy(
    status: int, headers: Mapping[str, str], body: bytes, *, now: float, model: str = ""
) -> GatewayError:
    """Translate a non-2xx answer of the process.

    status, headers, body: the answer. now: seconds since the epoch, for a `Retry-After` date.
    Returns: the error of the table that this answer means, with the provider's text.
    """
    message, words, param = explain(body)
    cls = _class(status, message, words)
    about = f" for model '{model[:200]}'" if model else ""
    text = plain_text(message, cls) or f"the LiteLLM process answered HTTP {status}{about}"
    retry_after = None
    if cls in (RateLimited, BudgetExceeded, ServiceUnavailable):
        # The process hides the provider's headers behind a prefix; one of its own name is about itself.
        given = headers.get("retry-after") or headers.get("llm_provider-retry-after")
        retry_after = retry_after_seconds(given, now)
    return quote(cls(text[:KEPT_CHARACTERS], param=param, retry_after=retry_after))


def error_of_proxy_event(error: Any) -> GatewayError:
    """Translate the `error` member of a stream event. Returns: the error it means, `api_error` when it does not say."""
    message, words, param = explain(msgspec.json.encode({"error": error}))
    cls = _class(status_of_event(error) or 500, message, words)
    text = plain_text(message, cls)[:KEPT_CHARACTERS] or "the LiteLLM process reported an error in its stream"
    return quote(cls(text, param=param))


def _class(status: int, message: str, words: frozenset[str]) -> type[GatewayError]:
    for own, cls in _OWN_WORDS:
        if own in message:
            return cls
    names = names_in(message)
    return class_of_litellm(names, status, message) if names else class_of_status(status, words)

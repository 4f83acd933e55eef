"""From the answers of an external LiteLLM process to the exception tree (GATEWAY 4.7 and 7.4).

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
    ProviderBadRequest,
    RateLimited,
    ServiceUnavailable,
)
from mini_agent.core.patterns import Pattern
from mini_agent.net.retry import retry_after_seconds
from mini_agent.upstreams.errors import (
    KEPT_CHARACTERS,
    Explained,
    class_of_status,
    explain,
    of_provider,
    status_of_event,
)
from mini_agent.upstreams.litellm.errors import class_of_litellm, names_in, plain_text

#: What the process says on its own behalf, with a status that means something else to us: that it has no such model,
#: and, without a database, that it does not know our key. Only at the start of a message: further on it quotes others.
_NO_MODEL = Pattern(r"(?:/[\w/.-]*: )?Invalid model name passed in")
_NO_KEY = Pattern(r"(?:\w+: )?No connected db")


def error_of_proxy(
    status: int, headers: Mapping[str, str], body: bytes, *, now: float, model: str = ""
) -> GatewayError:
    """Translate a non-2xx answer of the process to a chat.

    status, headers, body: the answer. now: seconds since the epoch, for a `Retry-After` date.
    Returns: the error of the table that this answer means, with the provider's text.
    """
    said = explain(body)
    return _error(_class(status, said.message, said.words), said, status, headers, now=now, model=model)


def error_of_relayed(status: int, headers: Mapping[str, str], body: bytes, *, now: float) -> GatewayError:
    """Translate a non-2xx answer of the process to a relayed request, whose own statuses are the client's.

    Arguments and result as of `error_of_proxy`; a 400 stays one unless the process refuses our key with it.
    """
    said = explain(body)
    cls = _class(status, said.message, said.words)
    if status == 400 and cls.status != 400 and cls is not ProviderAuth:
        cls = ProviderBadRequest
    return _error(cls, said, status, headers, now=now)


def _error(
    cls: type[GatewayError],
    said: Explained,
    status: int,
    headers: Mapping[str, str],
    *,
    now: float,
    model: str = "",
) -> GatewayError:
    about = f" for model '{model[:200]}'" if model else ""
    text = plain_text(said.message, cls) or f"the LiteLLM process answered HTTP {status}{about}"
    retry_after = None
    if cls in (RateLimited, BudgetExceeded, ServiceUnavailable):
        # The process hides the provider's headers behind a prefix; one of its own name is about itself.
        given = headers.get("retry-after") or headers.get("llm_provider-retry-after")
        retry_after = retry_after_seconds(given, now)
    error = cls(text[:KEPT_CHARACTERS], param=said.param, retry_after=retry_after)
    return of_provider(error, status, said.code, headers)


def error_of_proxy_event(error: Any) -> GatewayError:
    """Translate the `error` member of a stream event. Returns: the error it means, `api_error` when it does not say."""
    said, status = explain(msgspec.json.encode({"error": error})), status_of_event(error)
    cls = _class(status or 500, said.message, said.words)
    text = plain_text(said.message, cls)[:KEPT_CHARACTERS] or "the LiteLLM process reported an error in its stream"
    return of_provider(cls(text, param=said.param), status, said.code, {})


def _class(status: int, message: str, words: frozenset[str]) -> type[GatewayError]:
    if _NO_MODEL.match(message):
        return ModelNotFound
    if _NO_KEY.match(message):
        return ProviderAuth
    names = names_in(message)
    return class_of_litellm(names, status, message) if names else class_of_status(status, words)

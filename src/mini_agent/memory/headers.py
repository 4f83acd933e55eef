"""The headers of every request to a provider, whichever client sends it (GATEWAY 7.3 and 8.3).

One function, `provider_headers`, serves all model clients, so that the modes cannot drift apart. A client of ours adds
only what its own protocol needs: the content type, and the provider's key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, urlsplit

from mini_agent.core.chat import ProviderRequest
from mini_agent.core.redaction import is_sensitive_header
from mini_agent.core.steering import parameter_steers

USER_HEADER = "x-sm-user-id"
MEMORY_KEY_HEADER = "x-supermemory-api-key"
#: Where the features go that a client appended to the model's name.
FEATURES_HEADER = "anthropic-beta"

#: Servers refuse header lines of a few thousand bytes; a user id must not make requests fail.
_LONGEST_ID = 512
_ID_HEAD = 128
#: Printable ASCII: what stays as it is when an id has other characters.
_PRINTABLE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")
#: Headers by which a client would change what the operator configured, read by LiteLLM's proxy among others.
_STEERING_PREFIXES = ("x-litellm-", "litellm-", "x-pass-")


def provider_headers(request: ProviderRequest) -> dict[str, str]:
    """Build what every provider request carries.

    request: with the caller's headers (request id, hop, passed-on `x-*`), the caller's user, and the target.
    Returns: lower-case names with values. The target's configured headers win over the caller's; the user header is
    always ours, and absent where `forward_user` leaves the provider out; the memory key is there for memory hosts,
    unless the entry configures its own.
    """
    target, caller = request.target, request.caller
    names_user = target.sends_user_id or caller.user_id is None
    headers = dict(request.protocol_headers)
    if names_user:
        headers.update(caller.headers)
    else:
        headers |= {name: value for name, value in caller.headers.items() if name not in caller.naming}
    for name, value in target.extra_headers.items():
        headers[name.lower()] = value
    if target.features:
        given = headers.get(FEATURES_HEADER)
        headers[FEATURES_HEADER] = ",".join([given, *target.features] if given else target.features)
    if caller.user_id is not None and names_user:
        headers[USER_HEADER] = wire_user_id(caller.user_id)
    if target.memory_key is not None:
        headers.setdefault(MEMORY_KEY_HEADER, target.memory_key)
    return headers


def harmless_headers(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """Pick the headers that a client may pass on with `forward_client_headers_to_llm_api`.

    headers: lower-case names.
    Returns: the `x-*` headers without sensitive names, without names that would change base, key, headers or provider,
    and without values that are not printable ASCII, which some HTTP clients cannot send.
    """
    return {
        name.decode(): value.decode()
        for name, value in headers.items()
        if name.startswith(b"x-") and is_harmless(name, value)
    }


def is_harmless(name: bytes, value: bytes) -> bool:
    """Returns: whether a client's header may go on: printable ASCII, no credential, nothing that steers."""
    return _has_harmless_name(name) and value.isascii() and value.decode().isprintable()


@lru_cache(maxsize=512)
def _has_harmless_name(name: bytes) -> bool:
    text = name.decode("latin-1")
    if not name.isascii() or is_sensitive_header(text) or text.startswith(_STEERING_PREFIXES):
        return False
    return not parameter_steers(text.removeprefix("x-").replace("-", "_"))


def wire_user_id(user_id: str) -> str:
    """Write a user id so that every HTTP client can send it and every server takes it.

    Returns: the id itself when it is printable ASCII of at most 512 characters; otherwise percent-encoded, and a long
    one cut and told apart by the SHA-256 of the whole.
    """
    text = user_id if user_id.isascii() and user_id.isprintable() else quote(user_id, safe=_PRINTABLE)
    if len(text) <= _LONGEST_ID:
        return text
    digest = hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[:_ID_HEAD]}-{digest}"


def host_of(address: str | None) -> str:
    """Returns: the host of an address in lower case without a closing dot; empty when there is none."""
    if not address:
        return ""
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_memory_host(address: str | None, memory_hosts: Iterable[str]) -> bool:
    """Returns: whether the address's host equals one of `memory_hosts` or is a subdomain of one."""
    host = host_of(address)
    entries = (entry.strip().lower().strip(".") for entry in memory_hosts)
    return bool(host) and any(entry and (host == entry or host.endswith(f".{entry}")) for entry in entries)

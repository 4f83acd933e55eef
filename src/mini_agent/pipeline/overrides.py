"""What a relayed body may not decide: base, key, headers and provider (GATEWAY.md 7.3 and 7.4).

Chat has a list of what may pass. A relayed body belongs to an endpoint that we do not know, so here it is the other way
round: names that LiteLLM takes as orders are taken out, whatever form the body has. LiteLLM 1.106.2 obeys `api_key`,
`headers`, `extra_headers` and `custom_llm_provider` of anybody who may call it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import Message
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from mini_agent.core.chat import NEVER_ALLOWED
from mini_agent.core.errors import InvalidJson, InvalidParameter

__all__ = ["ORDERS", "cleaned_body"]

ORDERS = NEVER_ALLOWED | frozenset(
    """headers user_config model_list litellm_credential_name provider_specific_header fallbacks
    context_window_fallbacks content_policy_fallbacks router_settings_override""".split()
)
_PLAIN_NAME = re.compile(r"[\w.\[\]-]+", re.ASCII)


def cleaned_body(raw: bytes, content_type: str, rename: Callable[[str], str]) -> tuple[bytes, str | None]:
    """Take the orders out of a body.

    content_type: of the request. rename: gives the name under which the external process knows a model.
    Returns: the body, the same bytes if nothing had to go, and the model that a JSON body names.
    Raises: InvalidJson for what looks like JSON and is not; InvalidParameter for a form whose fields cannot be told.
    """
    lowered = content_type.lower()
    if "multipart/form-data" in lowered:
        return _multipart(raw, content_type), None
    # LiteLLM reads a body that is no form as JSON, whatever its type says. An endpoint that reads the bytes itself does
    # so with a form, too, which is what curl calls a body without a type.
    if raw.lstrip(b" \t\r\n").startswith(b"{"):
        return _json(raw, rename)
    return (_form(raw) if "form" in lowered else raw), None


def _json(raw: bytes, rename: Callable[[str], str]) -> tuple[bytes, str | None]:
    try:
        body: dict[str, Any] = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidJson(f"Request body is not valid JSON: {error}") from error
    kept = {name: _without_orders(value) if name == "extra_body" else value for name, value in body.items()}
    kept = _without_orders(kept)
    model = kept.get("model")
    if isinstance(model, str):
        kept["model"] = rename(model)
    return (raw if kept == body else msgspec.json.encode(kept)), model if isinstance(model, str) else None


def _without_orders(value: Any) -> Any:
    return {name: item for name, item in value.items() if name not in ORDERS} if isinstance(value, dict) else value


def _form(raw: bytes) -> bytes:
    parts = raw.split(b"&")
    kept = [part for part in parts if unquote_plus(part.partition(b"=")[0].decode("latin-1")) not in ORDERS]
    return raw if len(kept) == len(parts) else b"&".join(kept)


def _multipart(raw: bytes, content_type: str) -> bytes:
    boundary = _parameter("content-type", content_type, "boundary")
    if not boundary or not boundary.isascii():
        raise InvalidParameter("The multipart body has no boundary", param="content-type")
    mark = b"--" + boundary.encode()
    parts = raw.split(mark)
    kept = [part for part in parts[1:-1] if _field(part) not in ORDERS]
    return raw if len(kept) == len(parts) - 2 else mark.join([parts[0], *kept, parts[-1]])


def _field(part: bytes) -> str:
    """Returns: the name of a form field. Raises: InvalidParameter for one that two readers could read differently."""
    for line in part.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            found = _parameter("content-disposition", value.decode("latin-1"), "name")
            if found and _PLAIN_NAME.fullmatch(found):
                return found
    raise InvalidParameter("A part of the multipart body has no plain name", param="body")


def _parameter(header: str, value: str, name: str) -> str | None:
    message = Message()
    message[header] = " ".join(value.split())
    found = message.get_param(name, header=header)
    return found if isinstance(found, str) else None

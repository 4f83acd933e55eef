"""What a relayed body may not decide: base, key, headers and provider (GATEWAY 7.3 and 7.4).

Chat has a list of what may pass. A relayed body belongs to an endpoint that we do not know, so here it is the other way
round: names that steer LiteLLM are taken out, whatever form the body has, and a body that two readers could
read differently is refused. LiteLLM 1.106.2 obeys `api_key`, `headers`, `extra_headers` and `custom_llm_provider` of
anybody who may call it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from mini_agent.core.errors import InvalidJson, InvalidParameter
from mini_agent.core.patterns import Pattern
from mini_agent.core.steering import field_steers, without_steering
from mini_agent.core.text import refuse_long_numbers

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_BOUNDARY = Pattern(r"(?i)boundary=(?:\"([^\"\\]{1,70})\"|([^\s\";,\\]{1,70}))")
_PLAIN_NAME = Pattern(r"[\w.\[\]-]+")
_OF_A_FIELD = frozenset({"name", "filename", "filename*"})
#: Bytes of a part's head. Clients write a few dozen.
_HEAD_BYTES = 4096
#: Fields of a form. Each is looked at, and 20 MB could hold as many millions.
_MOST_FIELDS = 10_000


def cleaned_body(raw: bytes, content_type: str, rename: Callable[[str], str]) -> tuple[bytes, str | None]:
    """Take the steering parameters out of a body.

    content_type: of the request. rename: gives the name under which the external process knows a model.
    Returns: the body, the same bytes if nothing had to go, and the model that a JSON body names.
    Raises: InvalidJson for what looks like JSON and is not; InvalidParameter for a form whose fields cannot be read,
    and for a container that is nested too deeply.
    """
    media, _, parameters = content_type.partition(";")
    if media.strip().lower() == _MULTIPART:
        return _multipart(raw, parameters), None
    # LiteLLM reads a body that is no form as JSON, whatever its type says. An endpoint that reads the bytes itself does
    # so with a form, too, which is what curl calls a body without a type.
    if _looks_like_json(raw):
        return _json(raw, rename)
    return (_form(raw) if media.strip().lower() == _FORM else raw), None


def _looks_like_json(raw: bytes) -> bool:
    """Returns: whether this is a JSON object in UTF-8. Raises: InvalidJson for one in another encoding."""
    if raw.lstrip(b" \t\r\n").startswith(b"{"):
        return True
    encoding = json.detect_encoding(raw[:64])
    if encoding != "utf-8" and raw[:64].decode(encoding, "ignore").lstrip("\ufeff \t\r\n").startswith("{"):
        raise InvalidJson("Request body is not JSON in UTF-8")
    return False


def _json(raw: bytes, rename: Callable[[str], str]) -> tuple[bytes, str | None]:
    try:
        refuse_long_numbers(raw)
        body: dict[str, Any] = msgspec.json.decode(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidJson(f"Request body is not valid JSON: {error}") from error
    kept = without_steering(body)
    model = kept.get("model")
    if isinstance(model, str):
        kept["model"] = rename(model)
    return (raw if kept == body else msgspec.json.encode(kept)), model if isinstance(model, str) else None


def _form(raw: bytes) -> bytes:
    # Some readers take a semicolon for a separator. A body without one means the same to all of them.
    parts = raw.replace(b";", b"&").split(b"&", _MOST_FIELDS)
    _check_count(parts)
    kept = [part for part in parts if not _pair_steers(part.decode("latin-1"))]
    return raw if len(kept) == len(parts) else b"&".join(kept)


def _check_count(parts: Sequence[bytes]) -> None:
    if len(parts) >= _MOST_FIELDS:
        raise InvalidParameter(f"A form may have {_MOST_FIELDS} fields", param="body")


def _pair_steers(pair: str) -> bool:
    name, _, value = pair.partition("=")
    return field_steers(unquote_plus(name), unquote_plus(value))


def _multipart(raw: bytes, parameters: str) -> bytes:
    found = [part for part in parameters.split(";") if part.strip().lower().startswith("boundary")]
    match = _BOUNDARY.fullmatch(found[0].strip()) if len(found) == 1 else None
    if match is None or not parameters.isascii():
        raise InvalidParameter("The multipart body has no plain boundary", param="content-type")
    mark = b"--" + (match[1] or match[2]).encode()
    before, *parts = raw.split(mark, _MOST_FIELDS)
    _check_count(parts)
    if before.strip(b"\r\n") or not parts or not parts[-1].startswith(b"--"):
        raise InvalidParameter("The multipart body does not keep to its boundary", param="body")
    kept = [part for part in parts[:-1] if not field_steers(*_field(part))]
    return raw if len(kept) == len(parts) - 1 else mark.join([before, *kept, parts[-1]])


def _field(part: bytes) -> tuple[str, str]:
    """Read a field of a form.

    Returns: its name and text.
    Raises: InvalidParameter for one that two readers could read differently.
    """
    head, end, body = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    lines = head.split(b"\r\n") if len(head) <= _HEAD_BYTES else []
    bare = any(character in line for line in lines for character in (b"\r", b"\n", b"\0"))
    pairs = [line.partition(b":") for line in lines]
    dispositions = [value for name, _, value in pairs if name.strip().lower() == b"content-disposition"]
    name = _name(dispositions[0].decode("latin-1")) if end and not bare and len(dispositions) == 1 else None
    if name is None:
        raise InvalidParameter("A part of the multipart body has no plain name", param="body")
    return name, body.removesuffix(b"\r\n").decode("utf-8", "replace")


def _name(disposition: str) -> str | None:
    """Returns: the one name of a field, None unless all else there is a file's name, each once and without escapes."""
    kind, _, rest = disposition.strip().partition(";")
    found: dict[str, str] = {}
    while rest.strip():
        key, equals, rest = rest.strip().partition("=")
        quoted = rest.startswith('"')
        value, closed, rest = rest[1:].partition('"') if quoted else rest.partition(";")
        if quoted:
            between, _, rest = rest.partition(";")
            equals = equals if closed and not between.strip() else ""
        if not equals or key.lower() not in _OF_A_FIELD or key.lower() in found or "\\" in value:
            return None
        found[key.lower()] = value if quoted else value.strip()
    name = found.get("name", "")
    return name if kind.strip().lower() == "form-data" and _PLAIN_NAME.fullmatch(name) else None

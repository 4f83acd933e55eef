"""Finds the secrets among configured values, so that they can be taken out of what is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mini_agent.core.redaction import is_sensitive_header, is_sensitive_key
from mini_agent.settings.references import find_references, is_reference


def secret_leaves(value: object, secret: bool = False) -> Iterator[str]:
    """Yield the strings below fields that hold credentials."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            name = str(key)
            hidden = secret or is_sensitive_key(name) or name in ("master_key", "auth_value")
            if name in ("extra_headers", "env") and isinstance(item, Mapping):
                yield from (str(leaf) for header, leaf in item.items() if is_sensitive_header(str(header)))
            else:
                yield from secret_leaves(item, hidden)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secret_leaves(item, secret)
    elif secret and isinstance(value, str) and not is_reference(value):
        yield value


def secrets_of_headers(text: str) -> Iterator[str]:
    """Yield the values of the default tool headers that hold credentials, with and without their scheme."""
    try:
        headers = json.loads(text or "{}")
    except ValueError:
        return
    for name, value in headers.items() if isinstance(headers, dict) else ():
        if isinstance(value, str) and is_sensitive_header(name):
            yield value
            yield value.rpartition(" ")[2]


def referenced_names(params: Mapping[str, Any]) -> Iterator[str]:
    """Yield the variables that a model's parameters refer to for credentials."""
    for key_path, name in find_references(params, ""):
        leaf = key_path.rsplit(".", 1)[-1]
        if is_sensitive_key(leaf) or (key_path.startswith("extra_headers.") and is_sensitive_header(leaf)):
            yield name

"""The headers of the HTTP tool protocol: defaults from the environment, replaced by those of the request."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from mini_agent.core.errors import InvalidParameter
from mini_agent.core.patterns import Pattern
from mini_agent.net.hop_headers import HOP_BY_HOP

_log = logging.getLogger("mini_agent.tools")

_NAME = Pattern(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
#: RFC 9110 field content: no control characters but the tab.
_VALUE = Pattern(r"[\t\x20-\x7e\x80-\xff]*")

#: Headers that say where a message goes and where it ends: `Host`, what frames the body, and what concerns one
#: connection only (RFC 9110 7.6.1). Whoever sets them decides more than what the message says.
_OURS = frozenset({"host", "content-length", "expect"} | {name.decode() for name in HOP_BY_HOP})


def parse_default_headers(text: str) -> dict[str, str]:
    """Read `MINI_AGENT_TOOL_HTTP_HEADERS`. Meant to be called once per app, because it logs what it ignores.

    text: a JSON object of strings; empty or blank means none.

    Returns: the headers with lower-case names; empty when the text is malformed. Values are never logged.
    """
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        _log.warning("MINI_AGENT_TOOL_HTTP_HEADERS is ignored: not JSON")
        return {}
    if not isinstance(value, dict):
        _log.warning("MINI_AGENT_TOOL_HTTP_HEADERS is ignored: not a JSON object")
        return {}
    headers: dict[str, str] = {}
    for name, item in value.items():
        problem = _problem(name, item)
        if problem is None:
            headers[name.lower()] = str(item)
        else:
            _log.warning("a header of MINI_AGENT_TOOL_HTTP_HEADERS is ignored: %s", problem)
    return headers


def merge_headers(defaults: Mapping[str, str], request: Mapping[str, object] | None) -> dict[str, str]:
    """Merge the headers of a run (GATEWAY 6.4).

    defaults: lower-case names. request: names in any casing; each replaces the default of the same name and is sent as
    spelled. Of request headers that differ only in casing the last counts.

    Returns: one entry per header. Raises: InvalidParameter for a header that cannot be sent.
    """
    merged = {name.lower(): (name.lower(), value) for name, value in defaults.items()}
    for name, value in (request or {}).items():
        problem = _problem(name, value)
        if problem is not None:
            raise InvalidParameter(f"tool_http_headers: {problem}", param="tool_http_headers")
        merged[name.lower()] = (name, str(value))
    return dict(merged.values())


def _problem(name: object, value: object) -> str | None:
    # The text never holds the value, nor a name that is no name: either may be a secret in the wrong place.
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return "a header name is not valid"
    if name.lower() in _OURS:
        return f"header '{name}' cannot be set"
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        return f"the value of header '{name}' is not a valid string"
    return None

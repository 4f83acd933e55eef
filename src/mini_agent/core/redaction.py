"""What must never be read by others: headers, JSON fields and text (GATEWAY 11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mini_agent.core.patterns import Pattern, literal
from mini_agent.core.text import encodable

REDACTED = "[redacted]"

_HEADER_WORDS = ("auth", "cookie", "key", "token", "secret", "password", "session")
_KEY_ENDINGS = ("api_key", "_token", "secret", "password", "authorization", "cookie")
_PATTERNS: tuple[tuple[Pattern[str], str], ...] = (
    (Pattern(r"(?i)\bbearer\s+[^\s\"',;}\]]+"), f"Bearer {REDACTED}"),
    (Pattern(r"\bsk-[A-Za-z0-9_\-]{4,}"), REDACTED),
    # The user and password part of an address: scheme://user:password@host.
    (Pattern(r"(?i)(\b[a-z][a-z0-9+.\-]*://)[^\s/@\"']+@"), rf"\1{REDACTED}@"),
    (
        Pattern(r"(?i)([?&][^=&\s\"']*(?:key|token|secret|password|auth|signature)[^=&\s\"']*=)[^&\s\"'#]+"),
        rf"\1{REDACTED}",
    ),
    (Pattern(r"(?i)(data:[a-z0-9.+\-]+/[a-z0-9.+\-]+)[;,][^\s\"')]*"), r"\1"),
)
#: A known secret shorter than this would redact ordinary words.
_SHORTEST_SECRET = 4


def is_sensitive_header(name: str) -> bool:
    """Returns: whether a header of this name may hold a credential."""
    lowered = name.lower()
    return any(word in lowered for word in _HEADER_WORDS)


def is_sensitive_key(name: str) -> bool:
    """Returns: whether a JSON field of this name may hold a credential."""
    lowered = name.lower().replace("-", "_")
    return lowered == "token" or lowered.endswith(_KEY_ENDINGS)


class Redactor:
    """Replaces credentials by `[redacted]`.

    secrets: values known from the settings; longer ones are replaced first, so that none leaves a rest behind.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {encodable(secret) for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        ordered = sorted(known, key=len, reverse=True)
        self._known = Pattern("|".join(literal(secret) for secret in ordered)) if ordered else None

    def text(self, value: str) -> str:
        """Returns: the text without known secrets, bearer values, `sk-` keys, URL credentials and data-URL bodies."""
        if self._known is not None:
            value = self._known.sub(REDACTED, value)
        for pattern, replacement in _PATTERNS:
            value = pattern.sub(replacement, value)
        return value

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Returns: a copy whose sensitive headers are redacted and whose other values are cleaned."""
        return {name: REDACTED if is_sensitive_header(name) else self.text(value) for name, value in headers.items()}

    def json(self, value: object) -> object:
        """Returns: a copy of a JSON value with sensitive fields and credentials inside strings redacted."""
        if isinstance(value, Mapping):
            return {
                key: REDACTED if isinstance(key, str) and is_sensitive_key(key) and item else self.json(item)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.json(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

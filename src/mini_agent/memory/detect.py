"""Which user a request belongs to (GATEWAY.md 8.1): custom header, then patterns in order, then the default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from mini_agent.core.errors import InvalidParameter
from mini_agent.core.text import is_plain_id
from mini_agent.memory.needle import required_texts
from mini_agent.settings.schema import HeaderPattern, UserIdMappings

__all__ = ["Detection", "PatternMatch", "UserDetector", "header_text"]

#: A pattern looks at this many characters of a header. A client chooses the value, and the time of an expression with
#: two gaps grows with the cube of its length: 2,048 characters took three seconds, these take a hundredth of that.
SEARCHED_CHARACTERS = 512
#: Header values of up to this many bytes together are remembered with the rule they led to: clients repeat themselves.
_REMEMBERED_BYTES = 1024


@dataclass(frozen=True, slots=True)
class PatternMatch:
    """The pattern that decided. header: its name. value: what the client sent, as text."""

    header: str
    value: str
    pattern: str
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Whose request it is, and why. matched: None unless a pattern decided."""

    user_id: str
    matched: PatternMatch | None = None
    custom_header_present: bool = False

    @property
    def is_default(self) -> bool:
        """Returns: whether neither header nor pattern applied."""
        return self.matched is None and not self.custom_header_present


class UserDetector:
    """Applies the rules of `user_id_mappings`, compiled once."""

    def __init__(self, mappings: UserIdMappings) -> None:
        self._custom_header = mappings.custom_header
        self._custom_name = mappings.custom_header.encode()
        self._rules = [_Rule(pattern) for pattern in mappings.header_patterns]
        self._names = tuple(dict.fromkeys(rule.name for rule in self._rules))
        self._default = Detection(user_id=mappings.default_user_id)
        self._remembered = lru_cache(maxsize=1024)(self._search)

    def detect(self, headers: Mapping[bytes, bytes]) -> Detection:
        """Find the user.

        headers: lower-case names; of duplicates the first.
        Returns: the user and the rule that applied.
        Raises: InvalidParameter naming the custom header, when its value has whitespace or control characters inside.
        """
        given = headers.get(self._custom_name)
        if given is not None and (user_id := header_text(given).strip()):
            if not is_plain_id(user_id):
                name = self._custom_header
                raise InvalidParameter(f"Header '{name}' must not contain whitespace or control characters", param=name)
            return Detection(user_id=user_id, custom_header_present=True)
        if not self._rules:
            return self._default
        values = tuple(headers.get(name) for name in self._names)
        short = sum(len(value) for value in values if value is not None) <= _REMEMBERED_BYTES
        return self._remembered(values) if short else self._search(values)

    def _search(self, values: tuple[bytes | None, ...]) -> Detection:
        texts = {
            name: _HeaderValue(header_text(value))
            for name, value in zip(self._names, values, strict=True)
            if value is not None
        }
        for rule in self._rules:
            value = texts.get(rule.name)
            if value is not None and rule.matches(value):
                found = rule.mapping
                match = PatternMatch(found.header, value.text, found.pattern, found.user_id)
                return Detection(user_id=found.user_id, matched=match)
        return self._default


class _HeaderValue:
    """A value as patterns see it. plain: in lower case, None when letters have unusual cases."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.searched = text[:SEARCHED_CHARACTERS]
        # Outside of ASCII some letters equal several others, which only the expression knows.
        self.plain = self.searched.lower() if text.isascii() else None


class _Rule:
    """One pattern, compiled."""

    def __init__(self, mapping: HeaderPattern) -> None:
        self.mapping = mapping
        self.name = mapping.header.encode()
        self._search = re.compile(mapping.pattern, re.IGNORECASE).search
        self._needles = required_texts(mapping.pattern)

    def matches(self, value: _HeaderValue) -> bool:
        plain = value.plain
        if plain is not None and not any(needle in plain for needle in self._needles):
            return False
        return self._search(value.searched) is not None


def header_text(value: bytes) -> str:
    """Returns: a header value as text. UTF-8 is what clients send today, Latin-1 is what HTTP once meant."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")

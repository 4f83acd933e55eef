"""Which user a request belongs to (GATEWAY 8.1): custom header, then patterns in order, then the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mini_agent.core.errors import InvalidParameter
from mini_agent.core.patterns import PatternSet
from mini_agent.core.text import is_plain_id
from mini_agent.settings.schema import HeaderPattern, UserIdMappings

#: A pattern looks at this many characters of a header: a client chooses the value, and the operator how many patterns.
SEARCHED_CHARACTERS = 512


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
        self._rules = tuple(mappings.header_patterns)
        self._of_header = _by_header(self._rules)
        self._default = Detection(user_id=mappings.default_user_id)

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
        first: tuple[int, str] | None = None
        for header, rules, patterns in self._of_header:
            value = headers.get(header)
            if value is None:
                continue
            text = header_text(value)
            found = patterns.first(text[:SEARCHED_CHARACTERS])
            if found is not None and (first is None or rules[found] < first[0]):
                first = rules[found], text
        if first is None:
            return self._default
        rule, text = self._rules[first[0]], first[1]
        return Detection(user_id=rule.user_id, matched=PatternMatch(rule.header, text, rule.pattern, rule.user_id))


def _by_header(rules: Sequence[HeaderPattern]) -> list[tuple[bytes, list[int], PatternSet]]:
    """Returns: for each header its name, which of the rules look at it, and their expressions."""
    indices: dict[str, list[int]] = {}
    for index, rule in enumerate(rules):
        indices.setdefault(rule.header, []).append(index)
    return [
        (header.encode(), mine, PatternSet((rules[index].pattern for index in mine), ignore_case=True))
        for header, mine in indices.items()
    ]


def header_text(value: bytes) -> str:
    """Returns: a header value as text. UTF-8 is what clients send today, Latin-1 is what HTTP once meant."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")

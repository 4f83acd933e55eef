"""Patterns of paths: `*` and `?` stay within a folder, `**` crosses folders, as in .gitignore and workflow files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_TOKENS = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
_MEANINGS = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Return whether a path, relative and with `/`, is one that any of the patterns means."""
    return bool(_expression(tuple(patterns)).fullmatch(path))


@lru_cache(maxsize=256)
def _expression(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return patterns as one regular expression; without any it means nothing."""
    tokens = (_TOKENS.findall(pattern) for pattern in patterns)
    meanings = ("".join(_MEANINGS.get(token) or re.escape(token) for token in one) for one in tokens)
    return re.compile("|".join(meanings) or r"(?!)", re.DOTALL)


def wild(text: str, pattern: str) -> bool:
    """Return whether a pattern means a text; `*` is anything and `?` one character, and nothing else is special."""
    return text == pattern or (("*" in pattern or "?" in pattern) and bool(_wild(pattern).fullmatch(text)))


@lru_cache(maxsize=4096)
def _wild(pattern: str) -> re.Pattern[str]:
    """Return such a pattern as a regular expression."""
    parts = re.split(r"([*?])", pattern)
    meanings = {"*": ".*", "?": "."}
    return re.compile("".join(meanings.get(part) or re.escape(part) for part in parts), re.DOTALL)

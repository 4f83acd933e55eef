"""Patterns of paths: `*` and `?` stay within a folder, `**` crosses folders, as in .gitignore and workflow files."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TOKENS = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
_MEANINGS = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Return whether a path, relative and with `/`, is one that any of the patterns means."""
    return any(re.fullmatch(_expression(pattern), path, re.DOTALL) for pattern in patterns)


def _expression(pattern: str) -> str:
    """Return a pattern as a regular expression."""
    return "".join(_MEANINGS.get(token) or re.escape(token) for token in _TOKENS.findall(pattern))

"""Secrets that stand in shell text: they are in none of what a migration prints or writes."""

from __future__ import annotations

import re
from collections.abc import Iterator

HIDDEN = "[redacted]"

_VALUE = r"[^\s\"'`\\$<>{}\[\]][^\s\"'`\\<>{}\[\]]*"
"""A value that is written out; one that begins with `$`, `<` or `{` stands for another."""

_BETWEEN = r"[\"'\\]*\s*[:=]\s*[\"'\\]*"
"""What parts a name from its value in headers, JSON and YAML, within whatever quotation."""

_GAP = r"(?:[\"']?,?\s+|=)[\"']?"
"""What parts an option from its value, in a shell's words and in a list of Python's."""

_NAME = r"(?:(?:[A-Za-z0-9]+[_-])*(?:apikey|token|secret|password|passwd)|(?:[A-Za-z0-9]+[_-])+key)"

_PLACES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # By their own form, wherever they stand: OpenAI and those like it, GitHub, GitLab, Slack, AWS, Google, a JWT.
        r"(?<![\w-])()((?:sk|pk|rk)-(?=[\w-]*\d)[\w-]{6,}|gh[opsru]_\w{10,}|github_pat_\w{10,}|glpat-[\w-]{10,}|hf_\w{10,}"
        r"|xox[a-z]-[\w-]{8,}|AKIA[0-9A-Z]{12,}|AIza[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)",
        # By what stands before them: headers, options, assignments, addresses, curl's users.
        rf"\b((?:proxy-)?authorization{_BETWEEN}(?:(?:bearer|basic|token)\s+)?)(?!(?:bearer|basic|token)\b)({_VALUE})",
        rf"\b(bearer\s+)({_VALUE})",
        rf"(?<![\w/.-])(-{{0,2}}{_NAME}{_BETWEEN})({_VALUE})",
        rf"(?<![\w-])(--{_NAME}{_GAP})(?!-)({_VALUE})",
        rf"(://[^\s/:@\"']+:)({_VALUE})(?=@)",
        rf"(?<![\w-])((?:-u|--user){_GAP}[^\s:\"'$\d][^\s:\"'$]*:)({_VALUE})",
    )
)


def hidden(text: str) -> str:
    """Return a text with a mark in the place of each value that looks like a secret."""
    for pattern in _PLACES:
        text = pattern.sub(lambda found: f"{found[1]}{HIDDEN}", text)
    return text


def secret_lines(text: str) -> Iterator[int]:
    """Yield the number of each line that holds a secret, from 1."""
    for number, line in enumerate(text.splitlines(), 1):
        if hidden(line) != line:
            yield number

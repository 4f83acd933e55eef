"""What every match of a regular expression contains: a quick way to see that there is none."""

from __future__ import annotations

import re

__all__ = ["required_texts"]

_OPTIONAL = "*?{"
_BREAKS = ".^$"
_UNREADABLE = re.compile(r"\(\?(?:[a-zA-Z]*x|#)")


def required_texts(pattern: str) -> tuple[str, ...]:
    """Find pieces of plain text of which every match contains at least one.

    Looking for them takes a fraction of the time of a search that ignores case. The reading is careful, not clever:
    what stands in groups and sets does not count, and a pattern with comments, or in which whitespace means nothing, is
    not read at all.

    pattern: a valid expression.
    Returns: the longest text of each alternative, in lower case; an empty one where an alternative has none.
    """
    if _UNREADABLE.search(pattern):
        return ("",)
    alternatives = [[""]]
    rest = pattern
    while rest:
        text, length, plain = _next_atom(rest)
        rest = rest[length:]
        if not plain and text == "|":
            alternatives.append([""])
            continue
        runs = alternatives[-1]
        repeats = rest[:1]
        if plain and repeats not in tuple(_OPTIONAL):
            runs[-1] += text
        if not plain or repeats in (*_OPTIONAL, "+"):
            runs.append("")
    return tuple(max(runs, key=len).lower() for runs in alternatives)


def _next_atom(rest: str) -> tuple[str, int, bool]:
    """Returns: the text of the first atom, how many characters of the pattern it takes, whether it is plain text."""
    first = rest[0]
    if first == "\\":
        # Escaped punctuation means itself; an escaped letter or digit means something else.
        return rest[1], 2, not rest[1].isalnum()
    if first == "[":
        return "", _set_length(rest), False
    if first == "(":
        return "", _group_length(rest), False
    if first == "|":
        return "|", 1, False
    if first == "{" or first in _BREAKS + _OPTIONAL + "+)":
        return "", 1 if first != "{" else _braces_length(rest), False
    return first, 1, True


def _set_length(rest: str) -> int:
    # The first character of a set is a member even if it is the closing bracket.
    start = 2 if rest[1:2] == "^" else 1
    index = start + 1 if rest[start : start + 1] != "\\" else start
    while rest[index] != "]":
        index += 2 if rest[index] == "\\" else 1
    return index + 1


def _group_length(rest: str) -> int:
    depth = index = 0
    while True:
        if rest[index] == "\\":
            index += 2
        elif rest[index] == "[":
            index += _set_length(rest[index:])
        else:
            depth += {"(": 1, ")": -1}.get(rest[index], 0)
            index += 1
            if depth == 0:
                return index


def _braces_length(rest: str) -> int:
    end = rest.find("}")
    return end + 1 if end > 0 else 1

"""TOML as text: values and tables that are written, and inline tables that become tables of their own."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 90
"""Characters of a list that stands in one line."""


def quoted(text: str) -> str:
    """Return text as a TOML string; JSON's form is TOML's, but for DEL and characters that UTF-8 lacks."""
    clean = text.encode("utf-8", "replace").decode()
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")


def array(items: Iterable[object], longest: int = _LONGEST) -> str:
    """Return values as an array, on one line where that is no longer than so many characters."""
    written = [value(item) for item in items]
    line = f"[{', '.join(written)}]"
    return line if len(line) < longest else "[\n" + "".join(f"    {item},\n" for item in written) + "]"


def value(content: object) -> str:
    """Return a value as it stands behind `=`: a text, number, switch, list, or a table in one line."""
    if isinstance(content, str):
        return quoted(content)
    if isinstance(content, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {value(item)}" for name, item in content.items()) + " }"
    if isinstance(content, list | tuple):
        return f"[{', '.join(map(value, content))}]"
    return json.dumps(content)


def table(path: Sequence[str], content: Mapping[str, object], comments: Iterable[str] = ()) -> str:
    """Return a table with its header and the tables in it, each line ended.

    Args:
        path: names of the table, from the top; content: value by key.
        comments: lines above it, without `#`.
    """
    rows = [f"{_key(name)} = {value(item)}" for name, item in content.items() if not isinstance(item, Mapping)]
    inner = [table((*path, name), item) for name, item in content.items() if isinstance(item, Mapping)]
    header = [f"[{'.'.join(map(_key, path))}]"] if rows or not inner else []
    own = "\n".join([*(f"# {line}" for line in comments), *header, *rows])
    return "\n".join([f"{own}\n"] * bool(own) + inner)


def outlined(text: str, path: Sequence[str]) -> str:
    """Return a TOML text whose table can be added to: an inline one becomes tables of their own at the end.

    What was there stays as a comment. A text that needs no change, or in which the table cannot be found, is returned
    as it is.

    Args:
        text: of the file; path: names of the table, from the top.
    """
    lines = text.splitlines(keepends=True)
    content = tomllib.loads(text)
    if (
        not isinstance(_at(content, path), dict)
        or _content(f"{text}\n[{'.'.join(path)}.greenlane-probe]\n") is not None
    ):
        return text
    for start, line in enumerate(lines):
        if "{" not in line:
            continue
        for end in range(start + 1, len(lines) + 1):
            rest = _content("".join(lines[:start] + lines[end:]))
            gone = [] if rest is None else [path[:n] for n in range(1, len(path) + 1) if _at(rest, path[:n]) is None]
            if not gone:
                continue
            old = "".join(f"# {line}" for line in lines[start:end])
            new = (
                "".join([*lines[:start], old, *lines[end:]]).rstrip("\n")
                + "\n\n"
                + table(gone[0], _at(content, gone[0]))
            )
            if _content(new) == content:
                return new
    return text


def _content(text: str) -> dict[str, Any] | None:
    """Return what a text says; None for one that is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _at(content: Mapping[str, Any], path: Sequence[str]) -> Any:
    """Return what stands at a place; None for nothing."""
    found: Any = content
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _key(name: str) -> str:
    """Return a name as a key."""
    return name if _BARE.fullmatch(name) else quoted(name)

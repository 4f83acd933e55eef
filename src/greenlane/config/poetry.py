"""Requirements as Poetry writes them, as the packaging standards write them.

The rules are those of Poetry's documentation, "Dependency specification".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any


def requirement_of(name: str, value: Any) -> Iterator[str]:
    """Yield the requirements that one entry of a table of Poetry means.

    Args:
        name: of the distribution; `python` is no distribution.
        value: a constraint, a table, or a list of tables for several environments.
    """
    if name == "python":
        return
    for entry in value if isinstance(value, list) else [value]:
        table: Mapping[str, Any] = entry if isinstance(entry, dict) else {"version": entry}
        extras = f"[{','.join(table['extras'])}]" if table.get("extras") else ""
        markers = [f"({table['markers']})"] if table.get("markers") else []
        if table.get("python"):
            markers.append(_python(str(table["python"])))
        where = f" ; {' and '.join(markers)}" if any(markers) else ""
        yield f"{name}{extras}{_source(table)}{where}"


def _source(table: Mapping[str, Any]) -> str:
    """Return where a distribution comes from: a version, an address, a repository or a folder."""
    if "git" in table:
        at = next((f"@{table[key]}" for key in ("rev", "tag", "branch") if key in table), "")
        return f" @ git+{table['git']}{at}"
    if "url" in table:
        return f" @ {table['url']}"
    if "path" in table:
        return f" @ {table['path']}"
    return specifier(str(table.get("version", "*")))


def _python(constraint: str) -> str:
    """Return a constraint on Python as a marker."""
    parts = [part for part in specifier(constraint).split(",") if part]
    return " and ".join(
        f"python_version {m.group(1)} '{m.group(2)}'" for part in parts if (m := re.match(r"([<>=!~]+)(.+)", part))
    )


def specifier(constraint: str) -> str:
    """Return a version constraint of Poetry as a specifier: `^1.2` is `>=1.2,<2`.

    Alternatives (`||`) have no counterpart: the last of them, the newest as people write them, is taken.
    """
    last = re.split(r"\s*\|\|?\s*", constraint.strip())[-1]
    parts = [part for part in re.split(r"\s*,\s*|(?<=[\w*])\s+(?=[<>=!~^])", last) if part]
    return ",".join(word for part in parts if (word := _part(part.strip())))


def _part(part: str) -> str:
    """Return one constraint as a specifier."""
    if part == "*":
        return ""
    version = part.lstrip("^~=<>! ")
    if part.startswith("^"):
        return f">={version},<{_above_caret(version)}"
    if part.startswith("~") and not part.startswith("~="):
        numbers = _numbers(version)
        return f">={version},<{_raised(numbers, min(1, len(numbers) - 1))}"
    operator = re.match(r"[<>=!~]*", part.replace(" ", ""))
    found = operator.group() if operator else ""
    return f"{found or '=='}{version}" if found != "=" else f"=={version}"


def _numbers(version: str) -> list[int]:
    """Return the numbers of a release, as `[1, 2]`."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return [int(word) for word in match.group().split(".")] if match else [0]


def _above_caret(version: str) -> str:
    """Return the first release that a caret no longer means: the leftmost number that is not 0 changes."""
    numbers = _numbers(version)
    place = next((i for i, number in enumerate(numbers) if number), len(numbers) - 1)
    return _raised(numbers, place)


def _raised(numbers: list[int], place: int) -> str:
    """Return a release with one number raised and the rest left out."""
    return ".".join(map(str, [*numbers[:place], numbers[place] + 1]))

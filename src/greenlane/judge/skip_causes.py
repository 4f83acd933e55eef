"""The causes of skips that a machine can check: what a test needs, compared with facts of the run."""

from __future__ import annotations

import operator
import re
import sys
from collections.abc import Callable

import msgspec

from greenlane.evidence.ledger import Facts, SkipEntry

PLATFORMS = (
    "aix", "android", "cygwin", "darwin", "emscripten", "freebsd", "ios", "linux", "netbsd", "openbsd", "sunos", "wasi",
    "win32",
)  # fmt: skip
IMPLEMENTATIONS = ("cpython", "pypy", "graalpy")
PRIVILEGES = ("root", "user")

_VERSION = re.compile(r"(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+){0,2})")
_COMPARE: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt,
}  # fmt: skip


class Check(msgspec.Struct, frozen=True):
    """How one cause is checked.

    Attributes:
        wrong: returns what is wrong with what an entry asks for; empty when nothing is.
        met: returns whether a run has what is asked for; None where its facts do not say.
        fact: returns what a run is, in words.
    """

    wrong: Callable[[str], str]
    met: Callable[[str, Facts], bool | None]
    fact: Callable[[Facts], str]


def _named(key: str, known: tuple[str, ...]) -> Check:
    """Return the check of a fact that has a name: `linux, darwin` or `!win32`."""

    def wrong(value: str) -> str:
        unknown = [word for word in _words(value) if word.removeprefix("!") not in known]
        listed = ", ".join(map(repr, unknown)) or "nothing"
        return f"{listed} is not one of {', '.join(known)}" if unknown or not _words(value) else ""

    def met(value: str, facts: Facts) -> bool | None:
        actual = getattr(facts, key)
        wanted = [word for word in _words(value) if not word.startswith("!")]
        return (not wanted or actual in wanted) and f"!{actual}" not in _words(value) if actual else None

    return Check(wrong, met, lambda facts: getattr(facts, key))


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",") if word.strip()]


def _wrong_python(value: str) -> str:
    words = _words(value)
    if words and all(_VERSION.fullmatch(word) for word in words):
        return ""
    return f"{value!r} is not a range of versions such as >=3.12 or >=3.11, <3.14"


def _python(value: str, facts: Facts) -> bool | None:
    actual = re.match(r"\d+(?:\.\d+)*", facts.python)
    if not actual:
        return None
    parts = tuple(map(int, actual[0].split(".")))
    for sign, wanted in _VERSION.findall(value):
        asked = tuple(map(int, wanted.split(".")))
        # As precise as it is asked for: 3.12.4 is 3.12.
        if not _COMPARE[sign](parts[: len(asked)], asked):
            return False
    return True


def _wrong_dependency(value: str) -> str:
    if not all(part.isidentifier() for part in value.split(".")):
        return f"{value!r} is not an import name such as numpy"
    if value.split(".", maxsplit=1)[0] in sys.stdlib_module_names:
        return f"{value!r} is in the standard library, which no lock holds"
    return ""


def _dependency(value: str, facts: Facts) -> bool | None:
    return value.split(".", maxsplit=1)[0] in facts.imports if facts.imports else None


CHECKS = {
    "platform": _named("platform", PLATFORMS),
    "python": Check(_wrong_python, _python, lambda facts: facts.python),
    "implementation": _named("implementation", IMPLEMENTATIONS),
    "privilege": _named("privilege", PRIVILEGES),
    "dependency": Check(_wrong_dependency, _dependency, lambda _: "in the lock"),
}
"""How each cause is checked; `elsewhere` is proved by what another lane ran."""


def needs_met(entry: SkipEntry, facts: Facts) -> bool | None:
    """Return whether a run has what the tests of an entry need; None where that cannot be told by its facts."""
    ((name, value),) = entry.causes
    return CHECKS[name].met(value, facts) if name in CHECKS else None


_IMPORT = re.compile(
    r"(?:could not import|No module named) '([A-Za-z_][\w.]*)'|\b([A-Za-z_]\w*) (?:is )?(?:not installed|required)\b"
)
_PYTHON = re.compile(r"python\s*(?:version)?\s*[<>=!]*\s*(3\.\d+)|version_info\s*[<>=!]+\s*\(3, ?(\d+)", re.IGNORECASE)
_PLATFORM_WORDS = {
    "win32": "win32|windows", "darwin": "darwin|mac ?os|os ?x", "linux": "linux", "sunos": "sunos|solaris",
}  # fmt: skip
_OTHERS = {"implementation": {"pypy": "pypy", "graalpy": "graalpy", "cpython": "cpython"}, "platform": _PLATFORM_WORDS}


def suggested_cause(reason: str, facts: Facts) -> tuple[str, str] | None:
    """Return the cause that a skip's reason speaks of, if it holds for this run: a proposal for a person to look at.

    Args:
        reason: what the skip says; facts: of the run in which it was skipped.
    """
    for name, known in _OTHERS.items():
        here = getattr(facts, name)
        for value, words in known.items():
            if here and re.search(rf"\b(?:{words})\b", reason, re.IGNORECASE):
                return name, f"!{value}" if value == here else value
    if (match := _PYTHON.search(reason)) and facts.python:
        version = match[1] or f"3.{match[2]}"
        return "python", f"<{version}" if _python(f">={version}", facts) else f">={version}"
    if facts.privilege and re.search(r"\b(?:root|superuser|administrator)\b", reason, re.IGNORECASE):
        return "privilege", "user" if facts.privilege == "root" else "root"
    for match in _IMPORT.finditer(reason):
        name = match[1] or match[2]
        if not _wrong_dependency(name) and _dependency(name, facts) is False:
            return "dependency", name
    return None

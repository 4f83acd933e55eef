"""What a shell command that runs pytest asks for, as far as a lane can say it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

import msgspec

DEFAULT_TESTS = "tests"
_RUNNERS = (("poetry", "run"), ("uv", "run"), ("pipenv", "run"), ("hatch", "run"), ("pdm", "run"))
_PYTHON = re.compile(r"python[\d.]*(?:\.exe)?")
_WITH_VALUE = ("-k", "-m", "-n", "-p", "-o", "-c", "-W", "-r", "--maxfail", "--timeout", "--numprocesses", "--deselect")
_QUIET = re.compile(r"-[qv]+|--quiet|--verbose|-s|-r\w*|-ra|--tb=\w+|--color=\w+|--no-header|--durations=\d+")
"""Options that only change what is shown."""


class PytestCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call of pytest.

    Attributes:
        tests: files and folders; workers: processes, 0 for none said.
        test_timeout: seconds for one test, None for none said.
        notes: what a lane does not take over, one line each.
    """

    tests: tuple[str, ...]
    workers: int | str = 0
    test_timeout: float | None = None
    notes: tuple[str, ...] = ()


def call_of(words: Sequence[str]) -> PytestCall | None:
    """Return the call of pytest that a command makes; None for a command that makes none.

    Args:
        words: of the command, as a shell splits it.
    """
    arguments = _arguments(words)
    if arguments is None:
        return None
    tests: list[str] = []
    notes: list[str] = []
    workers: int | str = 0
    timeout = None
    for option, value in _options(arguments):
        if not option:
            tests.append(value)
        elif option in ("-n", "--numprocesses") and (value.isdecimal() or value in ("auto", "logical")):
            workers = int(value) if value.isdecimal() else "auto"
        elif option == "--timeout" and re.fullmatch(r"\d+(\.\d+)?", value):
            timeout = float(value)
        elif option in ("-k", "-m", "--deselect"):
            notes.append(f"`{option} {value}` selects; a lane is whole: move these tests to a folder of their own")
        elif option in ("-x", "--exitfirst", "--maxfail"):
            notes.append(f"`{option}` stops early, and a run that stops early proves nothing; dropped")
        elif not _QUIET.fullmatch(option):
            notes.append(f"`{' '.join(filter(None, (option, value)))}` is dropped; put what you need into addopts")
    if not tests:
        notes.append(f"it names no tests; {DEFAULT_TESTS!r} is taken")
    return PytestCall(tests=tuple(tests) or (DEFAULT_TESTS,), workers=workers, test_timeout=timeout, notes=tuple(notes))


def _arguments(words: Sequence[str]) -> list[str] | None:
    """Return what is given to pytest; None where it is not pytest that is run."""
    rest = list(words)
    if tuple(rest[:2]) in _RUNNERS:
        rest = rest[2:]
    if not rest:
        return None
    program = PurePosixPath(rest[0]).name
    if program in ("pytest", "py.test"):
        return rest[1:]
    if _PYTHON.fullmatch(program) and "-m" in rest and rest[rest.index("-m") + 1 : rest.index("-m") + 2] == ["pytest"]:
        return rest[rest.index("-m") + 2 :]
    return None


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each option with its value, and each other word with an empty option."""
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            yield "", word
        elif equals:
            yield name, value
        elif word in _WITH_VALUE:
            yield word, next(words, "")
        elif word[:2] in ("-n", "-k", "-m") and len(word) > 2 and not word.startswith("--"):
            yield word[:2], word[2:]
        else:
            yield word, ""

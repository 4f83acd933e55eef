"""What a command that runs pytest asks for, as far as a lane can say it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

import msgspec

DEFAULT_TESTS = "tests"
MOST_WORKERS = 256
_RUNNERS = (("poetry", "run"), ("uv", "run"), ("pipenv", "run"), ("hatch", "run"), ("pdm", "run"), ("rye", "run"))
_PYTHON = re.compile(r"python[\d.]*(?:\.exe)?")
_WITH_VALUE = frozenset(
    "-k -m -n -p -o -c -W -r --maxfail --timeout --numprocesses --deselect --ignore --ignore-glob --rootdir --basetemp"
    " --confcutdir --junitxml --junit-xml --cov-report --cov-config --cov-fail-under --log-level --log-cli-level"
    " --log-file --dist --tx --maxprocesses --timeout-method --tb --durations --import-mode --capture --color --html"
    " --reruns --reruns-delay --show-capture --asyncio-mode --override-ini --session-timeout".split()
)
_QUIET = re.compile(
    r"-[qvs]+|--quiet|--verbose|-r\w*|--tb|--color|--no-header|--no-summary|--durations|--show-capture|--capture"
)
"""Options that only change what is shown."""


class PytestCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call of pytest.

    Attributes:
        tests: files and folders, as they are written; none when it names none.
        workers: processes, 0 for none said.
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
        elif option in ("-n", "--numprocesses") and (count := _workers(value)) is not None:
            workers = count
        elif option == "--timeout" and re.fullmatch(r"\d{1,9}(\.\d+)?", value):
            timeout = float(value)
        else:
            notes += _note(option, value)
    return PytestCall(tests=tuple(tests), workers=workers, test_timeout=timeout, notes=tuple(notes))


def _workers(value: str) -> int | str | None:
    """Return the number of workers, `auto` for one a core; None for what a lane cannot have."""
    if value in ("auto", "logical"):
        return "auto"
    return min(int(value[:6]), MOST_WORKERS) if re.fullmatch(r"[0-9]+", value) else None


def _note(option: str, value: str) -> Iterator[str]:
    """Yield what becomes of an option that a lane does not take over; nothing for one of mere display."""
    text = f"`{' '.join(filter(None, (option, value)))}`"
    if option in ("-k", "-m", "--deselect", "--ignore", "--ignore-glob"):
        yield f"{text} selects; a lane is whole: move these tests to a folder of their own"
    elif option in ("-x", "--exitfirst", "--maxfail"):
        yield f"{text} stops early, and a run that stops early proves nothing; dropped"
    elif option == "--cov" or option.startswith("--cov-"):
        yield f"{text} is dropped; the lane's `coverage` measures, with a threshold"
    elif not _QUIET.fullmatch(option):
        yield f"{text} is dropped; put what you need into addopts"


def bare(word: str) -> bool:
    """Return whether a program is one that every environment has its own of, looked up on the PATH."""
    return re.fullmatch(r"python[\d.]*|pytest|py\.test|pip[\d.]*", word) is not None


def _arguments(words: Sequence[str]) -> list[str] | None:
    """Return what is given to pytest; None where it is not pytest that is run."""
    rest = list(words)
    if tuple(rest[:2]) in _RUNNERS:
        programs = [i for i, word in enumerate(rest[2:], 2) if _PYTHON.fullmatch(word) or word in ("pytest", "py.test")]
        rest = rest[programs[0] :] if programs else []
    if not rest:
        return None
    program = PurePosixPath(rest[0]).name
    if program in ("pytest", "py.test"):
        return rest[1:]
    if program == "coverage" and rest[1:2] == ["run"]:
        program = "python"
    for index, (option, module) in enumerate(pairwise(rest)):
        if _PYTHON.fullmatch(program) and option == "-m":
            if module == "pytest":
                return rest[index + 2 :]
            if module != "coverage":
                return None
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

"""Runs the pages of the documentation: files are written, commands are run, output is compared."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from support.tiny import Ran, TinyProject

BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A fenced block: language, path of the file that it is, content."""

EXTENDED = ("pyproject.toml",)
"""Files that a block adds to."""

CONTROL = ("ready", "verdict")
"""Sessions that run in the environment of control, which needs an index to be built: run as the command they call."""


def run_page(page: Path, project: TinyProject) -> int:
    """Do what a page says in a project, and return how many lines of output were compared.

    A line is compared by its beginning: what stands in the page must be found in what was printed, in that order.

    Raises:
        AssertionError: something was printed that the page does not say.
    """
    compared = 0
    for language, path, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if path:
            there = project.path / path
            before = there.read_text() if path in EXTENDED and there.exists() else ""
            project.write(path, before + text)
        elif language == "console":
            for command in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                line, *expected = command.splitlines()
                compared += compare(expected, run(project, line).output)
    return compared


def run(project: TinyProject, line: str) -> Ran:
    """Run a command line of a page.

    Raises:
        ValueError: it is neither a session nor a command of ours.
    """
    words = shlex.split(line)
    variables = {}
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    if words[:2] == ["nox", "-s"]:
        rest = [word for word in words[2:] if word != "--"]
        return project.greenlane(*rest, **variables) if rest[0] in CONTROL else project.nox(*words[2:], **variables)
    if words[0] == "greenlane":
        return project.greenlane(*words[1:], **variables)
    raise ValueError(f"a page tells people to run {line!r}, which no test knows")


def compare(expected: list[str], output: str) -> int:
    """Find each expected line in the output, after the one before; return how many there are."""
    position = 0
    for line in expected:
        found = re.compile(r"[^\n]*\s+".join(map(re.escape, line.split()))).search(output, position)
        assert found, f"{line!r} is not in\n{output[position:]}"
        position = found.end()
    return len(expected)

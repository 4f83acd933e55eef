"""Gives a lane its files, once the address of the system under test is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from greenlane.supervisor.plan import GivenFile
from greenlane.util.files import write_atomically


def give(files: Iterable[GivenFile], base: str, say: Callable[[str], None]) -> dict[str, str]:
    """Write what is to be written, and return the variables that carry the files.

    Args:
        base: the one base; empty when the lane has none, and then there is nothing that a written file could name.
    """
    variables: dict[str, str] = {}
    for file in files:
        if file.text and not base:
            continue
        for target in (file.path, file.latest) if file.text else ():
            if target:
                write_atomically(Path(target), file.text.replace("{base}", base))
        say(file.line.replace("{path}", file.path))
        variables |= {name: value.replace("{path}", file.path) for name, value in file.variables.items()}
    return variables

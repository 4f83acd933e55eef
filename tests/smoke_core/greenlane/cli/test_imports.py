"""What a command needs when it begins: the standard library and msgspec; what history needs comes when it is asked."""

from __future__ import annotations

import re

import pytest

from greenlane.cli.main import COMMANDS
from support.house import modules

_TOP = re.compile(r"^(?:from ([\w.]+) import (.*)|import ([\w.]+))", re.MULTILINE)
"""An import at the top of a module; one in a function, or for types only, is indented."""


def imported(start: str) -> set[str]:
    """Return every module that is imported when one is, itself and those of libraries among them."""
    texts = {path[4:-3].replace("/", ".").removesuffix(".__init__"): text for path, text in modules("greenlane")}
    found, waiting = set[str](), [start]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for source, names, plain in _TOP.findall(texts.get(name, "")):
            inner = (f"{source}.{word}" for word in re.findall(r"\w+", names))
            waiting += [source or plain, *(one for one in inner if one in texts)]
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_begins_without_what_it_may_lack(command: str) -> None:
    """No command imports the libraries of the database, of YAML or of colours before it knows that it needs them."""
    names = {name.partition(".")[0] for name in imported(f"greenlane.cli.{command}")}
    assert names.isdisjoint({"alembic", "psycopg", "rich", "sqlalchemy", "yaml"})
    assert "msgspec" in names


def test_what_is_imported_is_followed() -> None:
    """The questions to the database are where its library is imported."""
    assert "sqlalchemy" in imported("greenlane.history.queries")

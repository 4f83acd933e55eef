"""What we tell people to install can be had today: nothing of ours is on an index. `nox -s dist` runs each command."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from support.install_commands import install_commands

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
WHEEL = f"dist/{PROJECT['name']}-{PROJECT['version']}-py3-none-any.whl"
PUBLIC = {re.split(r"[\[<>=;]", need)[0] for needs in EXTRAS.values() for need in needs} | {"nox"}


@pytest.mark.parametrize("where", install_commands())
def test_an_install_command_names_what_can_be_had(where: str) -> None:
    """The checkout, the wheel that is built from it, or packages that we depend on, by their names on the index."""
    for word in install_commands()[where]:
        name, _, rest = word.partition("[")
        if name in (".", WHEEL):
            assert set(rest.rstrip("]").split(",")) <= EXTRAS.keys()
        else:
            assert re.split(r"[\[<>=;]", word)[0] in PUBLIC


def test_they_are_found() -> None:
    """Commands of the README, of a page and of a message are among them."""
    found = "\n".join(install_commands())
    for path in ("README.md: pip", "docs/first-lane.md: pip", "src/greenlane/history/database.py: pip"):
        assert path in found

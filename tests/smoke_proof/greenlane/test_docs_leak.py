"""`docs/your-first-leak.md` is true: its files are written, its tests are run, its output is compared."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec

from greenlane.config.leaks import LeakPolicy
from greenlane.plugin.leaks.table import KINDS
from support.lane_project import LaneProject

PAGE = Path(__file__).parents[3] / "docs" / "your-first-leak.md"

BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_block_does_what_the_page_says(tmp_path: Path) -> None:
    """Python blocks become files; for each block of output the tests are run, and its lines are in what they print."""
    project = LaneProject(tmp_path)
    compared = 0
    for language, name, text in BLOCK.findall(PAGE.read_text()):
        if language == "python":
            project.write(name, text)
        elif language == "text":
            output = project.run("-n", "0", leaks=LeakPolicy(watch=("agent_proxy",))).output
            for line in text.splitlines():
                assert line in output, output
                compared += 1

    assert compared == 8


def test_the_settings_are_settings() -> None:
    """The TOML block is a leak policy."""
    block = next(text for language, _, text in BLOCK.findall(PAGE.read_text()) if language == "toml")

    policy = msgspec.convert(tomllib.loads(block)["tool"]["greenlane"]["leaks"], LeakPolicy)

    assert policy.allow == {"attributes:agent_proxy.requests_seen": "a counter that no test reads"}


def test_the_table_names_every_watcher() -> None:
    """Each watcher of the table in the code stands in the table of the page."""
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text(), re.MULTILINE)

    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == {kind.name for kind in KINDS}

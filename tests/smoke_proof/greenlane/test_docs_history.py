"""`docs/history.md` and `docs/flakes.md` are true: their commands are run in order, their output is compared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.remembered import Remembering, runs_of

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
JUNIT = '<testsuite name="s"><testcase classname="a.B" name="works" time="0.5"/></testsuite>'
REFUSED = "promote"
"""The one verb of the pages that refuses what it is asked: exit 1."""


def squeezed(line: str) -> str:
    """Return a line whose columns are one space apart: their width depends on the other rows."""
    return " ".join(line.split())


@pytest.mark.parametrize(("page", "commands"), [("history.md", 8), ("flakes.md", 6)])
def test_every_command_does_what_the_page_says(
    page: str, commands: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each `$ greenlane …` of a page ends well, and prints the lines that the page shows under it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    project = Remembering(tmp_path, capsys)
    project.remember(runs_of("pfpf"))
    (tmp_path / "report.xml").write_text(JUNIT)
    seen = 0
    for block in BLOCK.findall((DOCS / page).read_text(encoding="utf-8")):
        output: list[str] = []
        for line in block.splitlines():
            if line.startswith("$ greenlane "):
                words = line.split()[2:]
                code, text = project.greenlane(*words)
                assert code == (1 if REFUSED in words else 0), text + project.error
                output = [squeezed(shown) for shown in text.splitlines()]
                seen += 1
            else:
                assert squeezed(line) in output
    assert seen == commands

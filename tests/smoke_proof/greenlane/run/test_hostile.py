"""A project whose names and output mean harm, from its tests to every report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from greenlane.report.summary import LIMIT
from support.tiny import TinyProject

TESTS = r"""
import sys
import pytest

EVIL = ["<script>alert(1)</script>", "\x1b[2J\x1b]0;x\x07", "::error file=x::forged", "##[error]forged", "`|`\n# READY"]

@pytest.mark.parametrize("evil", EVIL)
def test_names(evil):
    assert not evil, evil

def test_ten_megabytes():
    line = "</pre></script><img src=x onerror=alert(1)> ::error::forged \x1b[2J \x00 é " * 12 + "\n"
    sys.stdout.write(line * (10_000_000 // len(line)))
    assert False, "x" * 100_000
"""


def size(path: Path) -> int:
    """Return the bytes of a file."""
    return path.stat().st_size


def test_ten_megabytes_and_every_kind_of_escape_do_no_harm(make_tiny: Callable[..., TinyProject]) -> None:
    """Six failures are told, each report can be read and is of a sensible size, and nothing was forged anywhere."""
    tiny = make_tiny().lanes().test(TESTS)
    summary = tiny.path.parent / "summary.md"
    ran = tiny.greenlane("ready", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    artifacts = tiny.path / ".artifacts"

    assert (ran.code, ran.codes) == (1, {"FAILED"})
    lines = ran.output.splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert [command.split(" ")[0].split("::")[1] for command in commands[2:]] == ["error"] * 6
    assert commands[1] == f"::{commands[0].removeprefix('::stop-commands::')}::"
    assert not {character for line in lines for character in line if not character.isprintable()} - {"\t"}
    for name, limit in (("verdict.html", 200_000), ("verdict.ctrf.json", 200_000), ("verdict.xml", 200_000)):
        assert 1_000 < size(artifacts / name) < limit
    assert size(tiny.path / "PROJECT_READY.md") < 40_000
    assert size(summary) < min(LIMIT, 200_000)
    assert (tiny.path / "PROJECT_READY.md").read_text(encoding="utf-8").count("\n# ") == 0
    page = (artifacts / "verdict.html").read_text(encoding="utf-8")
    assert page.count("<script") == 2
    assert "<img" not in page
    assert (
        json.loads((artifacts / "verdict.ctrf.json").read_text(encoding="utf-8"))["results"]["summary"]["failed"] == 6
    )
    assert len(list(ElementTree.parse(artifacts / "verdict.xml").iter("failure"))) == 7

"""docs/extending.md is true: the distribution that it shows is installed, and does what the page says."""

from __future__ import annotations

import shlex
import subprocess
import tomllib
from pathlib import Path

from support.distribution import install
from support.pages import BLOCK, compare
from support.tiny import TinyProject

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = BLOCK.findall(PAGE)


def test_the_page_about_extensions(tiny: TinyProject, tmp_path: Path) -> None:
    """Command, examiner, guard and report are found by their entry points, and print and leave what stands there."""
    files = {path: text for _, path, text in BLOCKS if path}
    own = {path.removeprefix("house-rules/"): text for path, text in files.items() if path.startswith("house-rules/")}
    project = tomllib.loads(own.pop("pyproject.toml"))["project"]
    site = install(tmp_path / "site", project["name"], own, project["entry-points"])
    tiny.test(files["tests/test_prices.py"], "tests/test_prices.py").section("address", {"variable": "BASE"})
    (console,) = [text for language, _, text in BLOCKS if language == "console"]
    for line, *expected in (entry.splitlines() for entry in console.split("$ ")[1:]):
        words = shlex.split(line)
        team = {"TEAM": "nobody"} if words[0] == "TEAM=nobody" else {}
        command = tiny.command(*words[words.index("greenlane") + 1 :])
        environ = tiny.environment(PYTHONPATH=str(site), BASE="http://127.0.0.1:9", **team)
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert compare(expected, done.stdout + done.stderr) == len(expected)
    badge = tiny.path / ".artifacts" / "verdicts" / "core.badge.svg"
    assert badge.read_text() == "<svg><text>not ready</text></svg>\n"

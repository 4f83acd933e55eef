"""`greenlane migrate`: a legacy list of named shell checks becomes lanes, and what was wrong with it is said."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from support.tiny import Ran, TinyProject

ROOT = Path(__file__).parents[5]

LEGACY = """\
    checks:
      - name: core
        run: python -m pytest tests/smoke_core -q -n auto --timeout=30 || true
        timeout: 300
      - name: nd smokes
        cmd: FOO=1 .venv/bin/python -m pytest tests/nd/test_a.py tests/nd/test_b.py -x
        env: {GATEWAY: "on"}
        description: with a gateway
      - name: openai
        run: pytest tests/live -k openai
        live: true
        expect: true
        env: [OPENAI_API_KEY, OPENAI_ORG=acme]
      - name: lint
        run: ruff check .
"""


def migrate(tiny: TinyProject, text: str, *words: str) -> Ran:
    """Write a list and migrate it."""
    tiny.write("readiness.yml", text)
    return tiny.greenlane("migrate", str(tiny.path / "readiness.yml"), *words)


def tables(output: str) -> dict[str, Any]:
    """Return the tables that a dry run prints."""
    text = "".join(f"{line}\n" for line in output.splitlines() if not line.startswith(("NOTE", "@", "def", "    s")))
    content: dict[str, Any] = tomllib.loads(text)["tool"]["greenlane"]
    return content


@pytest.fixture
def empty(tiny: TinyProject) -> TinyProject:
    """A project without lanes."""
    return tiny.write("pyproject.toml", '[project]\nname = "x"\nversion = "1"\n')


def test_a_dry_run(empty: TinyProject) -> None:
    """Every check is there as a lane of its kind, or as a nox session; nothing is written."""
    before = (empty.path / "pyproject.toml").read_text()
    ran = migrate(empty, LEGACY)
    assert ran.code == 0, ran.output
    assert (empty.path / "pyproject.toml").read_text() == before
    found = tables(ran.output)
    assert found["lanes"] == {
        "core": {
            "kind": "deterministic", "tests": ["tests/smoke_core"], "budget": 300.0, "test_timeout": 30.0,
            "workers": "auto",
        },
        "nd-smokes": {
            "kind": "nondeterministic", "tests": ["tests/nd/test_a.py", "tests/nd/test_b.py"],
            "env": ["GATEWAY=on", "FOO=1"],
        },
        "openai": {
            "kind": "release", "tests": ["tests/live"], "env": ["OPENAI_ORG=acme"], "providers": ["openai"],
        },
    }  # fmt: skip
    assert found["providers"] == {"openai": {"secrets": ["OPENAI_API_KEY"]}}
    assert found["policies"] == {"deploy": {"lanes": ["core", "nd-smokes"], "strict": True, "expect": ["openai"]}}
    assert "session.run('ruff', 'check', '.', external=True)" in ran.output


NOTES = (
    "NOTE: checks[0] core: `|| true` hides its exit code; dropped",
    "NOTE: checks[0] core: bare `python` is whichever comes first on the PATH;",
    "NOTE: checks[1] nd smokes: 'nd smokes' is no name of a lane; 'nd-smokes' is",
    "NOTE: checks[1] nd smokes: `-x` stops early, and a run that stops early proves nothing; dropped",
    "NOTE: checks[2] openai: bare `pytest` is whichever",
    "NOTE: checks[2] openai: `-k openai` selects; a lane is whole",
    "NOTE: checks[3] lint: it runs no pytest: a nox session, not a lane",
)


def test_what_was_put_right_is_told(empty: TinyProject) -> None:
    """Hidden exit codes, bare interpreters, selections and early stops are named with the check they were in."""
    ran = migrate(empty, LEGACY)
    told = [line for line in ran.output.splitlines() if line.startswith("NOTE")]
    assert [note for note in NOTES if not any(line.startswith(note) for line in told)] == []
    assert len(told) == len(NOTES)


def test_write_makes_a_project_that_runs(tiny: TinyProject) -> None:
    """`--write` adds the tables behind what is there, and the new lane is known and runs."""
    before = f'[tool.greenlane]\nenvironments = "{tiny.environments}"\n'
    tiny.write("pyproject.toml", before).write("locks/unit.txt", tiny.lock).write(
        "tests/unit/test_it.py", "def test_ok(): pass\n"
    )
    ran = migrate(tiny, "- {name: unit, run: pytest tests/unit || true, timeout: 60}\n", "--write")
    assert ran.code == 0, ran.output
    assert (tiny.path / "pyproject.toml").read_text().startswith(before)
    tiny.sections["lanes"]["unit"] = {}
    ran = tiny.greenlane("lane", "unit")
    assert (ran.code, ran.codes) == (0, set()), ran.output


def test_what_is_refused_is_not_written(tiny: TinyProject) -> None:
    """What nobody but its author can decide is exit 2, every mistake is told at once, and nothing is written."""
    before = (tiny.path / "pyproject.toml").read_text()
    ran = migrate(tiny, "- {name: a, run: pytest a}\n- {name: a, run: pytest b, retries: 3}\n- {name: b}\n", "--write")
    assert ran.code == 2, ran.output
    told = [line for line in ran.output.splitlines() if line.startswith("CONFIG_ERROR: checks[")]
    assert len(told) == 2, ran.output
    assert "Traceback" not in ran.output
    assert (tiny.path / "pyproject.toml").read_text() == before
    ran = migrate(tiny, "- [\n")
    assert (ran.code, "readiness.yml:2: " in ran.output) == (2, True), ran.output


def test_nothing_is_overwritten(tiny: TinyProject) -> None:
    """A lane of that name which is there already keeps its table; the mistake names the line."""
    before = (tiny.path / "pyproject.toml").read_text()
    ran = migrate(tiny, "- {name: core, run: pytest elsewhere}\n", "--write")
    assert ran.code == 2, ran.output
    assert "CONFIG_ERROR: pyproject.toml with the new tables: " in ran.output
    assert (tiny.path / "pyproject.toml").read_text() == before


def test_the_value_of_a_secret_is_not_taken_over(empty: TinyProject) -> None:
    """A key that somebody wrote into the list stays out of the configuration, and out of what is printed."""
    text = "- {name: a, run: pytest a, live: true, env: {GEMINI_API_KEY: sk-in-the-list}}\n"
    ran = migrate(empty, text)
    assert ran.code == 0, ran.output
    assert "sk-in-the-list" not in ran.output
    assert "the value of GEMINI_API_KEY stands in the file: revoke it" in ran.output


def test_the_documented_example(empty: TinyProject) -> None:
    """The list in the documentation becomes lanes."""
    (example,) = re.findall(
        r"^```yaml\n(.*?)^```", (ROOT / "docs" / "migrate.md").read_text(), re.MULTILINE | re.DOTALL
    )
    ran = migrate(empty, example)
    assert ran.code == 0, ran.output
    assert set(tables(ran.output)["lanes"]) == {"core", "openai"}

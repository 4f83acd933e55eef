"""`greenlane migrate`: a legacy list of named shell checks becomes lanes, and what was wrong with it is said."""

from __future__ import annotations

import json
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
    text = "".join(
        f"{line}\n"
        for line in output.splitlines()
        if not line.startswith(("NOTE", "@", "def", "    s")) and " checks, " not in line
    )
    content: dict[str, Any] = tomllib.loads(text)["tool"]["greenlane"]
    return content


CORE = '[tool.greenlane.lanes.core]\nkind = "deterministic"\ntests = ["tests"]\n'


@pytest.fixture
def with_core(tiny: TinyProject) -> TinyProject:
    """A project with a lane that is a table of its own."""
    return tiny.write("pyproject.toml", CORE)


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
            "env": ["GATEWAY=on", "FOO=1"], "aliases": ["nd smokes"],
        },
        "openai": {
            "kind": "release", "tests": ["tests/live"], "env": ["OPENAI_ORG=acme"], "providers": ["openai"],
        },
    }  # fmt: skip
    assert found["providers"] == {"openai": {"secrets": ["OPENAI_API_KEY"]}}
    assert found["policies"] == {"deploy": {"lanes": ["core", "nd-smokes"], "strict": True, "expect": ["openai"]}}
    assert "session.run('ruff', 'check', '.', external=True)" in ran.output
    assert "\n4 checks, 3 lanes, 1 nox sessions\n" in ran.output


NOTES = (
    "NOTE: readiness.yml:3: core: `|| true` hides its exit code; dropped",
    "NOTE: readiness.yml:3: core: bare `python` is whichever comes first on the PATH;",
    "NOTE: readiness.yml:5: nd smokes: 'nd smokes' is no name of a lane; 'nd-smokes' is",
    "NOTE: readiness.yml:6: nd smokes: `-x` stops early, and a run that stops early proves nothing; dropped",
    "NOTE: readiness.yml:10: openai: bare `pytest` is whichever",
    "NOTE: readiness.yml:10: openai: `-k openai` selects; a lane is whole",
    "NOTE: readiness.yml:15: lint: it runs no pytest: a nox session, not a lane",
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


def test_what_is_left_stands_in_the_report(with_core: TinyProject) -> None:
    """What cannot be translated is told with its line, exit 1, and everything else is written."""
    before = (with_core.path / "pyproject.toml").read_text()
    text = "- {name: a, run: pytest a}\n- {name: a, run: pytest b, retries: 3}\n- {name: b}\n"
    ran = migrate(with_core, text, "--write")
    assert ran.code == 1, ran.output
    assert ran.output.count("LEFT: ") == 1
    assert "LEFT: readiness.yml:3: b: it has no command; one of run, cmd, command, script is needed" in ran.output
    written = (with_core.path / "pyproject.toml").read_text()
    assert written.startswith(before)
    assert "# retries: 3\n[tool.greenlane.lanes.a-2]\n" in written


def test_what_is_no_list_is_a_mistake(with_core: TinyProject) -> None:
    """A file that is no YAML, or has no check, is exit 2, and nothing is written."""
    before = (with_core.path / "pyproject.toml").read_text()
    ran = migrate(with_core, "- [\n")
    assert (ran.code, "readiness.yml:2: " in ran.output) == (2, True), ran.output
    ran = migrate(with_core, "a: 1\n", "--write")
    assert (ran.code, "there is no list of checks" in ran.output) == (2, True), ran.output
    assert "Traceback" not in ran.output
    assert (with_core.path / "pyproject.toml").read_text() == before


def test_nothing_is_overwritten(with_core: TinyProject) -> None:
    """A lane that is there keeps its table: the same is added once, another one under a further name."""
    text = "- {name: unit, run: pytest tests/unit}\n- {name: core, run: pytest elsewhere}\n"
    for told in ("WARNING: readiness.yml:2: core: the name 'core' is taken; this one is 'core-2'", "is there already"):
        ran = migrate(with_core, text, "--write")
        assert ran.code == 0, ran.output
        assert told in ran.output
    lanes = tomllib.loads((with_core.path / "pyproject.toml").read_text())["tool"]["greenlane"]["lanes"]
    assert set(lanes) == {"core", "core-2", "unit"}


def test_inline_tables_are_added_to(empty: TinyProject) -> None:
    """Lanes written in one line keep their meaning, and their old form as a comment; a dry run says so, too."""
    inline = 'lanes = { core = { kind = "deterministic", tests = ["tests/core"] } }'
    empty.write("pyproject.toml", f'[project]\nname = "x"\nversion = "1"\n\n[tool.greenlane]\n{inline}\n')
    before = (empty.path / "pyproject.toml").read_text()
    for words in ((), ("--write",)):
        assert (empty.path / "pyproject.toml").read_text() == before
        ran = migrate(empty, "- {name: unit, run: pytest tests/unit}\n", *words)
        assert ran.code == 0, ran.output
        assert "NOTE: inline tables of " in ran.output
    text = (empty.path / "pyproject.toml").read_text()
    lanes = tomllib.loads(text)["tool"]["greenlane"]["lanes"]
    assert lanes["core"] == {"kind": "deterministic", "tests": ["tests/core"]}
    assert (set(lanes), f"# {inline}" in text) == ({"core", "unit"}, True)


def test_a_lane_that_the_project_cannot_take_is_left(with_core: TinyProject) -> None:
    """A lane whose tests lie where runs are thrown away is told of with the reason; the others are written."""
    text = "- {name: b, run: pytest .artifacts/tests}\n- {name: c, run: pytest c, expect: true}\n"
    ran = migrate(with_core, text, "--write")
    assert ran.code == 1, ran.output
    assert "LEFT: readiness.yml:1: b: the lane 'b' cannot be added: " in ran.output
    content = tomllib.loads((with_core.path / "pyproject.toml").read_text())["tool"]["greenlane"]
    assert set(content["lanes"]) == {"core", "c"}
    assert content["policies"]["deploy"] == {"lanes": ["core", "c"], "strict": True, "expect": ["c"]}


def test_the_value_of_a_secret_is_not_taken_over(empty: TinyProject) -> None:
    """A key that somebody wrote into the list stays out of the configuration, and out of what is printed."""
    text = "- {name: a, run: pytest a, live: true, env: {GEMINI_API_KEY: sk-in-the-list}}\n"
    ran = migrate(empty, text)
    assert ran.code == 0, ran.output
    assert "sk-in-the-list" not in ran.output
    assert "the value of GEMINI_API_KEY stands in the file: revoke it" in ran.output


SECRETS = (
    "curl -H 'Authorization: Bearer s3cret-here' http://127.0.0.1/x",
    'curl -H "x-api-key: s3cret-here" http://127.0.0.1/x',
    "curl -u me:s3cret-here http://127.0.0.1/x",
    "docker run -e OPENAI_API_KEY=s3cret-here image",
    "tool --api-key s3cret-here --go",
    "git clone https://me:s3cret-here@example.org/x",
    'curl -d \'{"api_key": "s3cret-here"}\' http://127.0.0.1/x',
    "echo sk-s3cret-here > file",
    "for i in 1 2; do curl -H 'Authorization: s3cret-here' x; done",
    "pytest a --token=s3cret-here || ./tell --password 's3cret-here'",
)


@pytest.mark.parametrize("command", SECRETS)
def test_a_secret_in_a_command_is_not_taken_over(empty: TinyProject, command: str) -> None:
    """Wherever a command has it: the line is told, and the value is in nothing that is printed or written."""
    ran = migrate(
        empty, f"- name: a\n  run: |\n    pytest a\n    {command}\n  note: {json.dumps(command)}\n", "--write"
    )
    assert "s3cret-here" not in ran.output
    assert "readiness.yml:4: a: a secret stands in the file, [redacted] here: revoke it" in ran.output, ran.output
    assert "s3cret-here" not in (empty.path / "pyproject.toml").read_text()


PLAIN = ("curl -H 'Authorization: Bearer $TOKEN' x", "pytest tests/test_token.py -k 'token and key'", "sort --key 2 x")


@pytest.mark.parametrize("command", PLAIN)
def test_what_is_no_secret_stays(empty: TinyProject, command: str) -> None:
    """A variable that stands for a secret, and words that only sound like one, are as they were."""
    ran = migrate(empty, f"- name: a\n  run: |\n    {command}\n")
    assert "redacted" not in ran.output
    assert "a secret stands in the file" not in ran.output


def test_the_documented_example(empty: TinyProject) -> None:
    """The list in the documentation becomes lanes, with the report that stands there."""
    page = (ROOT / "docs" / "migrate.md").read_text()
    (example,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (report,) = re.findall(r"^```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    ran = migrate(empty, example)
    assert ran.code == 0, ran.output
    assert set(tables(ran.output)["lanes"]) == {"all_smokes_core", "openai"}
    told = ran.output.splitlines()
    assert [line for line in report.splitlines() if line not in told] == []

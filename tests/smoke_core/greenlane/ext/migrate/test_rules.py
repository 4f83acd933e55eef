"""What legacy checks become: whatever can be translated is, and the rest is told with its line."""

from __future__ import annotations

import shlex
import textwrap
from pathlib import Path
from typing import Any

import pytest

from greenlane.config.lanes import Address, Provider
from greenlane.config.schema import Configuration
from greenlane.environment.yaml_lines import nodes
from greenlane.ext.migrate.legacy_pytest import call_of
from greenlane.ext.migrate.report import lines, sessions
from greenlane.ext.migrate.rules import Project, translate
from greenlane.ext.migrate.values import Migration

MAKEFILE = """\
TESTS ?= tests/smokes
smokes: .venv
\t@PYTHONPATH=$$(pwd) $(PYTEST) -q \\
\t\t$(TESTS)
PYTEST = .venv/bin/pytest
.venv:
\tpip install -r requirements.txt
up:
\tdocker compose up -d
all: smokes
\t$(MAKE) up
"""


def migrated(text: str, configuration: Configuration | None = None) -> Migration:
    """Translate a list for a project in an empty folder with a makefile."""
    project = Project(root=Path("/nowhere"), configuration=configuration or Configuration(), makefile=MAKEFILE)
    return translate(nodes(textwrap.dedent(text), "readiness.yml"), project)


def check(run: str, extra: str = "") -> str:
    """Return a list with one check, whose command is a block."""
    return f"- name: a\n  run: |\n{textwrap.indent(textwrap.dedent(run), '    ')}\n" + extra


def tables(migration: Migration) -> dict[str, Any]:
    """Return the tables of the lanes."""
    return {name: lane.table for name, lane in migration.lanes.items()}


LANES: dict[str, tuple[str, dict[str, object]]] = {
    "comments and set -e": (
        "# it's a comment with a quote\nset -euo pipefail\npytest -q tests/x  # another\n", {"tests": ["tests/x"]},
    ),
    "continued lines and a prefix": ("PYTHONPATH=$(pwd) pytest -q a b \\\n  c\n", {"tests": ["a", "b", "c"]}),
    "exported variables": ("export X=1 Y='2 3'\npytest a\n", {"tests": ["a"], "env": ["X=1", "Y=2 3"]}),
    "a variable of the shell": ("T=tests/x\npytest \"$T\" ${T}\n", {"tests": ["tests/x"]}),
    "one that is passed on": ("X=\"$X\" pytest a\n", {"tests": ["a"], "env": ["X"]}),
    "a folder": ("cd sub && pytest tests ../b\n", {"tests": ["sub/tests", "b"]}),
    "a time limit": ("timeout -k 5 10m pytest a\n", {"tests": ["a"], "budget": 600.0}),
    "other starters": ("exec env -u Z X=1 nice -n 5 coverage run -m pytest a\n", {"tests": ["a"], "env": ["X=1"]}),
    "a shell in the shell": ("bash -lc 'set -e; X=1 pytest a'\n", {"tests": ["a"], "env": ["X=1"]}),
    "a hidden end": ("pytest a || true; exit 0\n", {"tests": ["a"]}),
    "a log": ("pytest a 2>&1 | tee log.txt\n", {"tests": ["a"]}),
    "a printed end": ("pytest a && echo done || { echo failed; exit 1; }\n", {"tests": ["a"]}),
    "twice in the same way": ("pytest a\npytest b a\n", {"tests": ["a", "b"]}),
    "a make target": ("make smokes\n", {"tests": ["tests/smokes"]}),
    "a make target with a variable": ("make TESTS=tests/other smokes\n", {"tests": ["tests/other"]}),
    "a make target that needs another": ("make all\n", {"tests": ["tests/smokes"]}),
    "one test": ("pytest a.py::test_x b\n", {"tests": ["a.py", "b"]}),
    "everything": ("pytest .\n", {"tests": ["tests"]}),
    "an option with a value": ("pytest --junitxml out.xml -n 900 a\n", {"tests": ["a"], "workers": 256}),
    "an interpreter with a default": ("${PYTHON:-python} -m pytest a\n", {"tests": ["a"]}),
}  # fmt: skip


@pytest.mark.parametrize(("run", "table"), LANES.values(), ids=LANES.keys())
def test_what_a_command_becomes(run: str, table: dict[str, object]) -> None:
    """Commands as people write them become a lane; nothing of them is left."""
    migration = migrated(check(run))
    assert tables(migration) == {"a": {"kind": "nondeterministic", **table}}
    assert migration.left == 0, list(lines(migration, "r"))


LEFT = {
    "a broken quotation": ("pytest 'a\n", 3, "the shell would refuse it: a quotation has no end"),
    "a loop": ("set -e\nfor t in a b; do\n  pytest $t\ndone\n", 4, "pytest stands within `for`"),
    "computed tests": ("pytest $(git diff --name-only)\n", 3, "its tests are computed by a shell"),
    "a computed value": ("X=$(date) pytest a\n", 3, "the value of X is computed by a shell"),
    "a process behind": ("python -m server &\npytest a\n", 3, "declare it in [tool.greenlane.services]"),
    "a file of variables": ("source .env\npytest a\n", 3, "`.env` is read by the shell"),
    "outside of the project": ("pytest /etc/tests\n", 3, "`/etc/tests` is not below the project"),
    "no match": ("pytest tests/test_*.py\n", 3, "no file matches `tests/test_*.py`"),
}


@pytest.mark.parametrize(("run", "line", "message"), LEFT.values(), ids=LEFT.keys())
def test_what_is_left_stops_nothing_else(run: str, line: int, message: str) -> None:
    """What a lane has no word for is told with its line, and the checks beside it become lanes all the same."""
    migration = migrated(check(run, "- {name: b, run: pytest tests/b}\n"))
    assert tables(migration)["b"]["tests"] == ["tests/b"]
    told = [text for text in lines(migration, "r.yml") if text.startswith("LEFT")]
    assert len(told) == 1
    assert told[0].startswith(f"LEFT: r.yml:{line}: a: ")
    assert message in told[0]


WRONG = {
    "an unknown key": ("- {name: a, run: pytest a, retries: 3}\n", "NOTE: r:1: a: unknown key 'retries', kept as a"),
    "an unknown key beside": ("team: x\nchecks: [{name: a, run: pytest a}]\n", "NOTE: r:1: unknown key 'team', kept"),
    "a key twice": ("- {name: a, run: pytest b, run: pytest a}\n", "the key 'run' is there twice; the second is taken"),
    "two commands": ("- {name: a, run: pytest a, cmd: pytest b}\n", "LEFT: r:1: a: `run` is its command; `cmd` is a"),
    "a wrong timeout": ("- {name: a, run: pytest a, timeout: soon}\n", "`timeout` soon is no number of seconds"),
    "a wrong switch": ("- {name: a, run: pytest a, live: maybe}\n", "`live` maybe is neither true nor false; false is"),
    "a wrong variable": ("- {name: a, run: pytest a, env: {1X: y}}\n", "LEFT: r:1: a: '1X' is no variable"),
    "live without a secret": ("- {name: a, run: pytest a, live: true}\n", "WARNING: r:1: a: it is live and names no"),
    "no name": ("- {run: pytest a}\n- {run: pytest b, name: a}\n", "it has no name; it is called 'check-1'"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_with_a_check_is_told_and_it_becomes_a_lane(text: str, message: str) -> None:
    """A value that cannot be read does not keep the check from becoming a lane."""
    migration = migrated(text)
    assert ["a"] in [table["tests"] for table in tables(migration).values()]
    assert any(message in line for line in lines(migration, "r")), list(lines(migration, "r"))


def test_a_list_that_is_none() -> None:
    """Without a list of checks nothing is made, which is told."""
    assert [line for line in lines(migrated("a: 1\n"), "r") if line.startswith("LEFT: r:1: there is no list of checks")]


def test_checks_of_the_same_name() -> None:
    """The same check twice is one lane; another one of that name is kept under a further name."""
    text = "- {name: a, run: pytest a}\n- {name: a, run: pytest a}\n- {name: a, run: pytest b}\n"
    migration = migrated(text)
    assert {name: table["tests"] for name, table in tables(migration).items()} == {"a": ["a"], "a-2": ["b"]}
    told = list(lines(migration, "r"))
    assert "NOTE: r:2: a: it is the same as in line 1; merged" in told
    assert "WARNING: r:3: a: the name 'a' is taken; this one is 'a-2'" in told


def test_variables_that_the_harness_decides() -> None:
    """The base, its host and port, the import path and the harness's own switches are dropped, each with a note."""
    text = """\
    - name: a
      run: PYTHONPATH=. pytest a
      env:
        MY_APP_API_HOST: 127.0.0.1
        MY_APP_API_PORT: "8788"
        OTHER_API_BASE: http://127.0.0.1:8788
        BRIDGE_BASE: http://127.0.0.1:9999
        STRICT_READY: 1
        RETRIES: "0755"
        DEBUG: true
        PASSED:
    """
    migration = migrated(text)
    assert tables(migration)["a"]["env"] == [
        "BRIDGE_BASE=http://127.0.0.1:9999", "RETRIES=0755", "DEBUG=true", "PASSED",
    ]  # fmt: skip
    dropped = [line for line in lines(migration, "r") if line.startswith("NOTE") and line.endswith("dropped")]
    assert len(dropped) == 5, dropped
    assert migration.address == Address(
        variable="MY_APP_API_BASE", host_variable="MY_APP_API_HOST", port_variable="MY_APP_API_PORT",
        default="http://127.0.0.1:8788", same=("OTHER_API_BASE",),
    )  # fmt: skip


def test_an_optional_check_gates_nothing() -> None:
    """It is a lane that no policy needs; where every check is optional, the policies stay as they are."""
    one, two = "- {name: core, run: pytest a, optional: true}\n", "- {name: b, run: pytest b}\n"
    assert migrated(one + two).policies == {
        "dev": {"lanes": ["b"]},
        "deploy": {"lanes": ["b"], "strict": True},
    }
    assert migrated(two).policies == {}
    assert migrated(one).policies == {}


def test_what_runs_no_tests_is_a_session() -> None:
    """Scripts and other commands are nox sessions that can be compiled; a secret's value is in none of them."""
    run = "python - <<'PY'\nassert 'it' != \"s\"\nPY\n"
    migration = migrated(check(run) + "- {name: class, run: 'OPENAI_API_KEY=sk-here curl x > y && make up'}\n")
    compile(sessions(migration), "noxfile.py", "exec")
    assert migration.sessions["a"].runs == (("python", "-c", "assert 'it' != \"s\"\n"),)
    assert migration.sessions["class"].runs == (("bash", "-c", "OPENAI_API_KEY=$OPENAI_API_KEY curl x > y && make up"),)


def test_commands_beside_pytest_are_kept() -> None:
    """What a check does before its tests is a session of its own, which is told."""
    migration = migrated(check("make up\nX=1 ./seed.sh one\npytest a\n"))
    assert migration.sessions["a-steps"].runs == (("make", "up"), ("env", "X=1", "./seed.sh", "one"))
    assert any("the commands beside pytest are the nox session 'a-steps'" in line for line in lines(migration, "r"))


def test_a_provider_that_is_declared_is_not_declared_again() -> None:
    """A secret that the project knows already belongs to the provider that has it there."""
    known = Configuration(providers={"mine": Provider(secrets=("ODD",))})
    migration = migrated("- {name: a, run: pytest a, live: true, env: [ODD, OPENAI_API_KEY]}\n", known)
    assert tables(migration)["a"]["providers"] == ["mine", "openai"]
    assert migration.providers == {"openai": {"secrets": ["OPENAI_API_KEY"]}}


SHAPES = {
    "a list": "- {name: a, run: pytest a}\n",
    "a table with a list": "checks:\n- {name: a, run: pytest a}\n",
    "another key": "readiness:\n- {name: a, cmd: pytest a}\n",
    "tables by name": "checks:\n  a: {command: pytest a}\n",
    "texts by name": "checks:\n  a: pytest a\n",
    "tables at the root": "a: {script: [pytest a]}\n",
    "an anchor": "base: &b {run: pytest a}\nchecks:\n- {<<: *b, name: a}\n",
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_of_a_list(text: str) -> None:
    """A list, a table with one under any key, or tables by name: the checks are found."""
    assert tables(migrated(text)) == {"a": {"kind": "nondeterministic", "tests": ["a"]}}


CALLS = {
    "pytest": ("pytest a", ("a",), 0, None),
    "of an interpreter": ("/venv/bin/python3.12 -X dev -m pytest a b", ("a", "b"), 0, None),
    "of a runner": ("uv run --with x pytest -q a", ("a",), 0, None),
    "workers and timeout": ("pytest a -n4 --timeout=9.5", ("a",), 4, 9.5),
    "workers by the machine": ("py.test --numprocesses auto a", ("a",), "auto", None),
    "no tests": ("pytest", (), 0, None),
    "a word with a blank": ("pytest a -k 'x and y' b", ("a", "b"), 0, None),
}


@pytest.mark.parametrize(("command", "tests", "workers", "timeout"), CALLS.values(), ids=CALLS.keys())
def test_what_a_command_asks_of_pytest(
    command: str, tests: tuple[str, ...], workers: int | str, timeout: float | None
) -> None:
    """Tests, workers and timeout are found however pytest is started and its options are written."""
    call = call_of(shlex.split(command))
    assert call is not None
    assert (call.tests, call.workers, call.test_timeout) == (tests, workers, timeout)


@pytest.mark.parametrize("command", ["ruff check .", "python -m ruff", "make test", "", "uv run"])
def test_what_runs_no_pytest(command: str) -> None:
    """Another program is no call of pytest, though its arguments may look so."""
    assert call_of(command.split()) is None

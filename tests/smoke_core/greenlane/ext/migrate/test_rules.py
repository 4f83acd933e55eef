"""What a legacy list of shell checks must be before anything is made of it."""

from __future__ import annotations

import shlex

import pytest
import yaml

from greenlane.ext.migrate.legacy_pytest import call_of
from greenlane.ext.migrate.rules import translate

REFUSED = {
    "a name twice": ("- {name: a, run: pytest a}\n- {name: a, run: pytest b}\n", "checks[1] a: the name 'a' is there"),
    "names that become one": ("- {name: a b, run: pytest a}\n- {name: a-b, run: pytest b}\n", "'a-b' is there twice"),
    "an unknown key": ("- {name: a, run: pytest a, retries: 3}\n", "unknown key 'retries'; allowed: name, run, cmd,"),
    "an unknown root key": ("version: 1\njobs: []\nchecks: []\n", "jobs: unknown key; allowed: checks, version"),
    "no command": ("- {name: a}\n", "one of `run` and `cmd` is needed"),
    "two commands": ("- {name: a, run: pytest, cmd: pytest}\n", "one of `run` and `cmd` is needed"),
    "no name": ("- {run: pytest}\n", "`name` is needed"),
    "a chain": ("- {name: a, run: make up && pytest a}\n", "`&&` makes it more than one command; split the check"),
    "a script": ("- name: a\n  run: |\n    make up\n    pytest a\n", "a line break makes it more than one command"),
    "a broken quotation": ("- {name: a, run: \"pytest 'a\"}\n", "its quotation is broken"),
    "a wrong timeout": ("- {name: a, run: pytest, timeout: soon}\n", "`timeout` is 'soon', a number of seconds is"),
    "a wrong switch": ("- {name: a, run: pytest, live: maybe}\n", "`live` is 'maybe', true or false is needed"),
    "live without a secret": ("- {name: a, run: pytest, live: true}\n", "it is live and names no secret"),
    "no list": ("a: 1\n", "there is no list of checks"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(text: str, message: str) -> None:
    """What nobody but its author can decide is refused, with the check that it stands in."""
    migration = translate(yaml.safe_load(text))
    assert migration.refused
    assert any(message in f"{found.where}: {found.message}" for found in migration.findings if found.refused)


CALLS = {
    "pytest": ("pytest a", ("a",), 0, None),
    "of an interpreter": ("/venv/bin/python3.12 -X dev -m pytest a b", ("a", "b"), 0, None),
    "of a runner": ("uv run pytest -q a", ("a",), 0, None),
    "workers and timeout": ("pytest a -n4 --timeout=9.5", ("a",), 4, 9.5),
    "workers by the machine": ("py.test --numprocesses auto a", ("a",), "auto", None),
    "no tests": ("pytest", ("tests",), 0, None),
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

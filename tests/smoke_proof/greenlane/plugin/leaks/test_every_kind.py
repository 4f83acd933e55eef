"""All kinds of leaks at once, as users run it: named on the polluter, undone for the victim, in any order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from greenlane.config.leaks import LeakPolicy
from greenlane.evidence.journal import Leaked, Settled
from greenlane.plugin.leaks.table import KINDS
from support.lane_project import LaneProject, LaneRun

from .projects import HELPERS, LAZY, PACKAGE, POLLUTER, VICTIM, line_of

WATCH = LeakPolicy(watch=("agent_proxy",))

NAMED = {
    "attributes:agent_proxy.HttpToolsInvoker": "replaced",
    "attributes:agent_proxy.added": "added",
    "attributes:agent_proxy.flag": "deleted",
    "attributes:agent_proxy.HttpToolsInvoker.timeout": "class attribute",
    "containers:agent_proxy.HttpToolsInvoker.hosts": "class container",
    "containers:agent_proxy.NAMES": "list",
    "containers:agent_proxy.SETTINGS['db']": "nested",
    "containers:agent_proxy.TAGS": "set",
    "environ:POLLUTED": "environ",
    "environ:API_KEY": "secret",
    "sys.path:sys.path": "path",
    "modules:fake": "fake module",
    "modules:json": "replaced module",
    "sys.meta_path:sys.meta_path": "finder",
    "cwd:cwd": "cwd",
    "logging:root.level": "level",
    "logging:its.own.propagate": "propagate",
    "logging:brand.new.handlers": "handler",
    "logging:disable": "disable",
    "warnings:warnings": "warnings",
    "signals:SIGUSR1": "signal",
    "locale:locale": "locale",
    "socket timeout:socket timeout": "timeout",
    "loop policy:loop policy": "policy",
    "threads:Thread-": "thread",
    "processes:sleep 600": "process",
    "tasks:forever": "task",
    "ports:127.0.0.1:": "port",
    "files:tests/left.txt": "file",
    "files:tests/folder": "folder",
}
"""Beginning of each leak's name, and the comment on the line that does it."""

RUNS: dict[str, tuple[tuple[str, ...], str, int]] = {
    "file order": (("-n", "0"), "file", 0),
    "random order": (("-n", "0"), "random", 3),
    "two workers": (("-n", "2"), "file", 0),
    "two workers, random order": (("-n", "2"), "random", 5),
}


def project_in(root: Path) -> LaneProject:
    """Write the project of the polluter and its victims."""
    project = LaneProject(root)
    project.write("src/agent_proxy/__init__.py", PACKAGE)
    project.write("src/agent_proxy/lazy.py", LAZY)
    project.write("tests/helpers.py", HELPERS)
    project.write("tests/test_a_victim.py", VICTIM)
    project.write("tests/test_polluter.py", POLLUTER)
    project.write("tests/test_z_victim.py", VICTIM)
    return project


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LaneRun]:
    """The same project in every order and distribution."""
    projects = {name: project_in(tmp_path_factory.mktemp("every")) for name in RUNS}

    def run(name: str) -> LaneRun:
        words, order, seed = RUNS[name]
        return projects[name].run(*words, leaks=WATCH, order=order, seed=seed)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(RUNS, pool.map(run, RUNS), strict=True))


def found_in(run: LaneRun, name: str) -> Leaked:
    """Return the one leak of the polluter whose name begins so."""
    leaks = run.leaks("::test_polluter")
    found = [leaks[name]] if name in leaks else [leak for key, leak in leaks.items() if key.startswith(name)]
    assert len(found) == 1, (name, list(run.leaks()), run.output)
    return found[0]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("name", NAMED)
def test_each_kind_is_named_with_its_line(runs: dict[str, LaneRun], run: str, name: str) -> None:
    """Each leak is reported once, on the polluter, with the file and line that did it."""
    where = f"tests/test_polluter.py:{line_of(POLLUTER, NAMED[name])}"

    assert found_in(runs[run], name).where == where


@pytest.mark.parametrize("run", RUNS)
def test_the_level_of_a_logger_of_its_own_is_no_leak(runs: dict[str, LaneRun], run: str) -> None:
    """Nobody else will ask for the logger; what else the test did to it is told all the same."""
    assert [name for name in runs[run].leaks() if "its.own" in name] == ["logging:its.own.propagate"]


@pytest.mark.parametrize("run", RUNS)
def test_a_leak_by_a_helper_is_found_there(runs: dict[str, LaneRun], run: str) -> None:
    """A helper's line is followed to the helper; whether it ran is not certain, and not claimed."""
    leak = found_in(runs[run], "umask:umask")

    assert (leak.where, leak.sure) == (f"tests/helpers.py:{line_of(HELPERS, 'umask')}", False)
    assert found_in(runs[run], "attributes:agent_proxy.HttpToolsInvoker").sure


@pytest.mark.parametrize("run", RUNS)
def test_what_the_package_changes_in_itself_is_no_leak(runs: dict[str, LaneRun], run: str) -> None:
    """A counter that the package counts up is told once, as settled, and blamed on nobody."""
    assert [event.what for event in runs[run].of(Settled)] == ["agent_proxy.counter"]


@pytest.mark.parametrize("run", RUNS)
def test_nothing_else_is_blamed(runs: dict[str, LaneRun], run: str) -> None:
    """There are no leaks but those, all on the polluter; each kind in the table is among them."""
    leaks = runs[run].of(Leaked)

    assert len(leaks) == len(NAMED) + 1
    assert {leak.nodeid for leak in leaks} == {"tests/test_polluter.py::test_polluter"}
    assert {leak.watcher for leak in leaks} == {kind.name for kind in KINDS}


@pytest.mark.parametrize("run", RUNS)
def test_victims_are_green_and_the_polluter_is_red(runs: dict[str, LaneRun], run: str) -> None:
    """Exit status, JUnit and journal agree: the polluter is an error, both victims pass."""
    result = runs[run]

    assert result.status == 1
    assert result.outcomes == {"test_polluter": "error", "test_victim": "passed"}, result.output
    assert result.cases == {
        "tests.test_a_victim::test_victim": "passed",
        "tests.test_polluter::test_polluter": "error",
        "tests.test_z_victim::test_victim": "passed",
    }


def test_the_founding_bug_is_told_to_the_user(runs: dict[str, LaneRun]) -> None:
    """Module, attribute, from, to, file:line and the advice, in the first lines of the report."""
    line = line_of(POLLUTER, "replaced")

    assert (
        "LEAK attributes agent_proxy.HttpToolsInvoker from <class 'agent_proxy.HttpToolsInvoker'> "
        f"to <class 'test_polluter._FakeInvoker'> at tests/test_polluter.py:{line}\n"
        '  use monkeypatch.setattr(agent_proxy, "HttpToolsInvoker", …), which undoes itself; it has been put back'
    ) in runs["file order"].output


def test_secrets_are_not_shown(runs: dict[str, LaneRun]) -> None:
    """The value of a variable that looks like a secret is neither printed nor written."""
    result = runs["file order"]

    assert found_in(result, "environ:API_KEY").after == "***"
    assert "hunter2" not in result.output

"""Whose leak it is, when it is one, and what is done about it: the guard as users meet it."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.config.leaks import LeakPolicy
from greenlane.evidence.journal import Leaked, TestFinished
from support.lane_project import LaneProject, LaneRun

from .projects import CLEAN, LAZY, PACKAGE, SCOPES, SPECIAL, line_of


def project_in(root: Path, tests: str) -> LaneProject:
    """Write a project with one test file."""
    project = LaneProject(root)
    project.write("src/agent_proxy/__init__.py", PACKAGE)
    project.write("src/agent_proxy/lazy.py", LAZY)
    project.write("src/agent_proxy/fresh.py", "VALUE = 1\n")
    project.write("tests/test_it.py", tests)
    return project


@pytest.fixture(scope="module")
def scopes(tmp_path_factory: pytest.TempPathFactory) -> LaneRun:
    """Tests with fixtures of every scope."""
    project = project_in(tmp_path_factory.mktemp("scopes"), SCOPES)
    return project.run("-n", "0", leaks=LeakPolicy(watch=("agent_proxy",)))


@pytest.fixture(scope="module")
def special(tmp_path_factory: pytest.TempPathFactory) -> LaneRun:
    """Tests with marks, levels and failures of their own."""
    policy = LeakPolicy(
        watch=("agent_proxy",),
        levels={"umask": "warn", "sys.path": "off"},
        allow={"attributes:agent_proxy.coun*": "a counter"},
    )
    return project_in(tmp_path_factory.mktemp("special"), SPECIAL).run("-n", "0", leaks=policy)


def named(run: LaneRun, test: str) -> dict[str, str]:
    """Return where each leak of a test was made, by its name."""
    return {name: leak.where for name, leak in run.leaks(f"::{test}").items()}


@pytest.mark.parametrize("words", [("-n", "0", "-W", "error", "--log-level=DEBUG", "--timeout=30"), ("-n", "2")])
def test_what_is_undone_is_no_leak(tmp_path: Path, words: tuple[str, ...]) -> None:
    """monkeypatch, caplog, mock, caches, lazy imports, ended threads, children and loops raise no alarm."""
    run = project_in(tmp_path, CLEAN).run(*words, leaks=LeakPolicy(watch=("agent_proxy",)))

    assert run.of(Leaked) == []
    assert run.status == 0, run.output


def test_a_process_that_has_just_begun_has_its_name(tmp_path: Path) -> None:
    """Whoever waits for `exec` goes on before the kernel has written the command line down: it is waited for."""
    tests = "import subprocess\nKEEP = []\n" + "".join(
        f"def test_{number}():\n    KEEP.append(subprocess.Popen(['sleep', '600']))\n" for number in range(6)
    )

    run = project_in(tmp_path, tests).run("-n", "0", leaks=LeakPolicy(watch=("agent_proxy",)))

    assert {leak.what.partition(" (")[0] for leak in run.of(Leaked)} == {"sleep 600"}, run.output
    assert len(run.of(Leaked)) == 6


def test_what_pytest_does_to_import_a_package_is_no_leak(tmp_path: Path) -> None:
    """Before the first test of a package pytest puts the package's folder first in `sys.path`; the test did not."""
    project = LaneProject(tmp_path)
    project.write("tests/__init__.py", "")
    project.write("tests/unit/test_it.py", "def test_a():\n    assert True\n")
    run = project.run("-n", "0", leaks=LeakPolicy())

    assert run.of(Leaked) == []
    assert run.status == 0, run.output


def test_a_package_that_a_test_makes_importable_is_a_leak(tmp_path: Path) -> None:
    """A test that does the same by a line of its own is blamed for it."""
    project = LaneProject(tmp_path)
    project.write("elsewhere/pack/__init__.py", "")
    body = f"import sys\n\ndef test_a():\n    sys.path.insert(0, {str(tmp_path / 'elsewhere')!r})\n    import pack\n"
    project.write("tests/test_it.py", body)
    run = project.run("-n", "0", leaks=LeakPolicy())

    (leak,) = [leak for leak in run.of(Leaked) if leak.watcher == "sys.path"]
    assert leak.where.endswith("test_it.py:4")


def test_state_of_wider_fixtures_is_theirs(scopes: LaneRun) -> None:
    """Module, class, xunit and unittest fixtures may change state until their tear-down, and tests see it."""
    assert {name: outcome for name, outcome in scopes.outcomes.items() if outcome == "passed"} == {
        "TestClass::test_sees_the_class": "passed",
        "TestUnit::test_unit": "passed",
        "test_no_class_is_left": "passed",
    }, scopes.output


def test_a_test_answers_for_undoing_what_a_fixture_set(scopes: LaneRun) -> None:
    """A test that overwrites a living fixture's state leaks, and nobody puts back what the fixture answers for."""
    found = scopes.leaks("::TestClass::test_undoes_what_the_module_set")

    assert list(found) == ["attributes:agent_proxy.flag"]
    leak = found["attributes:agent_proxy.flag"]
    assert (leak.before, leak.after, leak.restored) == ("'module'", "True", False)
    assert leak.where == f"tests/test_it.py:{line_of(SCOPES, 'hidden')}"


def test_a_fixture_is_settled_at_its_tear_down(scopes: LaneRun) -> None:
    """A session fixture that does not tidy up is named, with its line, where it is torn down."""
    assert scopes.outcomes["test_last"] == "error"
    found = scopes.leaks("::test_last")

    assert {name: (leak.where, leak.owner) for name, leak in found.items()} == {
        "environ:UNTIDY": (f"tests/test_it.py:{line_of(SCOPES, 'session')}", "session fixture untidy_session"),
        "attributes:agent_proxy.untidy": (
            f"tests/test_it.py:{line_of(SCOPES, 'session attribute')}",
            "session fixture untidy_session",
        ),
    }
    assert "by session fixture untidy_session" in scopes.output


def test_the_mark_with_a_reason_allows_it(special: LaneRun) -> None:
    """Marked state stays for the next test; it is told as a warning, with the reason, and does not make red."""
    assert special.outcomes["test_on_purpose"] == special.outcomes["test_reads_it"] == "passed", special.output
    leak = special.leaks("::test_on_purpose")["environ:ON_PURPOSE"]
    assert (leak.level, leak.advice, leak.restored) == ("warn", "on purpose: the next test reads it", False)


def test_the_mark_without_a_reason_does_not(special: LaneRun) -> None:
    """A mark must say why."""
    assert special.outcomes["test_without_reason"] == "error"
    assert '@pytest.mark.leaks needs a reason: @pytest.mark.leaks("…")' in special.output


@pytest.mark.parametrize(
    ("test", "outcome"), [("test_xfail", "error"), ("test_fails_too", "failed"), ("test_skips", "error")]
)
def test_no_outcome_hides_a_leak(special: LaneRun, test: str, outcome: str) -> None:
    """An xfail, a skip and a failure that leak are red and named."""
    assert special.outcomes[test] == outcome, special.output
    assert len(special.leaks(f"::{test}")) == 1


def test_what_cannot_be_undone_is_reported_once(special: LaneRun) -> None:
    """A thread cannot be stopped from outside: the test that started it is red, the next ones are not."""
    assert named(special, "test_thread").keys() == {"threads:endless"}
    assert special.leaks("::test_thread")["threads:endless"].restored is False
    assert special.outcomes["test_after_the_thread"] == special.outcomes["test_end"] == "passed"


def test_a_function_fixture_is_searched_too(special: LaneRun) -> None:
    """The line is found in the fixture that the test used."""
    assert named(special, "test_fixture") == {
        "environ:FIXTURE": f"tests/test_it.py:{line_of(SPECIAL, 'function fixture')}"
    }


def test_levels_and_allow_list(special: LaneRun) -> None:
    """`warn` is told and stays green, `off` and allowed state are not told."""
    for test in ("test_warned", "test_switched_off", "test_allowed"):
        assert special.outcomes[test] == "passed"
    assert [leak.level for leak in special.leaks("::test_warned").values()] == ["warn"]
    assert named(special, "test_switched_off") == named(special, "test_allowed") == {}
    assert "LeakWarning: LEAK umask from 0o022 to 0o077 at tests/test_it.py" in special.output


def test_a_module_that_the_test_itself_imported_is_watched(special: LaneRun) -> None:
    """The baseline of a module is the end of its import, even in the middle of a test."""
    assert named(special, "test_fresh_module") == {
        "attributes:agent_proxy.fresh.VALUE": f"tests/test_it.py:{line_of(SPECIAL, 'fresh')}"
    }
    assert special.outcomes["test_fresh_victim"] == "passed"


def test_hooks_of_the_project_are_nobodys_leak(tmp_path: Path) -> None:
    """State that a conftest keeps between tests is not blamed on the next test."""
    project = project_in(tmp_path, "def test_a(): pass\n\ndef test_b(): pass\n")
    project.write(
        "tests/conftest.py",
        """
        import agent_proxy, os

        def pytest_runtest_logreport(report):
            agent_proxy.NAMES.append(report.nodeid)
            os.environ["LAST"] = report.nodeid
            agent_proxy.last = report
        """,
    )

    run = project.run("-n", "0", leaks=LeakPolicy(watch=("agent_proxy",)))

    assert (run.status, run.of(Leaked)) == (0, []), run.output


def test_files_that_a_child_process_made_are_found(tmp_path: Path) -> None:
    """Without workers, what a child process left in the work tree is named and removed."""
    project = project_in(
        tmp_path,
        """
        import subprocess

        def test_child():
            subprocess.run(["touch", "made_by_child"], check=True)
        """,
    )

    run = project.run("-n", "0", leaks=LeakPolicy())

    assert named(run, "test_child") == {"files:made_by_child": "tests/test_it.py:4"}
    assert not (tmp_path / "made_by_child").exists()


def test_the_guard_is_off_without_a_level(tmp_path: Path) -> None:
    """`level = "off"` watches nothing."""
    run = project_in(tmp_path, "import os\n\ndef test_a(): os.environ['A'] = '1'\n").run("-n", "0")

    assert (run.status, run.of(Leaked)) == (0, [])


@pytest.mark.parametrize("level", ["error", "off"])
def test_a_working_directory_that_is_gone_stops_nothing(tmp_path: Path, level: str) -> None:
    """A test that takes its own folder away and fails is told with its line, and the next ones run all the same."""
    tests = (
        "import os, tempfile\ndef test_away():\n    with tempfile.TemporaryDirectory() as folder:\n"
        "        os.chdir(folder)\n    missing = open('x')\ndef test_after():\n    open(__file__).close()\n"
    )

    run = project_in(tmp_path, tests).run("-n", "0", leaks=LeakPolicy(level=level))

    assert run.outcomes == {"test_away": "failed", "test_after": "passed"}, run.output
    (told,) = [event for event in run.of(TestFinished) if event.cause]
    assert (told.path, told.line, told.cause[:17]) == ("tests/test_it.py", 5, "FileNotFoundError"), run.output

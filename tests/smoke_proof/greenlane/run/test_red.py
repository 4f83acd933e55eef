"""Red for the right reason, through the command line; tricks that try to look green are in `tests/sabotage`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support.tiny import CORE, TinyProject

PASSING = "def test_ok():\n    assert True\n"


def test_green(tiny: TinyProject) -> None:
    """A lane whose only test passes is green, exit 0, and says what it rests on."""
    ran = tiny.test(PASSING).greenlane("lane", "core")
    assert (ran.code, ran.codes) == (0, set()), ran.output
    assert "core: GREEN" in ran.output
    assert ran.verdict["checks"][0]["counts"] == {"passed": 1}


RED = {
    "nothing collected": ("x = 1\n", "NO_TESTS"),
    "a skip": ("import pytest\n@pytest.mark.skip(reason='later')\ndef test_a(): pass\n" + PASSING, "SKIPPED"),
    "a module that skips itself": ("import pytest\npytest.importorskip('nowhere')\n", "SKIPPED"),
    "xfail without run": ("import pytest\n@pytest.mark.xfail(run=False)\ndef test_a(): pass\n" + PASSING, "SKIPPED"),
    "a failure": ("def test_a():\n    assert 1 == 2\n", "FAILED"),
    "a set-up error": ("import pytest\n@pytest.fixture\ndef f(): 1 / 0\ndef test_a(f): pass\n", "ERROR"),
    "a tear-down error": (
        "import pytest\n@pytest.fixture\ndef f():\n    yield\n    1 / 0\ndef test_a(f): pass\n",
        "ERROR",
    ),
    "an import error": ("import nowhere\n", "ERROR"),
    "a test that times out": ("import time\ndef test_a(): time.sleep(60)\n", "TIMED_OUT"),
}


@pytest.mark.parametrize(("body", "code"), RED.values(), ids=RED.keys())
def test_red(tiny: TinyProject, body: str, code: str) -> None:
    """Each of these bodies makes the lane red with its code, and exit 1."""
    tiny.lanes(core={**CORE, "test_timeout": 1})
    ran = tiny.test(body).greenlane("lane", "core")
    assert ran.code == 1, ran.output
    assert code in ran.codes, ran.output
    assert "core: RED" in ran.output


def test_a_failure_has_its_cause(tiny: TinyProject) -> None:
    """A failing parametrized test is named with the first line of its error."""
    ran = tiny.test("""
        import pytest
        @pytest.mark.parametrize("n", [1, 2])
        def test_a(n):
            assert n == 1, "two is not one"
    """).greenlane("lane", "core")
    assert "CAUSE: tests/test_it.py::test_a[2] — AssertionError: two is not one" in ran.output
    assert ran.verdict["violations"][0]["line"] == 5


@pytest.mark.parametrize("addopts", ["-k ok", "-m 'not slow'"])
def test_selection_is_partial(tiny: TinyProject, addopts: str) -> None:
    """Selection options in PYTEST_ADDOPTS are passed on, and the run is never green."""
    ran = tiny.test(PASSING + "def test_b(): pass\n").greenlane("lane", "core", PYTEST_ADDOPTS=addopts)
    assert (ran.code, ran.codes) == (1, {"PARTIAL"}), ran.output
    assert addopts.split(maxsplit=1)[0] in ran.message("PARTIAL")


def test_yesterdays_artifacts(tiny: TinyProject) -> None:
    """A JUnit file and a journal left from an earlier run are removed, and cannot stand in for this one."""
    folder = tiny.path / ".artifacts" / "core"
    tiny.test(PASSING).greenlane("lane", "core")
    kept = {name: (folder / name).read_bytes() for name in ("junit.xml", "journal.jsonl")}
    tiny.test("import os\nos._exit(0)\n")
    for name, content in kept.items():
        (folder / name).write_bytes(content)
    ran = tiny.greenlane("lane", "core")
    assert ran.code == 1
    assert {"TRUNCATED", "EXIT_MISMATCH"} <= ran.codes, ran.output
    assert not (folder / "junit.xml").exists()


def test_a_worker_killed(tiny: TinyProject) -> None:
    """An xdist worker that dies is red by name of the test that it was running."""
    tiny.lanes(core={**CORE, "workers": 2})
    ran = tiny.test("""
        import os, pytest
        @pytest.mark.parametrize("n", range(6))
        def test_a(n):
            if n == 3:
                os.kill(os.getpid(), 9)
    """).greenlane("lane", "core")
    assert ran.code == 1
    assert "tests/test_it.py::test_a[3]" in ran.message("MISSING_OUTCOME"), ran.output


def test_silent_hang_with_a_child_that_holds_the_pipe(tiny: TinyProject) -> None:
    """A test that blocks for ever beside a detached child is killed at the lane's budget, with the child."""
    tiny.lanes(core={**CORE, "budget": 2, "test_timeout": 0})
    pid = tiny.path / "pid"
    ran = tiny.test(f"""
        import signal, subprocess, sys
        def test_hang():
            child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
            open({str(pid)!r}, "w").write(str(child.pid))
            signal.pause()
    """).greenlane("lane", "core")
    assert ran.code == 1
    assert "tests/test_it.py::test_hang" in ran.message("TIMED_OUT"), ran.output
    assert not Path(f"/proc/{pid.read_text()}").exists()


@pytest.mark.parametrize("kind", ["deterministic", "nondeterministic"])
def test_a_secret_is_invisible(tiny: TinyProject, kind: str) -> None:
    """Neither core nor nd sees secrets, or anything else of the caller that it did not ask for."""
    tiny.lanes(core={**CORE, "kind": kind})
    tiny.section("providers", {"openai": {"secrets": ["OPENAI_API_KEY"]}})
    ran = tiny.test("""
        import os
        def test_a():
            assert "OPENAI_API_KEY" not in os.environ and "UNRELATED" not in os.environ
            assert os.environ["TZ"] == "UTC" and os.environ["HOME"] != "/root"
    """).greenlane("lane", "core", OPENAI_API_KEY="sk-very-secret", UNRELATED="1", LIVE_PROVIDERS="1")
    assert ran.code == 0, ran.output


def test_no_network(tiny: TinyProject) -> None:
    """A deterministic lane has its own loopback and nothing else; a child process that tries is NETWORK red."""
    ran = tiny.test("""
        import socket, subprocess, sys
        def test_a():
            server = socket.create_server(("127.0.0.1", 0))
            socket.create_connection(server.getsockname()).close()
            server.close()
            code = "import socket; socket.create_connection(('192.0.2.1', 9), 3)"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            assert "Network is unreachable" in done.stderr
    """).greenlane("lane", "core")
    assert ran.code == 1, ran.output
    assert "NETWORK" in ran.codes
    assert "unreachable" not in ran.output
    assert ran.verdict["checks"][0]["record"]["result"]["hermetic"] == "kernel"


def test_workers_share_a_network_and_name_who_had_children(tiny: TinyProject) -> None:
    """Whose child tried, the kernel does not say: whoever had one at the time is told as probable, and nobody else."""
    tiny.lanes(core={**CORE, "workers": 2})
    ran = tiny.test("""
        import subprocess, sys
        def test_quiet(): assert subprocess.run([sys.executable, "-c", ""]).returncode == 0
        def test_leaves():
            code = "import socket; socket.create_connection(('192.0.2.1', 9), 3)"
            subprocess.run([sys.executable, "-c", code], capture_output=True)
        def test_nothing(): pass
    """).greenlane("lane", "core")
    assert ran.code == 1, ran.output
    message = ran.message("NETWORK")
    assert "tried to leave 1 times; the kernel refused, probably in " in message
    assert "::test_leaves" in message
    assert "::test_nothing" not in message


CONFIG = {
    "an unknown key": ({"core": {**CORE, "budgt": 3}}, "lanes.core.budgt: unknown key; allowed: kind, tests"),
    "a wrong type": ({"core": {**CORE, "budget": "long"}}, "lanes.core.budget: Expected `float | null`, got `str`"),
    "a wrong kind": ({"core": {**CORE, "kind": "fast"}}, "lanes.core.kind: Invalid enum value 'fast'"),
    "a shard twice": ({"nd": {**CORE, "shards": ["a", "a"]}}, "lanes.nd.shards: a is named more than once"),
}


@pytest.mark.parametrize(("lanes", "message"), CONFIG.values(), ids=CONFIG.keys())
def test_configuration_errors(tiny: TinyProject, lanes: dict[str, object], message: str) -> None:
    """A wrong configuration is exit 2 with file, key path and what is allowed, and no traceback."""
    ran = tiny.lanes(**lanes).greenlane("lane", "core")
    assert ran.code == 2
    assert f"CONFIG_ERROR: pyproject.toml: [tool.greenlane] {message}" in ran.output
    assert "Traceback" not in ran.output


def test_unknown_expectation(tiny: TinyProject) -> None:
    """An unknown name in READINESS_EXPECT is exit 2 and lists the known names."""
    ran = tiny.test(PASSING).greenlane("lane", "core", READINESS_EXPECT="gemini")
    assert ran.code == 2
    assert "CONFIG_ERROR: READINESS_EXPECT: unknown name 'gemini'; known: core" in ran.output


def test_unknown_shard(tiny: TinyProject) -> None:
    """An unknown shard is exit 2 and lists the known ones."""
    tiny.lanes(nd={"kind": "nondeterministic", "tests": ["tests"], "shards": ["shard_a", "shard_b"]})
    ran = tiny.test(PASSING).greenlane("lane", "nd", "shard_z")
    assert ran.code == 2
    assert "lane nd has no shard 'shard_z' (did you mean 'shard_b'?); known: shard_a, shard_b" in ran.output


def test_missing_lock(tiny: TinyProject) -> None:
    """A lane without a lock is a configuration error that says how to make one."""
    (tiny.path / "locks" / "core.txt").unlink()
    ran = tiny.test(PASSING).greenlane("lane", "core")
    assert ran.code == 2
    assert "nox -s lock" in ran.output


def test_the_interpreter_is_the_lanes_own(tiny: TinyProject) -> None:
    """Tests run on the environment's interpreter, and `pytest` on the lane's PATH is the environment's."""
    ran = tiny.test(f"""
        import shutil, sys
        def test_a():
            assert sys.executable.startswith({str(tiny.environments)!r})
            assert shutil.which("pytest").startswith({str(tiny.environments)!r})
            assert sys.executable != {sys.executable!r}
    """).greenlane("lane", "core")
    assert ran.code == 0, ran.output


COMPLAINTS = {
    "an unknown option": ({"PYTEST_ADDOPTS": "--nosuch"}, "", "(usage error): unrecognized arguments: --nosuch"),
    "an unknown plugin": (
        {"PYTEST_ADDOPTS": "-p nosuch"}, "", "Error importing plugin \"nosuch\": No module named 'nosuch'",
    ),
    "a conftest that fails": ({}, "raise ValueError('not today')\n", "ValueError: not today"),
}  # fmt: skip


@pytest.mark.parametrize(("extra", "conftest", "cause"), COMPLAINTS.values(), ids=COMPLAINTS.keys())
def test_a_usage_error_has_its_cause(tiny: TinyProject, extra: dict[str, str], conftest: str, cause: str) -> None:
    """Where pytest ends before its tests, the CAUSE line says why, in pytest's own words; that is an ERROR alone."""
    ran = tiny.write("conftest.py", conftest).test(PASSING).greenlane("lane", "core", **extra)
    assert (ran.code, ran.codes) == (1, {"ERROR"}), ran.output
    (line,) = [line for line in ran.output.splitlines() if line.startswith("CAUSE: core — pytest ended")]
    assert cause in line


def test_a_pytest_that_raises_has_its_cause(tiny: TinyProject) -> None:
    """Where pytest itself ends with a traceback while it reads its options, the CAUSE line has the exception."""
    tiny.write("pytest.ini", "[pytest]\nfilterwarnings =\n    error\n    ignore::nosuch.Warned\n")
    ran = tiny.test(PASSING).greenlane("lane", "core")
    assert ran.code == 1
    assert "(before any test): pytest.PytestConfigWarning: Failed to import filter module 'nosuch'" in ran.output


def test_an_undeclared_group_and_extra(tiny: TinyProject) -> None:
    """A lock of a dependency group or an extra that the project does not have is a configuration error."""
    ran = tiny.lanes(core={**CORE, "groups": ["tset"], "extras": ["all"]}).test(PASSING).greenlane("lock", "--check")
    assert ran.code == 2
    assert "CONFIG_ERROR: pyproject.toml: [tool.greenlane] lanes.core.groups: unknown name 'tset'" in ran.output
    assert "lanes.core.extras: unknown name 'all'; known: none" in ran.output


def test_a_broken_build_backend(tiny: TinyProject) -> None:
    """A project that cannot be built is a mistake in its own pyproject.toml: no drift, and no word of locks."""
    config = (tiny.path / "pyproject.toml").read_text()
    backend = '[build-system]\nrequires = []\nbuild-backend = "nowhere"\n\n[project]\nname = "x"\nversion = "1"\n\n'
    ran = tiny.write("pyproject.toml", backend + config).test(PASSING).greenlane("lane", "core")
    assert ran.code == 2, ran.output
    assert f"CONFIG_ERROR: building the wheel of {tiny.path.name} failed with exit status" in ran.output
    assert "next: see the lines above: [build-system] of its pyproject.toml is at fault" in ran.output
    assert "DRIFT" not in ran.output
    assert "nox -s lock" not in ran.output


def test_requirements_that_contradict_each_other(tiny: TinyProject) -> None:
    """A lock that cannot be compiled is a configuration error that names the requirement."""
    config = (tiny.path / "pyproject.toml").read_text()
    groups = '[dependency-groups]\ncore = ["pytest<1"]\n\n'
    ran = tiny.write("pyproject.toml", groups + config).greenlane("lock", "--check")
    assert ran.code == 2, ran.output
    assert "CONFIG_ERROR: compiling core.txt failed" in ran.output
    assert "pytest<1" in ran.output

"""Workers that are forks of one process with dear modules imported, in small projects of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from greenlane.config.leaks import LeakPolicy
from greenlane.evidence.journal import Crashed, Hermetic
from support.lane_project import LaneProject
from support.pages import run_page
from support.processes import ended, read_pids
from support.tiny import TinyProject

PAGE = Path(__file__).parents[4] / "docs/workers.md"
DEAR = """
    import os, pathlib, random, threading
    with pathlib.Path("imported.txt").open("a") as file:
        file.write(f"{os.getpid()}\\n")
    STATE = []
    random.seed(1)
    os.environ["FROM_IMPORT"] = "1"
"""


@pytest.fixture
def project(tmp_path: Path) -> LaneProject:
    """A project with a module that tells which process imported it."""
    project = LaneProject(tmp_path)
    project.write("src/dear.py", DEAR)
    return project


def test_each_worker_is_a_process_of_its_own_that_begins_after_the_import(project: LaneProject) -> None:
    """One import; every worker, also one that takes the place of a dead one, finds it as it was left, and ends."""
    project.write(
        "tests/test_it.py",
        """
        import os, pathlib, signal, sys, threading
        import dear, pytest

        @pytest.mark.parametrize("number", range(6))
        def test_state(number):
            assert dear.STATE == []
            assert threading.active_count() <= 2, "execnet's own, and no other"
            assert os.environ["FROM_CONFTEST"] == os.environ["PYTEST_XDIST_WORKER_COUNT"] == "2"
            assert os.environ["FROM_IMPORT"] == "1"
            assert os.read(0, 1) == b"" and "__file__" not in vars(sys.modules["__main__"])
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
            with pathlib.Path("workers.txt").open("a") as file:
                file.write(f"{os.getpid()} {os.getppid()}\\n")
            if number == 2:
                os.kill(os.getpid(), signal.SIGSEGV)
        """,
    )
    project.write("conftest.py", "import os\nos.environ['FROM_CONFTEST'] = '2'\n")
    ran = project.run("-n", "2", "--dist", "load", preload=("dear",))
    assert [one.nodeid for one in ran.of(Crashed) if one.nodeid] == ["tests/test_it.py::test_state[2]"], ran.output
    assert ran.outcomes == {f"test_state[{number}]": "passed" for number in (0, 1, 3, 4, 5)}, ran.output
    (server,) = read_pids(project.root / "imported.txt")
    told = [line.split() for line in (project.root / "workers.txt").read_text().splitlines()]
    assert {parent for _, parent in told} == {str(server)}
    assert len({worker for worker, _ in told}) >= 2
    assert all(map(ended, (server, *(int(worker) for worker, _ in told))))


def test_every_guard_stands_in_a_forked_worker(project: LaneProject) -> None:
    """Network, leaks, time limits and draws of chance are those of a worker that was spawned."""
    project.write(
        "tests/test_it.py",
        """
        import os, random, socket, time
        import dear
        def test_network():
            socket.create_connection(("192.0.2.1", 80), 1)
        def test_leak():
            dear.STATE.append(1)
        def test_time():
            time.sleep(30)
        def test_other_leak():
            os.environ["LEFT"] = "1"
        def test_chance():
            assert random.random() != random.Random(1).random()
        """,
    )
    ran = project.run(
        "-n", "2", "--timeout=3", "--timeout-method=signal", "--dist", "load", preload=("dear",), network=False,
        hermetic="kernel", leaks=LeakPolicy(level="error", watch=("dear",)),
    )  # fmt: skip
    assert [attempt.where for attempt in ran.attempts("test_network")] == ["tests/test_it.py:4"]
    assert set(ran.leaks("::test_leak")) == {"containers:dear.STATE"}, ran.output
    assert set(ran.leaks("::test_other_leak")) == {"environ:LEFT"}, ran.output
    assert "Timeout (>3.0s) from pytest-timeout" in ran.output
    assert {one.worker: one.level for one in ran.of(Hermetic)} == dict.fromkeys(("main", "gw0", "gw1"), "kernel")
    assert {name for name, outcome in ran.outcomes.items() if outcome == "passed"} == {"test_chance"}, ran.output


def test_workers_end_with_a_controller_that_is_killed(project: LaneProject) -> None:
    """Nobody outlives the process that hands out tests, however that ends."""
    project.write(
        "tests/test_it.py",
        """
        import os, pathlib, signal
        import dear
        def test_kills():
            server = os.getppid()
            controller = int(pathlib.Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[1])
            pathlib.Path("all.txt").write_text(f"{server} {os.getpid()}")
            os.kill(controller, signal.SIGKILL)
        """,
    )
    ran = project.run("-n", "1", preload=("dear",))
    assert ran.status == -9
    assert all(ended(pid, 10) for pid in read_pids(project.root / "all.txt"))


FAILURES = {
    "threads": (
        "import threading\nthreading.Thread(target=threading.Event().wait, name='mine', daemon=True).start()\n",
        "dear starts threads when it is imported (mine), and no fork has them: leave it out of preload",
    ),
    "warns": (
        "import warnings\nwarnings.warn('gone soon', DeprecationWarning)\n",
        "dear cannot be imported: DeprecationWarning: gone soon",
    ),
    "dies": ("import os\nos._exit(7)\n", "the process that imports dear died (exit status 7)"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_cannot_be_preloaded_is_told_by_its_name(project: LaneProject, name: str) -> None:
    """Threads, a warning that the project takes for an error, a crash: no test runs, and this is why."""
    text, told = FAILURES[name]
    project.write("src/dear.py", text)
    project.write("tests/test_it.py", "def test_it(): pass\n")
    ran = project.run("-n", "1", "-W", "error::DeprecationWarning", preload=("dear",))
    assert (ran.status, ran.outcomes) == (4, {}), ran.output
    assert f"ERROR: greenlane: lanes.core.preload: {told}" in ran.output


def test_an_import_that_calls_out_is_stopped_and_named(project: LaneProject) -> None:
    """The guard stands before the import, and what it caught is evidence although the import swallowed it."""
    project.write(
        "src/dear.py", "import socket\ntry: socket.create_connection(('192.0.2.1', 80), 1)\nexcept OSError: pass"
    )
    project.write("tests/test_it.py", "import dear\ndef test_it(): pass\n")
    ran = project.run("-n", "1", preload=("dear",), network=False, hermetic="kernel")
    assert [(attempt.operation, attempt.where) for attempt in ran.attempts("")] == [("connect", "src/dear.py:2")]


def test_a_lane_that_preloads(make_tiny: Callable[..., TinyProject]) -> None:
    """The page does what it says; without its module the lane is red, and says which it is."""
    tiny = make_tiny()
    tiny.write("pyproject.toml", f'[tool.greenlane]\nenvironments = "{tiny.environments}"\n\n')
    tiny.write("locks/core.txt", tiny.lock)
    assert run_page(PAGE, tiny) == 2
    (tiny.path / "lib/dear.py").unlink()
    ran = tiny.greenlane("ready")
    assert ran.code == 1
    assert "lanes.core.preload: dear cannot be imported: ModuleNotFoundError" in str(ran.verdict["violations"])

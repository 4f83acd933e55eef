"""A lane that names what it may reach: that address is no attempt to leave, every other one is, and fails its test.

In `nd`, since the named address is really asked for, and a guard that is deaf cannot hold back its own proof.
"""

from __future__ import annotations

from pathlib import Path

from greenlane.evidence.journal import Hermetic
from support.lane_project import LaneProject

TESTS = """
import socket
from contextlib import suppress


def test_named():
    with suppress(OSError):
        socket.create_connection(("192.0.2.1", 80), 0.2)


def test_other_port():
    with suppress(OSError):
        socket.create_connection(("192.0.2.1", 81), 0.2)


def test_other_host():
    with suppress(OSError):
        socket.create_connection(("192.0.2.2", 80), 0.2)


class Host(str):
    def __str__(self):
        return "192.0.2.1"


class Inside(str):
    def __str__(self):
        return "127.0.0.1"


class Address(tuple):
    def __getitem__(self, index):
        return ("192.0.2.1", 80)[index]


def test_text_that_says_something_else():
    with suppress(OSError):
        socket.socket().connect((Host("192.0.2.2"), 80))


def test_text_that_says_it_is_inside():
    with suppress(OSError):
        socket.socket().connect((Inside("192.0.2.2"), 80))


def test_tuple_that_says_something_else():
    with suppress(OSError):
        socket.socket().connect(Address(("192.0.2.2", 80)))


def test_other_name():
    with suppress(OSError):
        socket.getaddrinfo("example.com", 80)
"""


def test_a_lane_reaches_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    """Only the connection to the named host and port is left to the network."""
    project = LaneProject(tmp_path)
    project.write("tests/test_it.py", TESTS)

    run = project.run(kind="nondeterministic", network=False, reach=("192.0.2.1:80",))

    assert run.outcomes == {
        "test_named": "passed", "test_other_port": "failed", "test_other_host": "failed", "test_other_name": "failed",
        "test_text_that_says_something_else": "failed", "test_text_that_says_it_is_inside": "failed",
        "test_tuple_that_says_something_else": "failed",
    }  # fmt: skip
    assert run.attempts("test_named") == []
    assert [attempt.address for attempt in run.attempts("test_other_port")] == ["192.0.2.1:81"]


def test_a_suite_that_has_no_sockets_at_its_end_is_guarded(tmp_path: Path) -> None:
    """The last proof does not go through what tests put in the place of `socket.socket`."""
    project = LaneProject(tmp_path)
    project.write(
        "tests/test_it.py",
        """
        import socket

        class Blocked(socket.socket):
            def __new__(cls, *args, **kwargs):
                raise RuntimeError("no sockets here")

        def test_takes_sockets_away():
            socket.socket = Blocked
        """,
    )
    run = project.run(kind="nondeterministic", network=False, reach=("192.0.2.1:80",))
    assert run.status == 0, run.output
    assert [proof.level for proof in run.of(Hermetic)] == ["python"]


def test_a_guard_that_was_made_deaf_proves_nothing(tmp_path: Path) -> None:
    """The guard proves itself again at the end; one that is switched off shows level `none`: red."""
    project = LaneProject(tmp_path)
    deaf = """
    def pytest_collection_finish(session):
        session.config.pluginmanager.get_plugin("greenlane-hermetic").close()
    """
    project.write("tests/conftest.py", deaf)
    project.write("tests/test_it.py", "def test_a(): pass")
    run = project.run(kind="nondeterministic", network=False, reach=("192.0.2.1:80",))
    assert "none" in [proof.level for proof in run.of(Hermetic)], run.output

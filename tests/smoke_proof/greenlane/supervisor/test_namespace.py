"""The kernel namespaces, entered by real processes as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import greenlane
from greenlane.supervisor.host_sockets import find_host_sockets
from greenlane.supervisor.loopback_device import hosts_with_local_names
from greenlane.supervisor.namespace import Enclosure, suggest_fix
from support.measured import measured

SOURCES = str(Path(greenlane.__file__).parents[1])

INSIDE = """
import json, os, socket, subprocess, sys
from greenlane.supervisor.namespace import enter
def said(attempt):
    try:
        attempt()
    except OSError as error:
        return error.strerror
    return "done"
def unix(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
if "full" in sys.argv:
    enter()
    open("/proc/sys/user/max_user_namespaces", "w").write("0")
first = enter(keep=sys.argv[3:])
probe = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
server = socket.create_server(("127.0.0.1", 0)) if first.level == "kernel" else None
print(json.dumps({
    "level": first.level, "reason": first.reason, "fix": first.fix,
    "hidden": first.hidden, "lines": first.lines(),
    "connect": said(lambda: socket.create_connection(("192.0.2.1", 80), 1)) if server else "",
    "name": said(lambda: socket.getaddrinfo("example.com", 80)) if server else "",
    "loopback": said(lambda: socket.create_connection(server.getsockname()).close()) if server else "",
    "child": subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True).stderr.strip()[-40:],
    "unix": said(lambda: unix(sys.argv[2])) if len(sys.argv) > 2 and sys.argv[2] else "",
    "ids": [os.getuid(), os.getgid()],
    "again": [(inner := enter()).level, *inner.lines()] if server and "nested" in sys.argv else "",
}))
"""


def run_inside(*words: str, user: int | None = None) -> dict[str, Any]:
    """Enter a namespace in a process of its own and return what it saw."""
    # A bare interpreter: an environment's own may lie where an ordinary user cannot reach it.
    python = sys.executable if user is None else "/usr/bin/python3"
    done = subprocess.run(
        [python, "-s", "-c", INSIDE, *words],
        env={"PYTHONPATH": SOURCES, "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", **measured()},
        capture_output=True,
        text=True,
        check=True,
        **({} if user is None else {"user": user, "group": user, "extra_groups": []}),
    )
    return dict(json.loads(done.stdout))


def test_it_has_a_loopback_and_nothing_else() -> None:
    """Inside, outside addresses and names fail for the process and its children, and the loopback works."""
    seen = run_inside("nested", "", "nested")

    assert seen["level"] == "kernel", seen
    assert seen["connect"] == "Network is unreachable"
    assert seen["name"] == "Temporary failure in name resolution"
    assert seen["child"].endswith("Network is unreachable")
    assert seen["loopback"] == "done"
    assert seen["ids"] == [os.getuid(), os.getgid()]
    assert seen["lines"] == []


def test_it_can_be_entered_again_from_within() -> None:
    """A lane's tests may make lanes of their own, which lack nothing either."""
    assert run_inside("x", "", "nested")["again"] == ["kernel"]


@pytest.mark.parametrize("kept", [False, True])
def test_host_sockets_are_hidden_unless_kept(tmp_path: Path, kept: bool) -> None:
    """A socket that a process of the host listens on cannot be reached from inside, and one that is kept can."""
    path = str(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        seen = run_inside("x", path, *([path] if kept else []))

    assert (path in seen["hidden"]) is not kept
    assert seen["unix"] == ("done" if kept else "Connection refused")


def test_an_agent_named_by_the_environment_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets that variables lead to are host sockets wherever they are."""
    path = tmp_path / "agent"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        assert str(path) in find_host_sockets()
        assert str(path) not in find_host_sockets(keep=[str(path)])


def test_a_refusal_is_a_level_with_a_reason_and_a_command() -> None:
    """Where the kernel refuses, nothing crashes, the level is python, and the command that would fix it is shown."""
    seen = run_inside("full")

    assert seen["level"] == "python"
    assert "the kernel refused a new namespace (unshare: ENOSPC" in seen["reason"]
    assert seen["fix"] == "sudo sysctl -w user.max_user_namespaces=15000"
    assert seen["lines"][0].startswith("WARNING: hermetic level is python, not kernel: the kernel refused")
    assert seen["lines"][1] == "  next: sudo sysctl -w user.max_user_namespaces=15000"


@pytest.mark.parametrize(
    ("file", "text", "command"),
    [
        ("sys/kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl -w kernel.apparmor_restrict_unpriv"),
        ("sys/kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
        ("sys/user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=15000"),
        ("self/status", "Name:\tx\nSeccomp:\t2\n", "--security-opt seccomp=unconfined"),
    ],
)
def test_each_known_refusal_has_its_fix(tmp_path: Path, file: str, text: str, command: str) -> None:
    """What the kernel says about itself leads to the command that helps."""
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text)

    assert command in suggest_fix(str(tmp_path))


def test_what_could_not_be_hidden_is_said() -> None:
    """A socket that stays reachable is never silent."""
    told = Enclosure(level="kernel", exposed=("/run/docker.sock",)).lines()

    assert told == ["WARNING: the host socket /run/docker.sock could not be hidden from the lane"]


def test_what_the_loopback_lacks_is_said() -> None:
    """A kernel that refuses a part of the loopback does not cost the level, and is told of."""
    told = Enclosure(level="kernel", lacking=("IPv6 multicast: Operation not supported",)).lines()

    assert told == ["WARNING: the lane's loopback has no IPv6 multicast: Operation not supported"]


def test_the_names_of_the_machine_are_its_loopback() -> None:
    """In the lane's hosts file the machine's names lead to its loopback alone; other names keep their lines."""
    text = "172.17.0.2 Box.example.org box db # ours\n127.0.0.1 localhost\n\n# nothing\n192.0.2.7 other.example.org\n"

    assert hosts_with_local_names(text, "box.example.org", ipv6=True).splitlines() == [
        "127.0.0.1 localhost localhost.localdomain box.example.org box",
        "::1 localhost ip6-localhost ip6-loopback box.example.org box",
        "172.17.0.2 db",
        "192.0.2.7 other.example.org",
    ]
    assert "::1" not in hosts_with_local_names(text, "box", ipv6=False)


def test_an_ordinary_user_can_enter() -> None:
    """It works without root: where the tests are root, one process gives that up first."""
    if os.getuid() != 0 or not _can_become(65534):
        assert run_inside()["level"] == "kernel"
        return
    seen = run_inside("x", "", user=65534)

    assert (seen["level"], seen["ids"]) == ("kernel", [65534, 65534])


def _can_become(user: int) -> bool:
    """Whether this process may change to another user: inside a lane's namespace no other user exists."""
    done = subprocess.run(
        [sys.executable, "-c", f"import os; os.setgid({user}); os.setuid({user})"], capture_output=True, check=False
    )
    return done.returncode == 0

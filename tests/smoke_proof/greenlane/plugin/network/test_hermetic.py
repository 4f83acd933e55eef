"""The hermetic guard, as users meet it: small projects whose tests try to leave the loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.evidence.journal import Hermetic, NetworkAttempt, RouteRefused
from greenlane.plugin.network.loopback import Loopback
from support.lane_project import LaneProject, LaneRun

ROUTES = """
import ctypes, socket, subprocess, sys
import _socket
from contextlib import suppress
from socket import socket as Socket

import pytest

OUT = ("192.0.2.1", 80)


def test_lookup():
    with suppress(OSError):
        socket.getaddrinfo("example.com", 80)  # lookup


def test_lookup_by_name():
    with suppress(OSError):
        socket.gethostbyname("example.com")  # lookup_by_name


def test_connect():
    with suppress(OSError):
        socket.create_connection(OUT, 1)  # connect


def test_private_module():
    with suppress(OSError):
        _socket.socket().connect(OUT)  # private_module


def test_from_import():
    with suppress(OSError), Socket() as client:
        client.connect(OUT)  # from_import


def test_connect_ex():
    with suppress(OSError), Socket() as client:
        client.connect_ex(OUT)  # connect_ex


def test_udp():
    with suppress(OSError), Socket(type=socket.SOCK_DGRAM) as client:
        client.sendto(b"x", OUT)  # udp


def test_ip6():
    with suppress(OSError):
        socket.create_connection(("2001:db8::1", 80), 1)  # ip6


def test_unix():
    with suppress(OSError), Socket(socket.AF_UNIX) as client:
        client.connect("/run/docker.sock")  # unix


def test_ctypes():
    with suppress(OSError):
        ctypes.CDLL(None).connect(3, b"", 0)  # ctypes


@pytest.fixture
def late():
    yield
    with suppress(OSError):
        socket.create_connection(OUT, 1)  # teardown


def test_teardown(late):
    pass


@pytest.fixture
def early():
    with suppress(OSError):
        socket.create_connection(OUT, 1)  # setup


def test_setup(early):
    pass


@pytest.mark.xfail(reason="needs a network")
def test_xfail():
    socket.create_connection(OUT, 1)  # xfail


def test_skip():
    try:
        socket.create_connection(OUT, 1)  # skip
    except OSError:
        pytest.skip("no network")


def test_child_python():
    probe = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
    assert b"unreachable" in subprocess.run([sys.executable, "-c", probe], capture_output=True).stderr


def test_child_curl():
    assert subprocess.run(["curl", "-s", "-m", "2", "http://192.0.2.1/"]).returncode == 7


def test_loopback():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()


def test_unix_socket_in_tmp(tmp_path):
    with Socket(socket.AF_UNIX) as server, Socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))


def test_own_name():
    assert socket.getfqdn()


FAMILIES = [socket.AF_INET, socket.AF_INET6, socket.AF_UNSPEC]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("flags", [0, socket.AI_ADDRCONFIG])
@pytest.mark.parametrize("name", ["localhost", socket.gethostname()])
def test_names(name, flags, family):
    found = socket.getaddrinfo(name, 80, family, socket.SOCK_STREAM, flags=flags)
    assert {entry[4][0] for entry in found} == {
        socket.AF_INET: {"127.0.0.1"}, socket.AF_INET6: {"::1"}, socket.AF_UNSPEC: {"127.0.0.1", "::1"},
    }[family]


def test_loopback_of_the_other_family():
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()
        socket.create_connection(("::1", server.getsockname()[1])).close()


def test_dual_stack():
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        for host in ("127.0.0.1", "::1", "localhost", socket.gethostname()):
            socket.create_connection((host, server.getsockname()[1])).close()


def test_link_local():
    with open("/proc/net/if_inet6") as table:
        (address,) = {row.split()[0] for row in table if row.startswith("fe80")}
    assert address == "fe80" + "0" * 27 + "1"
    with Socket(socket.AF_INET6) as server:
        server.bind(socket.getaddrinfo("fe80::1%lo", 0, type=socket.SOCK_STREAM)[0][4])
        server.listen()
        socket.create_connection(("fe80::1%lo", server.getsockname()[1])).close()


@pytest.mark.parametrize("group", ["239.1.2.3", "224.0.0.251"])
def test_multicast(group):
    with Socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver, Socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        receiver.bind(("", 0))
        receiver.settimeout(5)
        join = socket.inet_aton(group) + socket.inet_aton("0.0.0.0")
        receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, join)
        sender.sendto(b"x", (group, receiver.getsockname()[1]))
        assert receiver.recv(9) == b"x"


@pytest.mark.parametrize("group", ["ff02::123", "ff05::123"])
def test_multicast_of_the_other_family(group):
    with Socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiver, Socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        receiver.bind(("", 0))
        receiver.settimeout(5)
        join = socket.inet_pton(socket.AF_INET6, group) + bytes(4)
        receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, join)
        sender.sendto(b"x", (group, receiver.getsockname()[1]))
        assert receiver.recv(9) == b"x"


def test_abstract_socket():
    with Socket(socket.AF_UNIX) as server, Socket(socket.AF_UNIX) as client:
        server.bind("\\0greenlane")
        server.listen()
        client.connect("\\0greenlane")


def test_unix_socket_in_the_home():
    import pathlib
    path = str(pathlib.Path.home() / "s")
    with Socket(socket.AF_UNIX) as server, Socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
    pathlib.Path(path).unlink()


def test_loop_of_asyncio():
    import asyncio

    async def both():
        async def hang_up(reader, writer):
            writer.close()

        server = await asyncio.start_server(hang_up, "localhost", 0)
        async with server:
            for listener in server.sockets:
                host, port, *_ = listener.getsockname()
                _, writer = await asyncio.open_connection(host, port)
                writer.close()
                await writer.wait_closed()
        return {listener[0] for listener in map(lambda s: s.getsockname(), server.sockets)}

    asyncio.run(both())
"""

NAMED = {
    "lookup": ("getaddrinfo", "example.com"),
    "lookup_by_name": ("gethostbyname", "example.com"),
    "connect": ("connect", "192.0.2.1:80"),
    "private_module": ("connect", "192.0.2.1:80"),
    "from_import": ("connect", "192.0.2.1:80"),
    "connect_ex": ("connect", "192.0.2.1:80"),
    "udp": ("sendto", "192.0.2.1:80"),
    "ip6": ("connect", "[2001:db8::1]:80"),
    "unix": ("connect", "/run/docker.sock"),
    "ctypes": ("ctypes connect", "an address that only the C library knows"),
    "teardown": ("connect", "192.0.2.1:80"),
    "setup": ("connect", "192.0.2.1:80"),
    "xfail": ("connect", "192.0.2.1:80"),
    "skip": ("connect", "192.0.2.1:80"),
}
"""Route by name of its test: the operation and the address that must be named."""

INSIDE = (
    "test_loopback", "test_unix_socket_in_tmp", "test_own_name", "test_names", "test_loopback_of_the_other_family",
    "test_dual_stack", "test_link_local", "test_multicast", "test_multicast_of_the_other_family",
    "test_abstract_socket", "test_unix_socket_in_the_home", "test_loop_of_asyncio",
)  # fmt: skip
"""What a hermetic test may use: every one works."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> LaneRun:
    """All routes in one process, in a namespace."""
    project = LaneProject(tmp_path_factory.mktemp("alone"))
    project.write("tests/test_routes.py", ROUTES)
    return project.run("-n", "0", network=False, hermetic="kernel")


@pytest.fixture(scope="module")
def distributed(tmp_path_factory: pytest.TempPathFactory) -> LaneRun:
    """All routes on two workers, in a namespace."""
    project = LaneProject(tmp_path_factory.mktemp("distributed"))
    project.write("tests/test_routes.py", ROUTES)
    return project.run("-n", "2", network=False, hermetic="kernel", order="random", seed=7)


def line_of(comment: str) -> int:
    """Return the line of the written file that ends in a comment."""
    lines = ROUTES.strip().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"# {comment}"))


@pytest.mark.parametrize("route", NAMED)
def test_a_route_from_python_is_blocked_and_named(route: str, alone: LaneRun) -> None:
    """Test, operation, address and call site are named, and the test is red although it swallowed the refusal."""
    assert alone.outcomes[f"test_{route}"] in ("failed", "error"), alone.output
    assert alone.cases[f"tests.test_routes::test_{route}"] in ("failure", "error")
    found = [(a.operation, a.address, a.where) for a in alone.attempts(f"::test_{route}")]
    assert found == [(*NAMED[route], f"tests/test_routes.py:{line_of(route)}")]


@pytest.mark.parametrize("route", NAMED)
def test_a_route_is_named_under_xdist_too(route: str, distributed: LaneRun) -> None:
    """Workers guard themselves, in random order."""
    assert distributed.outcomes[f"test_{route}"] in ("failed", "error"), distributed.output
    found = [(a.operation, a.address) for a in distributed.attempts(f"::test_{route}")]
    assert found == [NAMED[route]]


@pytest.mark.parametrize("route", ["child_python", "child_curl"])
def test_a_child_process_gets_nowhere(route: str, alone: LaneRun, distributed: LaneRun) -> None:
    """The kernel stops child processes and compiled clients; with workers the test is one of the suspects."""
    assert distributed.outcomes[f"test_{route}"] == "passed"
    assert f"tests/test_routes.py::test_{route}" in [event.nodeid for event in distributed.of(RouteRefused)]
    assert alone.of(RouteRefused) == []
    assert [a.operation for a in alone.attempts(f"::test_{route}")] == ["child process or compiled code"]
    assert alone.outcomes[f"test_{route}"] == "error"


def test_the_loopback_stays_open(alone: LaneRun, distributed: LaneRun) -> None:
    """Names and addresses of both families, groups, and unix sockets, abstract and in files, are the lane's own."""
    for run in (alone, distributed):
        seen = {name: outcome for name, outcome in run.outcomes.items() if name.partition("[")[0] in INSIDE}
        assert {name.partition("[")[0] for name in seen} == set(INSIDE)
        assert set(seen.values()) == {"passed"}, run.output


def test_the_proof_is_in_the_journal_of_every_process(alone: LaneRun, distributed: LaneRun) -> None:
    """Level and proof are evidence, from the controller and from each worker."""
    assert [event.level for event in alone.of(Hermetic)] == ["kernel"]
    assert alone.of(Hermetic)[0].proof == (
        "connect: [Errno 101] Network is unreachable; look-up: [Errno -3] Temporary failure in name resolution"
    )
    assert {event.worker: event.level for event in distributed.of(Hermetic)} == {
        "main": "kernel",
        "gw0": "kernel",
        "gw1": "kernel",
    }


def test_imports_at_collection_are_guarded(tmp_path: Path) -> None:
    """A conftest is guarded from its first line on; a test file that tried to leave while imported is an error."""
    project = LaneProject(tmp_path)
    leave = "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80), 1)\nexcept OSError:\n    pass\n"
    project.write("tests/conftest.py", leave)
    project.write("tests/test_it.py", f"{leave}\ndef test_it(): pass\n")

    run = project.run("-n", "0", network=False, hermetic="python")

    assert run.status == 2, run.output
    assert [(a.nodeid, a.where) for a in run.of(NetworkAttempt)] == [
        ("", "tests/conftest.py:3"),
        ("tests/test_it.py", "tests/test_it.py:3"),
    ]
    assert "ERROR tests/test_it.py - NETWORK connect 192.0.2.1:80 at tests/test_it.py:3" in run.output


def test_without_a_namespace_the_level_is_python(tmp_path: Path) -> None:
    """Where the kernel refused, Python is still blocked, and the proof says who refused."""
    project = LaneProject(tmp_path)
    project.write("tests/test_it.py", "def test_it(): pass\n")

    run = project.run("-n", "0", network=False, hermetic="python")

    assert [event.level for event in run.of(Hermetic)] == ["python"]
    assert "greenlane: connect 192.0.2.1:9 would leave the loopback" in run.of(Hermetic)[0].proof
    assert run.status == 0


def test_a_lane_with_a_network_is_left_alone(tmp_path: Path) -> None:
    """No guard, no proof, no evidence where the contract allows a network."""
    project = LaneProject(tmp_path)
    project.write("tests/test_it.py", "def test_it(): pass\n")

    assert project.run("-n", "0", network=True).of(Hermetic) == []


@pytest.mark.parametrize(
    "address",
    [("127.0.0.1", 1), ("127.8.9.1", 1), ("::1", 1, 0, 0), ("localhost", 1), ("::ffff:127.0.0.1", 1), ("", 1),
     ("0.0.0.0", 1), "\0abstract", b"\0abstract", "", (16, 0)],
)  # fmt: skip
def test_inside(address: object) -> None:
    """Every spelling of the loopback is inside."""
    assert Loopback("/nowhere").is_inside(address)


@pytest.mark.parametrize(
    "address",
    [("8.8.8.8", 53), ("example.com", 80), ("::ffff:8.8.8.8", 1), ("2001:db8::1", 1), ("127.evil.example", 1),
     ("localhost.example.com", 80), "/run/docker.sock", b"/run/user/0/bus", ("10.0.0.1", 1), ("169.254.169.254", 80)],
)  # fmt: skip
@pytest.mark.parametrize("enclosed", [True, False])
def test_outside(address: object, enclosed: bool) -> None:
    """Everything else is outside, private networks and cloud metadata included."""
    assert not Loopback("/nowhere", enclosed=enclosed).is_inside(address)


@pytest.mark.parametrize("address", [("239.1.2.3", 1), ("224.0.0.251", 5353), ("ff02::1", 1, 0, 1)])
def test_a_group_is_inside_only_where_the_kernel_keeps_it_there(address: object) -> None:
    """Without a namespace, what is sent to a group reaches the network around."""
    assert Loopback("/nowhere", enclosed=True).is_inside(address)
    assert not Loopback("/nowhere").is_inside(address)

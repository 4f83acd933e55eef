"""The port registry in one process: which port a project gets, what is kept, what a damaged file costs."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from mini_agent.core.errors import ConfigError
from mini_agent.interceptor.port_registry import PortRegistry
from mini_agent.interceptor.registry_file import PortRange
from support.interceptor import ServedInterceptor
from support.loop_thread import LoopThread

SMALL = PortRange(20_001, 20_003)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the registry will be."""
    return tmp_path / "deep" / "registry.json"


@pytest.fixture
def held() -> Iterator[int]:
    """A port on which somebody else's server listens and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


def small(file: Path) -> PortRegistry:
    """Return a registry of three ports."""
    return PortRegistry(file, port_range=SMALL)


def written(file: Path) -> dict[str, object]:
    """Return what the file holds."""
    state: dict[str, object] = json.loads(file.read_bytes())
    return state


def test_a_project_keeps_its_port(file: Path) -> None:
    """The first free port is given, kept for ever, and written in the form that others may read."""
    assert PortRegistry(file, port_range=SMALL).get_or_allocate_port("/p/a") == 20_001
    assert small(file).allocate_port("/p/b") == 20_002
    assert small(file).get_or_allocate_port("/p/a") == 20_001
    assert written(file) == {
        "version": "1.0",
        "port_range": {"start": 20_001, "end": 20_003},
        "mappings": {"/p/a": 20_001, "/p/b": 20_002},
        "next_available": 20_003,
    }


def test_the_search_goes_round(file: Path) -> None:
    """After the last port comes the first that is neither assigned nor bound."""
    # Ports that no other test uses: one of them is really bound here.
    registry = PortRegistry(file, port_range=PortRange(20_101, 20_103))
    for project in ("/p/a", "/p/b", "/p/c"):
        registry.get_or_allocate_port(project)
    assert registry.remove_mapping("/p/a")
    assert registry.remove_mapping("/p/b")
    with socket.create_server(("127.0.0.1", 20_101)):
        assert registry.get_or_allocate_port("/p/d") == 20_102
    assert registry.get_or_allocate_port("/p/e") == 20_101


def test_no_port_left(file: Path) -> None:
    """When all are taken, the error is a RuntimeError that names the range, and nothing is forgotten."""
    registry = small(file)
    for project in ("/p/a", "/p/b", "/p/c"):
        registry.get_or_allocate_port(project)
    with pytest.raises(RuntimeError, match="20001-20003"):
        registry.get_or_allocate_port("/p/d")
    assert len(registry.list_mappings()) == 3


def test_names_of_one_folder_are_one_project(tmp_path: Path, file: Path) -> None:
    """`..` and symbolic links lead to the same entry."""
    folder = tmp_path / "real"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    registry = small(file)
    ports = {registry.get_or_allocate_port(name) for name in (folder, tmp_path / "link", f"{folder}/x/..")}
    assert len(ports) == 1
    assert list(registry.list_mappings()) == [str(folder)]


def test_odd_names_are_no_crash(tmp_path: Path, file: Path) -> None:
    """A link that leads to itself and a home of nobody are names like others."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in (tmp_path / "loop", tmp_path / "~nobody-of-this-name"):
        assert small(file).get_or_allocate_port(name) == small(file).get_port(name)
    assert PortRegistry("~nobody-of-this-name/registry.json").list_mappings() == {}


def test_a_name_that_is_not_text(file: Path) -> None:
    """A folder name that JSON cannot hold is refused with the reason."""
    with pytest.raises(ConfigError, match="UTF-8"):
        small(file).get_or_allocate_port("/p/\udcff")


def test_reading_changes_nothing(file: Path) -> None:
    """Reading creates neither file nor folder."""
    registry = small(file)
    assert (registry.get_port("/p/a"), registry.list_mappings(), registry.stale()) == (None, {}, [])
    assert registry.is_port_available(20_001)
    assert registry.get_info()["available_ports"] == 3
    assert not file.parent.exists()


def test_removing(file: Path) -> None:
    """Only a known project can be removed, under either name of the method."""
    registry = small(file)
    registry.get_or_allocate_port("/p/a")
    assert (registry.remove_mapping("/p/a"), registry.deallocate_port("/p/a")) == (True, False)
    assert registry.get_port("/p/a") is None


def test_nothing_is_collected_unless_asked(tmp_path: Path, file: Path) -> None:
    """A project without a folder keeps its port until `remove_stale`; one with a folder survives it."""
    registry = small(file)
    registry.get_or_allocate_port("/p/gone")
    registry.get_or_allocate_port(tmp_path)
    assert "/p/gone" in registry.list_mappings()
    assert (registry.remove_stale(), list(registry.list_mappings())) == (["/p/gone"], [str(tmp_path)])


def test_a_port_outside_the_range_is_replaced(file: Path) -> None:
    """Whoever narrows the range gets ports of the new one, and the count never goes below zero."""
    PortRegistry(file, port_range=PortRange(20_010, 20_019)).get_or_allocate_port("/p/a")
    assert small(file).get_info()["available_ports"] == 3
    assert small(file).get_or_allocate_port("/p/a") == 20_001


def test_a_port_that_two_projects_have_is_replaced(file: Path) -> None:
    """A file that a person edited wrongly does not make two interceptors meet on one port."""
    small(file).get_or_allocate_port("/p/a")
    state = written(file)
    state["mappings"] = {"/p/a": 20_001, "/p/b": 20_001}
    file.write_text(json.dumps(state), encoding="utf-8")
    assert small(file).get_or_allocate_port("/p/b") == 20_002
    assert small(file).get_or_allocate_port("/p/a") == 20_001


def registry_with(file: Path, project: str, port: int) -> PortRegistry:
    """Return a registry in which the project has this port, and more ports are there."""
    span = PortRange(port, port + 50)
    state = {"version": "1.0", "port_range": {"start": port, "end": port + 50}, "mappings": {project: port}}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**state, "next_available": port}), encoding="utf-8")
    return PortRegistry(file, port_range=span)


def test_a_port_held_by_something_else_is_replaced(file: Path, loop: LoopThread) -> None:
    """Held by another project's interceptor: the project gets a new port. Held by its own: it keeps it."""
    with ServedInterceptor(loop, project="/p/other") as other:
        assert registry_with(file, "/p/a", other.port).get_or_allocate_port("/p/a") != other.port
    with ServedInterceptor(loop, project="/p/a") as own:
        assert registry_with(file, "/p/a", own.port).get_or_allocate_port("/p/a") == own.port


def test_a_port_held_by_a_silent_server_is_replaced(file: Path, held: int) -> None:
    """A server that never answers `/health` is not ours, and is not waited for."""
    assert registry_with(file, "/p/a", held).get_or_allocate_port("/p/a") != held


DAMAGED = {
    "empty": b"",
    "cut short": b'{"version": "1.0", "mapp',
    "not UTF-8": b'{"version": "\xff"}',
    "no object": b"[1]",
    "other version": b'{"version":"2.0","port_range":{"start":1,"end":2},"mappings":{},"next_available":1}',
    "missing member": b'{"version":"1.0","port_range":{"start":1,"end":2},"mappings":{}}',
    "port is text": b'{"version":"1.0","port_range":{"start":1,"end":2},"mappings":{"/a":"1"},"next_available":1}',
    "port is no port": b'{"version":"1.0","port_range":{"start":1,"end":2},"mappings":{"/a":70000},"next_available":1}',
    "range backwards": b'{"version":"1.0","port_range":{"start":2,"end":1},"mappings":{},"next_available":1}',
    "nested deeply": b"[" * 100_000,
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_is_kept_beside_a_new_one(file: Path, data: bytes) -> None:
    """It reads as empty; the next change keeps it as `.json.backup`, tells of it, and begins a new registry."""
    file.parent.mkdir()
    file.write_bytes(data)
    told: list[tuple[str, Path]] = []
    registry = PortRegistry(file, port_range=SMALL, on_backup=lambda reason, path: told.append((reason, path)))
    assert registry.list_mappings() == {}
    assert (registry.find_fault() or "").startswith(str(file))
    assert file.read_bytes() == data, "reading has changed the file"
    assert registry.get_or_allocate_port("/p/a") == 20_001
    (backup,) = file.parent.glob("*.json.backup")
    assert backup.read_bytes() == data
    assert [path for _, path in told] == [backup]
    assert registry.find_fault() is None
    assert written(file)["mappings"] == {"/p/a": 20_001}


def test_removing_from_a_damaged_file_begins_a_new_one(file: Path) -> None:
    """Even a change that finds nothing to change leaves a sound file, and one backup, not one per change."""
    file.parent.mkdir()
    file.write_bytes(b"{")
    registry = small(file)
    assert (registry.remove_mapping("/p/a"), registry.remove_mapping("/p/a")) == (False, False)
    assert registry.find_fault() is None
    assert len(list(file.parent.glob("*.json.backup"))) == 1


def test_reset_forgets_everything(file: Path) -> None:
    """After a reset no project has a port, the search begins anew, and no backup is made."""
    registry = small(file)
    registry.get_or_allocate_port("/p/a")
    assert registry.reset() == 1
    assert (registry.list_mappings(), registry.get_info()["next_available"]) == ({}, 20_001)
    assert list(file.parent.glob("*.backup")) == []


def test_info(file: Path) -> None:
    """The facts about a registry, by the names that are documented."""
    registry = small(file)
    registry.get_or_allocate_port("/p/a")
    assert registry.get_info() == {
        "registry_file": str(file),
        "port_range": {"start": 20_001, "end": 20_003},
        "total_ports": 3,
        "allocated_ports": 1,
        "available_ports": 2,
        "next_available": 20_002,
    }


def test_a_linked_registry_stays_a_link(tmp_path: Path) -> None:
    """Whoever keeps the file elsewhere and links to it still does after a change."""
    link = tmp_path / "registry.json"
    link.symlink_to(tmp_path / "kept.json")
    small(link).get_or_allocate_port("/p/a")
    assert link.is_symlink()
    assert written(tmp_path / "kept.json")["mappings"] == {"/p/a": 20_001}


def test_availability_is_that_of_the_bind_address(file: Path, held: int) -> None:
    """A port that is taken on one address of the machine is free on another; an address of others is an error."""
    assert not PortRegistry(file).is_port_available(held)
    assert PortRegistry(file, host="127.0.0.2").is_port_available(held)
    with pytest.raises(OSError, match="assign"):
        PortRegistry(file, host="192.0.2.1").is_port_available(held)


def test_lingering_connections_do_not_hold_a_port(file: Path) -> None:
    """A port whose server has just closed a connection and stopped is available: a restart keeps its port."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = server.getsockname()[1]
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        with closing(server.accept()[0]):
            pass
        assert client.recv(1) == b""
    assert PortRegistry(file).is_port_available(port)

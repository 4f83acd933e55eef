"""Which project's interceptor listens on which port (GATEWAY 10.2)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec

from mini_agent.core.errors import ConfigError, MiniAgentError
from mini_agent.interceptor.port_probe import is_bindable, project_on
from mini_agent.interceptor.registry_file import PortRange, RegistryFile, RegistryState

DEFAULT_RANGE = PortRange(8888, 9999)
DEFAULT_REGISTRY = "~/.config/litellm/port_registry.json"


class PortRangeExhausted(MiniAgentError, RuntimeError):
    """No port is left for another interceptor; the text names the range."""


def project_key(project: str | PathLike[str]) -> str:
    """Returns: the folder's absolute path, without `..` and symbolic links. Raises: ConfigError when it is not text."""
    path = os.path.realpath(project)
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{path!r}: the name of a project folder must be valid UTF-8") from None
    return path


class PortRegistry:
    """Gives each project folder a port of its own and remembers it.

    Safe under any number of processes: they change the file one after another, and one that is killed at any instant
    leaves it valid and complete. Nothing is forgotten unless asked for.

    file: the registry. port_range: the ports it may give away. host: the address that interceptors bind.
    on_backup: called with the reason and the path when an invalid file was put aside for a new one.
    """

    def __init__(
        self,
        file: str | PathLike[str] = DEFAULT_REGISTRY,
        *,
        port_range: PortRange = DEFAULT_RANGE,
        host: str = "127.0.0.1",
        on_backup: Callable[[str, Path], None] = lambda _reason, _backup: None,
    ) -> None:
        self._file = RegistryFile(Path(file))
        self._range = port_range
        self._host = host
        self._on_backup = on_backup

    def get_or_allocate_port(self, project: str | PathLike[str]) -> int:
        """Returns: the project's port; a new one if it has none, or if its own cannot be used any more.

        Raises: PortRangeExhausted, a RuntimeError; OSError.
        """
        key = project_key(project)
        state = self._peek()
        held = state.mappings.get(key)
        # Looked at without the lock: asking a port who it is may take a second.
        if held is not None and self._is_usable(state, key, held):
            return held
        with self._file.locked():
            state = self._load()
            port = state.mappings.get(key)
            # Another process may have been faster; its port was free a moment ago.
            if port is None or port == held or port not in self._range:
                port = self._first_free(state)
                self._save(state, {**state.mappings, key: port}, next_available=self._after(port))
            return port

    allocate_port = get_or_allocate_port

    def get_port(self, project: str | PathLike[str]) -> int | None:
        """Returns: the port that is noted for the project; None without one."""
        return self._peek().mappings.get(project_key(project))

    def list_mappings(self) -> dict[str, int]:
        """Returns: every project's absolute path and port."""
        return dict(self._peek().mappings)

    def is_port_available(self, port: int) -> bool:
        """Returns: whether the port could be bound now. Raises: OSError when the bind address is not ours."""
        return is_bindable(self._host, port)

    def remove_mapping(self, project: str | PathLike[str]) -> bool:
        """Forget a project. Returns: whether it was known."""
        key = project_key(project)
        return bool(self._remove(lambda path: path == key))

    deallocate_port = remove_mapping

    def stale(self) -> list[str]:
        """Returns: the projects whose folder does not exist."""
        return [path for path in self._peek().mappings if not Path(path).is_dir()]

    def remove_stale(self) -> list[str]:
        """Forget the projects whose folder does not exist. Returns: their paths."""
        return self._remove(lambda path: not Path(path).is_dir())

    def reset(self) -> int:
        """Forget all projects. Returns: how many they were."""
        with self._file.locked():
            state = self._load()
            self._save(state, {}, next_available=self._range.start)
            return len(state.mappings)

    def get_info(self) -> dict[str, Any]:
        """Count.

        Returns: `registry_file`, `port_range`, `total_ports`, `allocated_ports`, `available_ports`, `next_available`.
        """
        state = self._peek()
        total = self._range.end - self._range.start + 1
        inside = {port for port in state.mappings.values() if port in self._range}
        return {
            "registry_file": str(self._file.path),
            "port_range": msgspec.to_builtins(self._range),
            "total_ports": total,
            "allocated_ports": len(state.mappings),
            "available_ports": max(0, total - len(inside)),
            "next_available": state.next_available,
        }

    def find_fault(self) -> str | None:
        """Returns: what is wrong with the file, which reads as empty then; None when it is sound or absent."""
        try:
            self._file.read()
        except ValueError as error:
            return f"{self._file.path}: {error}"
        return None

    def _peek(self) -> RegistryState:
        """Read only: an invalid file is left to the next change, which puts it aside."""
        try:
            state = self._file.read()
        except ValueError:
            state = None  # `find_fault` tells of it.
        return state or self._new()

    def _load(self) -> RegistryState:
        """Read under the lock, to change. An invalid file is backed up first."""
        try:
            return self._file.read() or self._new()
        except ValueError as error:
            self._on_backup(str(error), self._file.back_up())
            state = self._new()
            self._file.write(state)
            return state

    def _new(self) -> RegistryState:
        return RegistryState(port_range=self._range, mappings={}, next_available=self._range.start)

    def _save(self, state: RegistryState, mappings: Mapping[str, int], *, next_available: int | None = None) -> None:
        start = state.next_available if next_available is None else next_available
        self._file.write(RegistryState(port_range=self._range, mappings=dict(mappings), next_available=start))

    def _remove(self, unwanted: Callable[[str], bool]) -> list[str]:
        with self._file.locked():
            state = self._load()
            removed = [path for path in state.mappings if unwanted(path)]
            if removed:
                self._save(state, {path: port for path, port in state.mappings.items() if path not in removed})
            return removed

    def _is_usable(self, state: RegistryState, key: str, port: int) -> bool:
        shared = any(other == port and path != key for path, other in state.mappings.items())
        if shared or port not in self._range:
            return False
        return is_bindable(self._host, port) or project_on(self._host, port) == key

    def _first_free(self, state: RegistryState) -> int:
        """Returns: the first port, circularly from `next_available`, that is neither assigned nor bound."""
        first, last = self._range.start, self._range.end
        begin = state.next_available if state.next_available in self._range else first
        assigned = set(state.mappings.values())
        for port in chain(range(begin, last + 1), range(first, begin)):
            if port not in assigned and is_bindable(self._host, port):
                return port
        raise PortRangeExhausted(f"no free port left in {self._range}: {len(assigned)} assigned, the others are in use")

    def _after(self, port: int) -> int:
        return self._range.start if port == self._range.end else port + 1

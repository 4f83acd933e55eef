"""The file behind the port registry: its schema, its lock, and writes that a crash cannot cut in half."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
#: Absolute path of a project folder to its port.
Mappings = dict[str, Port]


class PortRange(msgspec.Struct, frozen=True):
    """The ports that may be given away, both ends included."""

    start: Port
    end: Port

    def __post_init__(self) -> None:
        if self.start > self.end:
            raise ValueError(f"the range {self} ends before it begins")

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and self.start <= port <= self.end

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"


class RegistryState(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file. next_available: where the search for a free port begins."""

    version: Literal["1.0"] = "1.0"
    port_range: PortRange
    mappings: Mappings
    next_available: int


class RegistryFile:
    """Reads and replaces one registry file.

    A write goes to a second file, which is synced and renamed over the first: at any instant a reader, and the next
    process after a crash, finds one whole state. So reading needs no lock. Changing does: the lock is on a third file
    that is never renamed, and the system takes it back from a process that dies.
    """

    def __init__(self, path: Path) -> None:
        # Resolved, or the rename would replace a link that points at the real file.
        self.path = Path(os.path.realpath(os.path.expanduser(path)))
        self._lock = self.path.with_name(f"{self.path.name}.lock")
        self._aside = self.path.with_name(f"{self.path.name}.tmp")
        self._decode = msgspec.json.Decoder(RegistryState).decode

    def read(self) -> RegistryState | None:
        """Returns: the state; None when there is no file.

        Raises: ValueError saying what is wrong with the file; OSError.
        """
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return self._decode(raw)
        except msgspec.ValidationError as error:
            raise ValueError(f"it does not have the form of a port registry: {error}") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"it is not JSON: {error}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock against every other process and thread. Raises: OSError."""
        import fcntl  # Here, because other systems than POSIX do not have it, and importing must work everywhere.

        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def write(self, state: RegistryState) -> None:
        """Replace the state. The caller holds the lock. Raises: OSError."""
        self._replace(self.path, msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n")

    def back_up(self) -> Path:
        """Copy the file, whatever is in it, to `<name>.<UTC time>.json.backup`. The caller holds the lock.

        Returns: the copy. Raises: OSError.
        """
        time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        backup = self.path.with_name(f"{self.path.name.removesuffix('.json')}.{time}.json.backup")
        self._replace(backup, self.path.read_bytes())
        return backup

    def _replace(self, path: Path, data: bytes) -> None:
        # One fixed name: the lock leaves one writer, and what a killed one left behind is overwritten.
        with open(self._aside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._aside, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # The new name must survive a power cut, too.
        finally:
            os.close(folder)

"""What all parts of the lane share inside one pytest process."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from greenlane.evidence.artifacts import JOURNAL
from greenlane.evidence.contract import Contract
from greenlane.plugin.journal import Journal

WORKER_KEY = "greenlane"
"""Name under which a controller hands the journal's key to its workers."""


class LaneProcess:
    """The lane in one pytest process: its promises, its journal, and who keeps watch.

    Args:
        path: of the contract, a JSON file written by control.

    Raises:
        pytest.UsageError: the contract, or the key that comes with it, cannot be read.
    """

    def __init__(self, config: pytest.Config, path: str) -> None:
        self._manager = config.pluginmanager
        self._plugins: dict[str, object] = {}
        try:
            self.contract = msgspec.json.decode(Path(path).read_bytes(), type=Contract)
        except (OSError, msgspec.MsgspecError) as error:
            raise pytest.UsageError(f"greenlane: the lane contract {path} cannot be read: {error}") from error
        self.worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        # A worker gets the key from its controller, later than its first event.
        self.key = _take_key(self.contract.key) if self.worker == "main" else None
        if not self.contract.key:
            self.key = b""
        self.journal = Journal(Path(self.contract.artifacts) / JOURNAL, self.worker, self.key)
        config.add_cleanup(self.journal.close)

    def register(self, plugin: object, name: str) -> None:
        """Give pytest a plugin that must be there from now to the end."""
        self._plugins[name] = plugin
        self._manager.register(plugin, name)

    def missing(self) -> tuple[str, ...]:
        """Return the plugins that were switched off, kept out or replaced."""
        return tuple(name for name, plugin in self._plugins.items() if self._manager.get_plugin(name) is not plugin)


_PROCESS = pytest.StashKey[LaneProcess]()


def lane_process(config: pytest.Config, path: str) -> LaneProcess:
    """Return the lane of this process; its contract is read once, before any code of the lane.

    Raises:
        pytest.UsageError: see `LaneProcess`.
    """
    if _PROCESS not in config.stash:
        config.stash[_PROCESS] = LaneProcess(config, path)
    process = config.stash[_PROCESS]
    handed = getattr(config, "workerinput", {}).pop(WORKER_KEY, None)
    if handed is not None:
        process.journal.unlock(bytes.fromhex(handed))
    return process


def _take_key(path: str) -> bytes:
    """Return the key of the journal and remove its file: nobody after us can read it.

    Raises:
        pytest.UsageError: it is not there, because this is not the first pytest of the lane.
    """
    if not path:
        return b""
    try:
        key = Path(path).read_bytes()
        os.unlink(path)
    except OSError as error:
        raise pytest.UsageError("greenlane: this lane was opened before; a lane is run once") from error
    return key

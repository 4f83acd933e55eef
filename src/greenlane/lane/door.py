"""Opens the lane inside a pytest process: reads the contract and registers what records and guards."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from greenlane.lane.journal import Journal
from greenlane.lane.recorder import CrashRecorder, Recorder
from greenlane.lane.selection import Selection
from greenlane.model.contract import CONTRACT_VARIABLE, Contract


def open_lane(config: pytest.Config, path: str) -> None:
    """Register the lane's plugins on a pytest configuration.

    Args:
        config: of the controller or of a worker.
        path: of the contract, a JSON file written by control.

    Raises:
        pytest.UsageError: the contract cannot be read.
    """
    contract = _read(path)
    worker, journal = _journal(config, contract)
    # Not `hasplugin("dsession")`: xdist registers it as late as we are called.
    distributes = worker == "main" and config.getoption("dist", "no") != "no"
    for name, plugin in (
        ("greenlane-recorder", Recorder(config, contract, journal, controller=distributes)),
        ("greenlane-selection", Selection(config, contract, journal)),
    ):
        config.pluginmanager.register(plugin, name)
    if contract.leaks.level != "off" and not distributes:
        from greenlane.lane.leaks.guard import LeakGuard

        guard = LeakGuard(config, contract, journal, alone=worker == "main")
        config.add_cleanup(guard.close)
        config.pluginmanager.register(guard, "greenlane-leaks")
    if distributes:
        config.pluginmanager.register(CrashRecorder(journal), "greenlane-crashes")
    else:
        # A pytest that a test starts is not of this lane; workers, whom a controller starts, are.
        os.environ.pop(CONTRACT_VARIABLE, None)


def guard_network(config: pytest.Config, path: str) -> None:
    """Keep a lane without a network on its loopback, from before the first conftest on.

    Args:
        config: of the controller or of a worker.
        path: of the contract.

    Raises:
        pytest.UsageError: the contract cannot be read.
    """
    contract = _read(path)
    if contract.network:
        return
    from greenlane.lane.hermetic import HermeticGuard

    worker, journal = _journal(config, contract)
    guard = HermeticGuard(contract, journal, worker)
    config.add_cleanup(guard.close)
    guard.start()
    config.pluginmanager.register(guard, "greenlane-hermetic")


def _read(path: str) -> Contract:
    """Return the contract; see `open_lane` for what is raised."""
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Contract)
    except (OSError, msgspec.MsgspecError) as error:
        raise pytest.UsageError(f"greenlane: the lane contract {path} cannot be read: {error}") from error


def _journal(config: pytest.Config, contract: Contract) -> tuple[str, Journal]:
    """Return the name of this process and a journal that is closed when pytest ends."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    journal = Journal(Path(contract.artifacts) / "journal.jsonl", worker)
    config.add_cleanup(journal.close)
    return worker, journal

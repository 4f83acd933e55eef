"""Opens the lane inside a pytest process: reads the contract and registers what records and guards."""

from __future__ import annotations

import os

import pytest

from greenlane.evidence.contract import CONTRACT_VARIABLE, Task
from greenlane.plugin.answers import Answers
from greenlane.plugin.distribution import Distribution
from greenlane.plugin.lanes import Lanes
from greenlane.plugin.process import LaneProcess, lane_process
from greenlane.plugin.recorder import CrashRecorder, Recorder
from greenlane.plugin.samples import Samples
from greenlane.plugin.selection import Selection
from greenlane.plugin.unhandled import UnhandledWatch


def open_lane(config: pytest.Config, path: str) -> None:
    """Register the lane's plugins on a pytest configuration.

    Args:
        path: of the contract, a JSON file written by control.

    Raises:
        pytest.UsageError: the contract cannot be read.
    """
    lane = lane_process(config, path)
    contract, journal = lane.contract, lane.journal
    if contract.task in (Task.PROBE, Task.REPLAY):
        _open_search(config, lane)
        return
    # Not `hasplugin("dsession")`: xdist registers it as late as we are called.
    distributes = lane.worker == "main" and config.getoption("dist", "no") != "no"
    unhandled = UnhandledWatch(contract, journal)
    lane.register(Recorder(config, lane, unhandled, controller=distributes), "greenlane-recorder")
    samples = Samples(contract)
    lane.register(samples, "greenlane-samples")
    lanes = Lanes(config, contract)
    lane.register(lanes, "greenlane-lanes")
    selection = Selection(config, contract, journal, samples, lanes)
    lane.register(selection, "greenlane-selection")
    if contract.task is Task.PULL:
        _open_queue(config, lane, selection)
    if distributes:
        lane.register(Distribution(), "greenlane-distribution")
        lane.register(CrashRecorder(journal, lane.key), "greenlane-crashes")
    else:
        _watch_tests(config, lane, unhandled)


def _watch_tests(config: pytest.Config, lane: LaneProcess, unhandled: UnhandledWatch) -> None:
    """Register what watches tests, in a process that runs them."""
    contract, journal = lane.contract, lane.journal
    if contract.leaks.level != "off":
        from greenlane.plugin.leaks.guard import LeakGuard

        guard = LeakGuard(config, contract, journal, alone=lane.worker == "main")
        config.add_cleanup(guard.close)
        lane.register(guard, "greenlane-leaks")
    config.add_cleanup(unhandled.close)
    lane.register(unhandled, "greenlane-unhandled")
    lane.register(Answers(journal), "greenlane-answers")
    if contract.observe:
        _open_survey(config, lane)
    # A pytest that a test starts is not of this lane; workers, whom a controller starts, are.
    os.environ.pop(CONTRACT_VARIABLE, None)


def _open_survey(config: pytest.Config, lane: LaneProcess) -> None:
    """Register what records where each test may belong."""
    from greenlane.plugin.observer import Observer

    observer = Observer(lane.journal)
    config.add_cleanup(observer.close)
    observer.start()
    lane.register(observer, "greenlane-observer")


def _record_reads(config: pytest.Config, lane: LaneProcess) -> None:
    """Register what records which files are read."""
    from greenlane.plugin.reads import ReadRecorder

    recorder = ReadRecorder(lane.contract.project, lane.journal)
    config.add_cleanup(recorder.close)
    recorder.start()
    lane.register(recorder, "greenlane-reads")


def _open_queue(config: pytest.Config, lane: LaneProcess, selection: Selection) -> None:
    """Register what pulls files from the run's queue.

    Raises:
        pytest.UsageError: there is no supervisor to ask.
    """
    from greenlane.plugin.channel import inherited_channel
    from greenlane.plugin.puller import Puller

    channel = inherited_channel()
    if channel is None:
        raise pytest.UsageError("greenlane: a shard that pulls from a queue must be started by a supervisor")
    config.add_cleanup(channel.close)
    lane.register(Puller(selection, lane.journal, channel), "greenlane-puller")


def _open_search(config: pytest.Config, lane: LaneProcess) -> None:
    """Register what looks for polluters, or shows what was found; nothing restores state, and nothing is evidence."""
    from greenlane.plugin.channel import inherited_channel
    from greenlane.plugin.polluter.prober import Prober
    from greenlane.plugin.polluter.replay import Replay

    os.environ.pop(CONTRACT_VARIABLE, None)
    samples = Samples(lane.contract)
    lane.register(samples, "greenlane-samples")
    lane.register(Answers(lane.journal), "greenlane-answers")
    channel = inherited_channel()
    if lane.contract.task is Task.REPLAY:
        lane.register(Replay(lane.contract.tests), "greenlane-replay")
    elif channel is not None:
        config.add_cleanup(channel.close)
        lanes = Lanes(config, lane.contract)
        lane.register(lanes, "greenlane-lanes")
        lane.register(Selection(config, lane.contract, lane.journal, samples, lanes), "greenlane-selection")
        lane.register(Prober(config, lane, channel), "greenlane-prober")


def begin_lane(config: pytest.Config, path: str) -> None:
    """Do what must be done before the first conftest: guard the network, and begin to import what is preloaded.

    Raises:
        pytest.UsageError: the contract cannot be read.
    """
    lane = lane_process(config, path)
    if not lane.contract.network:
        from greenlane.plugin.network.hermetic import HermeticGuard

        guard = HermeticGuard(lane.contract, lane.journal, lane.worker)
        config.add_cleanup(guard.close)
        guard.start()
        lane.register(guard, "greenlane-hermetic")
    # Who hands tests to workers reads for nobody, and starts them.
    controller = lane.worker == "main" and bool(getattr(config.known_args_namespace, "numprocesses", None))
    if lane.contract.reads and not controller:
        _record_reads(config, lane)
    if lane.contract.preload and lane.worker == "main":
        from greenlane.plugin.preload.client import preloader_of

        preloader = preloader_of(config, path, lane.contract, lane.journal)
        if preloader is not None:
            config.add_cleanup(preloader.close)
            lane.register(preloader, "greenlane-preload")

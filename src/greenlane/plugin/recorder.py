"""Records what happens in one pytest process: its start, each test, its end."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Generator
from importlib.metadata import version
from typing import Any

import pytest

from greenlane.evidence.journal import CollectError, Crashed, Finished, Started, TestFinished, TestStarted
from greenlane.evidence.outcome import Outcome
from greenlane.plugin.body_probe import BodyProbe
from greenlane.plugin.journal import Journal
from greenlane.plugin.outcome_tracker import OutcomeTracker
from greenlane.plugin.process import WORKER_KEY, LaneProcess
from greenlane.plugin.reports import cause_of, first_line, settle, skip_reason
from greenlane.plugin.selection import narrowing
from greenlane.plugin.shadows import shadows
from greenlane.plugin.unhandled import UnhandledWatch


class Recorder:
    """Writes the journal of one process.

    Args:
        unhandled: who hears what tests cannot catch.
        controller: whether this process hands tests to workers and runs none itself.
    """

    def __init__(
        self, config: pytest.Config, lane: LaneProcess, unhandled: UnhandledWatch, *, controller: bool
    ) -> None:
        self._config = config
        self._lane = lane
        self._contract = lane.contract
        self._project = os.path.realpath(lane.contract.project)
        self._journal = lane.journal
        self._unhandled = unhandled
        self._controller = controller
        self._reports: list[pytest.TestReport] = []
        self._probe = BodyProbe()
        self._tracker = OutcomeTracker(self._probe)
        self._in_body = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Write who runs here, with which options."""
        self._journal.write(
            Started,
            run_id=self._contract.run_id,
            plugin=version("greenlane"),
            python=sys.version.split()[0],
            interpreter=sys.executable,
            narrowing=narrowing(self._config, self._contract),
            controller=self._controller,
            seed=self._contract.seed,
            platform=sys.platform,
            implementation=sys.implementation.name,
            privilege="root" if getattr(os, "geteuid", lambda: 1)() == 0 else "user",
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write files that could not be collected, or that skipped themselves whole."""
        if self._controller:
            return
        if report.failed:
            cause, path, line = cause_of(report, self._project)
            self._journal.write(CollectError, nodeid=report.nodeid, cause=cause, path=path, line=line)
        elif report.skipped:
            self._journal.write(
                TestFinished,
                nodeid=report.nodeid,
                outcome=Outcome.SKIPPED,
                duration=0.0,
                reason=skip_reason(report),
                ran=False,
            )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Write that a test begins, and how it ended."""
        self._reports = []
        self._tracker.begin()
        self._journal.write(TestStarted, nodeid=item.nodeid)
        result = yield
        if self._reports:
            fields = settle(self._reports, self._project, self._tracker.hidden())
            self._journal.write(TestFinished, nodeid=item.nodeid, **fields)
        return result

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Know the function of each test before anybody can put another in its place."""
        self._probe.remember(item)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Watch the body itself."""
        self._in_body = True
        try:
            with self._probe.watch(item):
                return (yield)
        finally:
            self._in_body = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep each phase's report, and what really happened in it."""
        report = yield
        if self._in_body:
            self._tracker.part(report)
        else:
            self._reports.append(report)
            self._tracker.phase(item, call, report)
            if report.when == "teardown" and (cause := self._unhandled.cause(item.nodeid)):
                self._tracker.unhandled(cause)
            self._tracker.show(report)
        return report

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Hear of failures that pytest can only warn about."""
        self._tracker.warned(warning_message.message)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write that the session came to its end in an orderly way."""
        stopped = session.shouldfail or session.shouldstop
        self._journal.write(
            Finished,
            exit_status=int(exitstatus),
            stopped=str(stopped) if stopped else "",
            missing=self._lane.missing(),
            shadows=shadows(self._contract.project),
        )


class CrashRecorder:
    """Writes what only the controller can see: that a worker died.

    Args:
        key: of the journal, which workers need; None where lines are not sealed.
    """

    def __init__(self, journal: Journal, key: bytes | None) -> None:
        self._journal = journal
        self._key = key

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Hand the key to a worker, over the wire that only the two of them have."""
        if self._key:
            node.workerinput[WORKER_KEY] = self._key.hex()

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport) -> None:
        """Write which test a dead worker was running."""
        self._journal.write(Crashed, name=str(getattr(report, "node", "worker")), nodeid=crashitem)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object, error: object | None) -> None:
        """Write that a worker went away with an error."""
        if error:
            gateway = getattr(node, "gateway", None)
            self._journal.write(Crashed, name=str(getattr(gateway, "id", "worker")), cause=first_line(str(error)))

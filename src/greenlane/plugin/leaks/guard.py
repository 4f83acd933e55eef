"""The leak guard of one pytest process: asks the watchers at the right moments and blames the right one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from greenlane.evidence.contract import Contract
from greenlane.evidence.journal import Leaked, Settled
from greenlane.plugin.journal import Journal
from greenlane.plugin.leaks.context import Context
from greenlane.plugin.leaks.ledger import Owner
from greenlane.plugin.leaks.makers import Makers
from greenlane.plugin.leaks.namespaces import Arrivals, Spaces
from greenlane.plugin.leaks.plain import class_values
from greenlane.plugin.leaks.search import Search
from greenlane.plugin.leaks.table import KINDS, Poll
from greenlane.plugin.leaks.verdicts import Leak, Settling
from greenlane.plugin.leaks.versions import counters_work
from greenlane.plugin.network.audit import AuditEvents, CallSites
from greenlane.util.globs import wild

SHOWN = 40
"""Leaks of one test that are shown; the journal has them all."""


BETWEEN = (
    "pytest_runtest_protocol",
    "pytest_runtest_logstart",
    "pytest_runtest_logreport",
    "pytest_runtest_logfinish",
    "pytest_runtest_makereport",
    "pytest_report_teststatus",
)
"""Hooks that run, in whole or in part, outside of set-up, body and tear-down."""


class LeakWarning(pytest.PytestWarning):
    """State that a test left behind where the level of its kind is `warn`."""


class LeakGuard:
    """Names, fails and undoes what tests leave behind.

    At every moment one owner answers for what changes: a test, a fixture of class scope or wider while it is set up or
    torn down, or nobody. When the owner changes, the watchers are asked what happened since the last time.

    Args:
        alone: whether no other process runs tests of this lane at the same time.
    """

    def __init__(self, config: pytest.Config, contract: Contract, journal: Journal, *, alone: bool) -> None:
        self._config = config
        self._contract = contract
        self._journal = journal
        self._events = AuditEvents()
        self._sites = sites = CallSites(contract.project, contract.tests)
        self._context = Context(
            project=contract.project,
            artifacts=contract.artifacts,
            watch=contract.leaks.watch,
            events=self._events,
            sites=sites,
            counted=counters_work(),
            alone=alone,
            busy=lambda: self._owner is not None,
        )
        self._arrivals = Arrivals(self._context)
        self._settling = Settling(contract.leaks, Search(sites), Makers(sites))
        self._polls: tuple[tuple[str, Poll], ...] = ()
        self._polls_between: tuple[tuple[str, Poll], ...] = ()
        self._gaps = False
        self._owner: Owner | None = None
        self._test = Owner()
        self._fixtures: dict[object, Owner] = {}
        self._leaks: list[Leak] = []
        self._nodeid = ""

    def close(self) -> None:
        """Watch no more."""
        self._events.close()
        self._arrivals.stop()

    def _start(self) -> None:
        """Build the watchers, at the first test: what collection imported is the first baseline."""
        self._events.open()
        kinds = [kind for kind in KINDS if self._settling.level_of(kind.name) != "off" or kind.name == "modules"]
        self._arrivals.start()
        spaces = Spaces(self._context, self._arrivals)
        made = [(kind, (kind.name, kind.make(self._context, spaces).poll)) for kind in kinds]
        self._gaps = self._hooks_between_phases()
        self._polls = tuple(poll for _, poll in made)
        self._polls_between = tuple(poll for kind, poll in made if self._gaps or kind.between)
        if self._gaps:
            self._config.pluginmanager.register(_Gaps(self._pause, self._resume), "greenlane-leaks-gaps")

    def _pause(self) -> None:
        """Let nobody answer: between two phases of a test, hooks of the project run."""
        self._switch(None)

    def _resume(self) -> None:
        """Let the test answer again."""
        self._switch(self._test)

    def _hooks_between_phases(self) -> bool:
        """Whether code of the project runs between the phases of tests, where nothing is any test's doing."""
        hooks = self._config.hook
        callers = [getattr(hooks, name) for name in BETWEEN]
        functions = [implementation.function for caller in callers for implementation in caller.get_hookimpls()]
        return any(self._context.sites.mine(function.__code__.co_filename) for function in functions)

    def _switch(self, owner: Owner | None) -> None:
        """Give what changed since the last time to the present owner, and let another answer from now on."""
        for kind, poll in self._polls if self._owner is not None or owner is None else self._polls_between:
            changes = poll()
            if changes:
                if self._owner is not None:
                    self._owner.record(kind, changes)
                else:
                    for other in self._fixtures.values():
                        other.forgive(kind, changes)
        self._owner = owner

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Take the baseline of a test before anything of it runs."""
        if not self._polls:
            self._start()
        self._test = Owner()
        self._nodeid = item.nodeid
        self._switch(self._test)
        try:
            return (yield)
        finally:
            if self._gaps:
                self._pause()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Compare after everything of a test was torn down; a test that leaked is red."""
        if self._gaps:
            self._resume()
        try:
            result = yield
        except Exception as error:
            message = self._finish(item)
            if message:
                error.add_note(message)
            raise
        message = self._finish(item)
        if message:
            pytest.fail(message, pytrace=False)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Let a fixture of class scope or wider answer for what it makes, until it is torn down."""
        if fixturedef.scope == "function" or self._owner is None:
            self._test.functions.append(fixturedef.func)
            return (yield)
        label = f"{fixturedef.scope} fixture {fixturedef.argname}"
        owner = Owner(label=label, functions=[fixturedef.func], resume=self._owner)
        self._switch(owner)
        self._fixtures[fixturedef] = owner
        try:
            return (yield)
        finally:
            self._switch(owner.resume)
            # Added last, so called first: before the fixture's own tear-down.
            request.addfinalizer(partial(self._begin_teardown, owner))

    def pytest_exception_interact(self) -> None:
        """Know that not every line of the test has run."""
        self._test.completed = False

    def _begin_teardown(self, owner: Owner) -> None:
        owner.resume = self._owner
        self._switch(owner)

    @pytest.hookimpl(trylast=True)
    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        """Settle with a fixture that was torn down."""
        owner = self._fixtures.pop(fixturedef, None)
        if owner is not None:
            self._switch(owner.resume if self._owner is owner else self._owner)
            self._settle(owner, owner.functions)

    def _finish(self, item: pytest.Item) -> str:
        """Settle with a test, write its leaks and return those that make it red, as text."""
        self._switch(None)
        if not self._test.entries and not self._leaks:
            return ""
        mark = item.get_closest_marker("leaks")
        reason = None if mark is None else str((*mark.args, mark.kwargs.get("reason", ""))[0]).strip()
        functions = [*_functions_of(item), *self._test.functions]
        self._test.given = dict(getattr(item, "funcargs", None) or {})
        self._settle(self._test, functions, reason or None)
        leaks = [self._as_listed(item.nodeid, leak) for leak in self._leaks]
        self._leaks = []
        for leak in leaks:
            self._write(item, leak)
        message = _words([leak for leak in leaks if leak.level == "error"])
        if message:
            if reason == "":
                message += '\n  @pytest.mark.leaks needs a reason: @pytest.mark.leaks("…")'
            manager = self._config.pluginmanager
            manager.register(_KeepRed(message, manager))
        return message

    def _as_listed(self, nodeid: str, leak: Leak) -> Leak:
        """Return a leak, at a level of its own where the ledger lists it: it is told, and fails nothing."""
        thing = f"{leak.watcher}:{leak.what}"
        listed = any(wild(thing, what) and wild(nodeid, test) for what, test in self._contract.known)
        return replace(leak, level="known") if listed else leak

    def _settle(self, owner: Owner, functions: list[Callable[..., Any]], reason: str | None = None) -> None:
        if not owner.entries:
            return
        leaks, settled = self._settling.settle(owner, functions, self._fixtures.values(), reason)
        self._leaks.extend(leaks)
        for one in settled:
            self._journal.write(
                Settled, nodeid=self._nodeid, watcher=one.watcher, what=one.what, before=one.before, after=one.after
            )
        if leaks:
            # What was undone is no news; what could not be is the new baseline, and is told once.
            resume, self._owner = self._owner, None
            self._switch(None)
            self._owner = resume

    def _write(self, item: pytest.Item, leak: Leak) -> None:
        self._journal.write(
            Leaked,
            nodeid=item.nodeid,
            watcher=leak.watcher,
            what=leak.what,
            before=leak.before,
            after=leak.after,
            where=leak.where,
            restored=leak.restored,
            level=leak.level,
            advice=leak.advice,
            owner=leak.owner,
            blame=leak.blame,
            sure=leak.sure,
        )
        if leak.level == "warn":
            path, _, line = leak.where.rpartition(":")
            message = warnings.WarningMessage(
                LeakWarning("\n".join(leak.lines())), LeakWarning, path or str(item.path), int(line or 0)
            )
            self._config.hook.pytest_warning_recorded.call_historic(
                kwargs={"warning_message": message, "nodeid": item.nodeid, "when": "runtest", "location": None}
            )


class _Gaps:
    """Interrupts a test around its body; registered only where the project has hooks that run there.

    Args:
        pause: lets nobody answer for what changes; resume: lets the test answer again.
    """

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        """Let the test answer for its body only."""
        self._resume()
        try:
            return (yield)
        finally:
            self._pause()


class _KeepRed:
    """Keeps the tear-down that a leak was found in red, whatever xfail makes of it; for one report only.

    It is registered when it is needed, for a hook that is there for every report costs every test.

    Args:
        message: the leaks; manager: where it is registered.
    """

    def __init__(self, message: str, manager: pytest.PytestPluginManager) -> None:
        self._message = message
        self._manager = manager

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Make the report a failure again."""
        report = yield
        self._manager.unregister(self)
        if not report.failed:
            report.outcome = "failed"
            report.longrepr = self._message
        vars(report).pop("wasxfail", None)
        return report


def _functions_of(item: pytest.Item) -> list[Callable[..., Any]]:
    """Return what runs for a test beside its fixtures: its function, and what its class does before and after."""
    if not isinstance(item, pytest.Function):
        return []
    around = ("setup_method", "teardown_method", "setUp", "tearDown", "asyncSetUp", "asyncTearDown")
    values = class_values(item.cls) if item.cls is not None else {}
    named = [*around, *(name for name in item.function.__code__.co_names if name in values)]
    return [item.function, *(values[name] for name in named if name in values)]


def _words(leaks: list[Leak]) -> str:
    """Return leaks as the text of a failure; empty for none."""
    lines = [line for leak in leaks[:SHOWN] for line in leak.lines()]
    if len(leaks) > SHOWN:
        lines.append(f"and {len(leaks) - SHOWN} more, all of them in the journal")
    return "\n".join(lines)

"""Keeps a lane on its loopback: proves it before the first test, then stops and names every attempt to leave."""

from __future__ import annotations

import errno
import os
import socket
from _socket import socket as KernelSocket  # noqa: N812  the class that ours stands on
from collections.abc import Generator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from greenlane.evidence.artifacts import JOURNAL
from greenlane.evidence.contract import Contract
from greenlane.evidence.journal import Hermetic, NetworkAttempt, RouteRefused
from greenlane.plugin.journal import Writer
from greenlane.plugin.network.audit import AuditEvents, CallSites
from greenlane.plugin.network.loopback import Loopback, plain
from greenlane.plugin.network.proof import (
    OUTSIDE,
    RouteCounter,
    look_up_outside,
    one_at_a_time,
    refusal,
    route_outside,
)
from greenlane.plugin.network.reach import Reach
from greenlane.plugin.place import Place

NATIVE_DOORS = frozenset({"connect", "sendto", "sendmsg", "sendmmsg", "getaddrinfo", "gethostbyname", "res_query"})
"""Functions of the C library that ctypes is stopped from reaching for: their addresses cannot be judged."""

CHILD_EVENTS = ("subprocess.Popen", "os.posix_spawn", "os.system", "os.fork", "os.forkpty")

ADVICE = "start what it needs on 127.0.0.1, or move the test to a lane with a network"


class BlockedAttemptError(OSError):
    """An operation that would have left the loopback of a hermetic lane."""


class BlockedLookupError(socket.gaierror):
    """A name look-up that would have left the loopback of a hermetic lane."""


class HermeticGuard(Place):
    """Blocks and records attempts to leave the loopback, in one pytest process.

    Args:
        worker: name of this process; workers share one network, so they can tell whose attempt the kernel refused
            only by who had children then.
    """

    def __init__(self, contract: Contract, journal: Writer, worker: str) -> None:
        super().__init__()
        self._journal = journal
        self._alone = worker == "main"
        self._claimed = contract.hermetic
        self._turn = Path(contract.artifacts) / JOURNAL
        self._events = AuditEvents()
        self._sites = CallSites(contract.project, contract.tests)
        self._loopback = Loopback(contract.project, enclosed=contract.hermetic == "kernel")
        self._reach = Reach(contract.reach)
        self._routes: RouteCounter | None = None
        self._lost_routes = 0
        self._has_children = False
        self._proving = False
        self._level = "none"
        self._pid = os.getpid()
        self._attempts: list[str] = []
        self._phase: list[str] = []

    def start(self) -> None:
        """Prove the isolation, write the proof and begin to block."""
        for event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self._events.on(event, self._hear_address(event.removeprefix("socket.")))
        for event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"):
            self._events.on(event, self._hear_lookup(event.removeprefix("socket.")))
        self._events.on("ctypes.dlsym", self._hear_native)
        routes = RouteCounter()
        # Workers share one count: what two of them take for their own at once would hide as many attempts of a child.
        with one_at_a_time(self._turn) if self._claimed == "kernel" else nullcontext():
            before = routes.read()
            self._level, proof = self._prove()
            self._lost_routes = routes.read()
        self._journal.write(Hermetic, level=self._level, proof=proof, refused=self._lost_routes - before)
        if self._level != "kernel":
            routes.close()
            return
        self._routes = routes
        for event in () if self._alone else CHILD_EVENTS:
            self._events.on(event, self._hear_child)

    def _prove(self) -> tuple[str, str]:
        """Return the level that holds in this process and what shows it."""
        if self._claimed == "kernel":
            # Before the audit hook is there: the kernel must refuse by itself. No look-up where there is a route.
            route = refusal(route_outside)
            name = refusal(look_up_outside) if route else ""
            if route and name:
                self._events.open()
                return "kernel", f"connect: {route}; look-up: {name}"
        self._events.open()
        self._proving = True
        route, name = refusal(route_outside), refusal(look_up_outside)
        self._proving = False
        if not (route and name):
            return "none", "a connect and a look-up were not refused"
        claimed = "the kernel lets this process out although control says it does not; " * (self._claimed == "kernel")
        return "python", f"{claimed}connect: {route}; look-up: {name}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Prove once more, where only this guard holds the process: a test or a conftest may have made it deaf."""
        if self._level != "python":
            return
        # Not `socket.socket`: tests replace it, as pytest-socket does, by one that raises what it likes.
        probe = KernelSocket(socket.AF_INET, socket.SOCK_DGRAM)
        self._proving = True
        try:
            probe.connect(OUTSIDE)
        except BlockedAttemptError:
            return
        except OSError:  # refused, and not by the guard
            pass
        finally:
            self._proving = False
            probe.close()
        self._journal.write(Hermetic, level="none", proof="at its end, the guard of the process had been switched off")

    def close(self) -> None:
        """Stop blocking."""
        self._events.close()
        if self._routes is not None:
            self._routes.close()

    def _hear_address(self, operation: str) -> Any:
        def hear(_sock: object, given: object) -> None:
            address = plain(given)
            # A sendmsg on a connected socket carries no address: its connect was judged.
            if address is not None and not (self._loopback.is_inside(address) or self._reach.allows(address)):
                self._stop(operation, self._loopback.show(address))

        return hear

    def _hear_lookup(self, operation: str) -> Any:
        forward = operation in ("getaddrinfo", "gethostbyname")

        def hear(given: object, *_rest: object) -> None:
            host = plain(given)
            name = host[0] if isinstance(host, tuple) and host else host
            # Reading a numeric address asks nobody; what is done with it is judged when it is done.
            numeric = forward and self._loopback.is_numeric(name)
            if forward and self._reach.names(name):
                return
            if not numeric and not self._loopback.host_is_inside(name):
                shown = name.decode("ascii", "replace") if isinstance(name, bytes | bytearray) else str(name)
                self._stop(operation, shown)

        return hear

    def _hear_native(self, _library: object, name: object) -> None:
        if name in NATIVE_DOORS:
            self._stop(f"ctypes {name}", "an address that only the C library knows")

    def _stop(self, operation: str, address: str) -> None:
        """Record an attempt and refuse it.

        Raises:
            BlockedAttemptError: always, or `BlockedLookupError` for a look-up.
        """
        where = ""
        if not self._proving:
            where = self._sites.here(depth=4)
            self._note(operation, address, where)
        text = f"greenlane: {operation} {address} would leave the loopback of this lane"
        if operation.startswith("get"):
            raise BlockedLookupError(socket.EAI_AGAIN, text)
        raise BlockedAttemptError(errno.ENETUNREACH, text)

    def _note(self, operation: str, address: str, where: str, refused: int = 0) -> None:
        self._journal.write(
            NetworkAttempt, nodeid=self.nodeid, operation=operation, address=address, where=where, refused=refused
        )
        self._attempts.append(f"NETWORK {operation} {address}" + (f" at {where}" if where else ""))

    def _hear_child(self, *_words: object) -> None:
        """Look at the count before the first child of a test: what it grows by from here on may be that child's."""
        if self._routes is not None and not self._has_children:
            self._has_children, self._lost_routes = True, self._routes.read()

    def _look_at_routes(self) -> None:
        """Note what the kernel refused to child processes and compiled code since the last look."""
        if self._routes is None or not (self._alone or self._has_children):
            return
        self._has_children = False
        lost = self._routes.read()
        if lost == self._lost_routes:
            return
        if not self._alone:
            self._journal.write(RouteRefused, nodeid=self.nodeid)
            return
        count, self._lost_routes = lost - self._lost_routes, lost
        address = f"an outside address ({count} refused by the kernel)"
        self._note("child process or compiled code", address, "", refused=count)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Make the collection of a file red whose import tried to leave, even if it swallowed the refusal."""
        self.nodeid, self._attempts = collector.nodeid, []
        report = yield
        self._look_at_routes()
        if self._attempts and not report.failed:
            report.outcome = "failed"
            report.longrepr = _message(self._attempts)
            report.result = []
        self.nodeid, self._attempts = "", []
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, None, None]:
        """Fail a set-up that tried to leave."""
        yield from self._watch_phase()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        """Fail a test body that tried to leave."""
        yield from self._watch_phase()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        """Fail a tear-down that tried to leave, or a test whose child processes did."""
        yield from self._watch_phase(last=True)

    def _watch_phase(self, *, last: bool = False) -> Generator[None, None, None]:
        self._attempts = self._phase = []
        try:
            yield
        except pytest.skip.Exception:
            if not self._attempts:
                raise
        finally:
            if last:
                self._look_at_routes()
        if self._attempts:
            pytest.fail(_message(self._attempts), pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep a phase red that tried to leave, whatever xfail made of it."""
        report = yield
        if self._phase:
            if not report.failed:
                report.outcome = "failed"
                report.longrepr = _message(self._phase)
            vars(report).pop("wasxfail", None)
            if str(report.longrepr) != _message(self._phase):
                report.sections.append(("greenlane network", _message(self._phase)))
            self._phase = []
        return report


def _message(attempts: list[str]) -> str:
    """Return attempts as the text of a failure."""
    return "\n".join([*dict.fromkeys(attempts), f"  {ADVICE}"])

"""Runs one plan: isolation, services, the lane against a clock, and the end of everything below."""

from __future__ import annotations

import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from greenlane.evidence.contract import Contract
from greenlane.evidence.evidence import LaneResult, ServiceRecord
from greenlane.evidence.journal_reader import running_tests
from greenlane.judge.address import base_line, endpoints
from greenlane.supervisor.lane_channel import channel_of
from greenlane.supervisor.namespace import enter
from greenlane.supervisor.output import Output
from greenlane.supervisor.plan import GivenFile, Plan, ServicePlan
from greenlane.supervisor.services import Running, placed
from greenlane.util.files import write_atomically
from greenlane.util.processes import end_survivors, stop_group

LANE = "lane"
STOP = "stop"
DRAIN = 1.0
"""Seconds for output that is still in the pipe after the lane ended."""


class Supervisor:
    """Runs one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._events: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
        self._output = Output(plan.label, Path(plan.log), plan.secrets, plan.output_mode)
        self._services: dict[str, Running] = {}
        self._given: dict[str, str] = {}
        self._failure = ""
        self._timed_out = False
        self._interrupted = False
        self._running: tuple[str, ...] = ()
        self._status: int | None = None
        self._survivors: list[str] = []
        self._lane_group = 0
        self._base = plan.base
        self._level = "none"
        self._reason = ""

    def run(self) -> LaneResult:
        """Run the plan and return how it went."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda signum, _: self._events.put((STOP, signum)))
        self._isolate()
        started = time.time()
        try:
            if self._start_services():
                self._run_lane()
        finally:
            for service in self._services.values():
                service.stop()
            self._survivors += end_survivors(self._groups())
            self._output.close()
        return LaneResult(
            started_at=started,
            finished_at=time.time(),
            exit_status=self._status,
            failure=self._failure,
            timed_out=self._timed_out,
            interrupted=self._interrupted,
            running=self._running,
            hermetic=self._level,
            hermetic_reason=self._reason,
            services=(*(service.record for service in self._services.values()), *self._plan.absent),
            endpoints=endpoints(self._plan.address, self._base) if self._base else {},
            refused=refused_routes() if self._level == "kernel" else 0,
            survivors=tuple(dict.fromkeys(self._survivors)),
            secrets_found=tuple(sorted(self._output.found)),
        )

    def _isolate(self) -> None:
        """Enter a network of our own where the lane must be hermetic, and tell the lane how far that went."""
        if not self._plan.isolate:
            return
        enclosure = enter(view=self._plan.view)
        self._level, self._reason = enclosure.level, enclosure.reason
        for line in enclosure.lines():
            self._output.say(line)
        if self._plan.view is not None and enclosure.level != "kernel":
            self._output.say("WARNING: the lane's inputs are not enforced: it sees the whole work tree")
        path = Path(self._plan.contract)
        contract = msgspec.json.decode(path.read_bytes(), type=Contract)
        path.write_bytes(msgspec.json.encode(msgspec.structs.replace(contract, hermetic=self._level)))

    def _start_services(self) -> bool:
        """Start every service in order; return whether the lane can run."""
        for declared in self._plan.services:
            plan = placed(msgspec.structs.replace(declared, environment={**declared.environment, **self._given}))
            service = self._services[plan.name] = Running(plan, self._died)
            beginning = "looking for it" if plan.external or not plan.service.ready else "starting"
            if declared.external and not plan.external:
                beginning = f"nobody listens at {declared.external}, so it is started there, and stopped afterwards"
            self._output.say(f"service {plan.name}: {beginning}")
            record = service.start()
            if record.failure:
                self._failure = f"service {plan.name}: {record.failure}"
                self._output.say(f"SERVICE_DOWN: {self._failure}")
                return False
            self._output.say(f"service {plan.name}: {_came_up(plan, record)}")
            self._given.update(service.given())
            if plan.name == self._plan.address.service:
                self._base = record.base
        return True

    def _addresses(self) -> dict[str, str]:
        """Return the variables that say where the system under test is, and tell the user about them."""
        variables = {}
        if self._base:
            source = self._plan.base_source or f"service {self._plan.address.service}"
            self._output.say(base_line(self._plan.address, self._base, source))
            variables = endpoints(self._plan.address, self._base)
        return variables | give(self._plan.files, self._base, self._output.say)

    def _died(self, name: str, status: int) -> None:
        """Tell the main thread that a service ended."""
        self._events.put((name, status))

    def _run_lane(self) -> None:
        """Start the lane's pytest and follow it until it ends, its time is over or somebody stops it."""
        channel = channel_of(self._plan, self._output.say)
        environment = {**self._plan.environment, **self._given, **self._addresses(), **channel.environment}
        try:
            lane = subprocess.Popen(
                self._plan.command, env=environment, cwd=self._plan.cwd, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                pass_fds=channel.descriptors,
            )  # fmt: skip
        except OSError as error:
            self._failure = f"{self._plan.command[0]} cannot be started: {error.strerror}"
            return
        assert lane.stdout
        self._lane_group = lane.pid
        channel.start()
        reader = threading.Thread(target=self._output.follow, args=(lane.stdout,), daemon=True)
        waiter = threading.Thread(target=_report_end, args=(lane, self._events.put), daemon=True)
        reader.start()
        waiter.start()
        try:
            self._follow()
        finally:
            stop_group(lane)
        self._status = None if self._timed_out or self._interrupted else lane.returncode
        # A grandchild in a session of its own may hold the pipe open: it must not hold us.
        reader.join(DRAIN)
        if reader.is_alive():
            self._survivors += end_survivors(self._groups())
            reader.join(DRAIN)

    def _groups(self) -> set[int]:
        """Return the process groups that were ended by name."""
        return {self._lane_group, *(service.group for service in self._services.values())}

    def _follow(self) -> None:
        """Wait for the end of the lane, of its time, or of our patience; note services that die meanwhile."""
        budget = self._plan.budget
        deadline = time.monotonic() + budget if budget > 0 else None
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                name, status = self._events.get(timeout=left)
            except queue.Empty:
                self._running = running_tests(Path(self._plan.journal))
                self._timed_out = True
                self._output.say(f"TIMED_OUT: the budget of {budget:g} s is over; stopping the lane")
                return
            if name == LANE:
                return
            if name == STOP:
                self._running = running_tests(Path(self._plan.journal))
                self._interrupted = True
                self._output.say(f"INTERRUPTED: {signal.Signals(status).name}; stopping the lane")
                return
            self._services[name].died(status, running_tests(Path(self._plan.journal)))
            self._output.say(f"SERVICE_DOWN: service {name} {self._services[name].record.failure}")


def _came_up(plan: ServicePlan, record: ServiceRecord) -> str:
    """Return how a service came to be there."""
    if not plan.service.ready:
        return f"tests start {plan.command[0]}"
    how = "found" if plan.external else "started"
    model = f" with model {record.model}" if record.model else ""
    return f"{how} at {record.base} in {record.startup:.2f} s{model}"


def _report_end(lane: subprocess.Popen[bytes], put: Callable[[tuple[str, int]], None]) -> None:
    """Wait for the lane and tell the main thread."""
    put((LANE, lane.wait()))


def refused_routes(net: Path = Path("/proc/self/net")) -> int:
    """Return the count since the namespace was made (`OutNoRoutes`, RFC 4293); 0 where the kernel does not say.

    Args:
        net: folder of the kernel's network statistics.
    """
    return _column(_read(net / "snmp"), "Ip:", "OutNoRoutes") + _row(_read(net / "snmp6"), "Ip6OutNoRoutes")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _column(text: str, prefix: str, name: str) -> int:
    """Return a number of a table whose first line holds the names."""
    lines = [line.split() for line in text.splitlines() if line.startswith(prefix)]
    return next((int(value) for key, value in zip(*lines[:2], strict=False) if key == name), 0) if len(lines) > 1 else 0


def _row(text: str, name: str) -> int:
    """Return a number of a list of names and numbers."""
    return next((int(line.split()[1]) for line in text.splitlines() if line.split()[:1] == [name]), 0)


def give(files: Iterable[GivenFile], base: str, say: Callable[[str], None]) -> dict[str, str]:
    """Write what is to be written, and return the variables that carry the files.

    Args:
        base: the one base; empty when the lane has none, and then there is nothing that a written file could name.
    """
    variables: dict[str, str] = {}
    for file in files:
        if file.text and not base:
            continue
        for target in (file.path, file.latest) if file.text else ():
            if target:
                write_atomically(Path(target), file.text.replace("{base}", base))
        say(file.line.replace("{path}", file.path))
        variables |= {name: value.replace("{path}", file.path) for name, value in file.variables.items()}
    return variables

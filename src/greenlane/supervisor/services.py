"""Starts the services of a lane on ports that they choose themselves, proves them ours, and watches them."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import msgspec

from greenlane.config.services import choose_model, given, model_names
from greenlane.evidence.evidence import ServiceRecord
from greenlane.supervisor.plan import ServicePlan
from greenlane.util.exposition import summed
from greenlane.util.http_probe import get
from greenlane.util.processes import stop_group

INSTANCE_VARIABLE = "GREENLANE_INSTANCE_ID"
"""A started service finds its identity here; its identity path may return it as `instance_id`."""

_ADDRESS = re.compile(rb"(https?)://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):(\d+)")
_POLL = 0.02
ANSWER_SECONDS = 5.0
"""Seconds that a service gets to answer one look in."""
LISTENING = 2.0
"""Seconds in which whoever listens at a base of this machine accepts a connection."""


class Running:
    """One service during the run.

    Args:
        plan: what to start or examine.
        on_exit: called with the service's name and exit status when it ends.
    """

    def __init__(self, plan: ServicePlan, on_exit: Callable[[str, int], None]) -> None:
        self._plan = plan
        self._on_exit = on_exit
        self._instance = os.urandom(16).hex()
        self._announced = threading.Event()
        self._service = plan.service
        self._base = plan.external
        self._process: subprocess.Popen[bytes] | None = None
        self._threads: list[threading.Thread] = []
        self._log: IO[bytes] | None = None
        self._stopping = False
        self._counted: int | None = None
        self._refused: int | None = None
        self.record = ServiceRecord(name=plan.name)

    def start(self) -> ServiceRecord:
        """Start the service, wait until it can be used, and prove that it is ours."""
        if not self._service.ready:
            return self._found()
        began = time.monotonic()
        failure = "" if self._plan.external else self._spawn()
        failure = failure or self._await(began + self._service.start_timeout) or self._identify()
        model, failure = self._model() if self._service.models and not failure else ("", failure)
        self._counted, self._refused = self._count(self._service.meter), self._count(self._service.refused)
        if self._service.refused and self._refused is None and not self._plan.external and not failure:
            failure = f"{self._base} does not count what it refuses: {self._service.refused}"
        self.record = ServiceRecord(
            name=self._plan.name,
            base=self._base,
            started=not failure,
            startup=round(time.monotonic() - began, 3),
            failure=failure,
            model=model,
            gated=self._service.gated,
        )
        return self.record

    def _found(self) -> ServiceRecord:
        """Tell that a program, which nobody starts but the tests, is there."""
        name, program = self._plan.name, self._plan.command[0]
        failure = "" if os.access(program, os.X_OK) else f"{program} is no program of its environment"
        self.record = ServiceRecord(name=name, started=not failure, failure=failure, gated=self._service.gated)
        return self.record

    def given(self) -> dict[str, str]:
        """Return the variables that later services and the lane get from this one."""
        program = "" if self._plan.external else self._plan.command[0]
        return given(self._service.gives, self.record.base, self.record.model, program)

    def _spawn(self) -> str:
        """Start the process; return what went wrong."""
        words = [word.replace("{port}", str(self._plan.port)) for word in self._plan.command]
        names = (INSTANCE_VARIABLE, *self._service.instance_variables)
        environment = {**self._plan.environment, **dict.fromkeys(names, self._instance)}
        self._log = Path(self._plan.log).open("wb")  # noqa: SIM115  it is open as long as the service runs
        try:
            self._process = subprocess.Popen(
                words, env=environment, cwd=self._plan.cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return f"{words[0]} cannot be started: {error.strerror}"
        for target in (self._read, self._wait):
            thread = threading.Thread(target=target, daemon=True)
            thread.start()
            self._threads.append(thread)
        return ""

    def _read(self) -> None:
        """Keep the service's output, and find the address that it announces."""
        assert self._process
        assert self._process.stdout
        assert self._log
        for line in self._process.stdout:
            self._log.write(line)
            self._log.flush()
            match = _ADDRESS.search(line)
            if match and not self._announced.is_set():
                self._base = match.group(0).decode()
                self._announced.set()

    def _wait(self) -> None:
        """Report the end of the process."""
        assert self._process
        status = self._process.wait()
        self._threads[0].join(1.0)  # what it said last counts, too
        self._announced.set()
        if not self._stopping:
            self._on_exit(self._plan.name, status)

    def _await(self, deadline: float) -> str:
        """Wait until the ready path answers 200; return what went wrong."""
        if not self._plan.external:
            self._announced.wait(max(0.0, deadline - time.monotonic()))
            if not self._base:
                return self._not_started("printed no address http://host:port")
            if self._plan.port not in (0, urlsplit(self._base).port):
                return self._not_started(f"listens at {self._base}, not at port {self._plan.port},")
        answer = ""
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                return self._not_started("ended before it was ready")
            status, answer = self._get(self._service.ready)
            if status == 200:
                return ""
            if self._plan.external:
                return f"{self._base} is not {self._plan.name}: GET {self._service.ready} gave {answer}"
            time.sleep(_POLL)
        return self._not_started(f"was not ready: GET {self._service.ready} gave {answer or 'nothing'}")

    def _not_started(self, what: str) -> str:
        """Return a failure with exit status and the end of the log."""
        status = self._process.poll() if self._process else None
        shown = f" (exit status {status})" if status is not None else ""
        lines = Path(self._plan.log).read_text("utf-8", "replace").strip().splitlines()[-1:]
        last = f"; it said last: {lines[0]}" if lines else ""
        return f"{what} within {self._service.start_timeout:g} s{shown}{last}"

    def _identify(self) -> str:
        """Prove that the address belongs to the process that we started; return what speaks against it."""
        if not self._service.identity:
            return ""
        status, text = self._get(self._service.identity)
        try:
            identity = json.loads(text)
        except ValueError:
            identity = None
        if status != 200 or not isinstance(identity, dict):
            return f"{self._base} is not {self._plan.name}: GET {self._service.identity} gave {text[:100]}"
        port = identity.get("port")
        if port is not None and port != urlsplit(self._base).port:
            return f"{self._base} says that its port is {port}"
        instance = identity.get("instance_id")
        if instance is not None and instance != self._instance and not self._plan.external:
            return f"{self._base} is another process than the one that was started"
        return ""

    def _model(self) -> tuple[str, str]:
        """Return the name of the model that answers, and what went wrong."""
        status, text = self._get(self._service.models)
        try:
            names = model_names(json.loads(text)) if status == 200 else []
            return choose_model(names, self._plan.model), ""
        except ValueError as error:
            return "", f"{self._base}{self._service.models} {error}"

    def _count(self, counter: str) -> int | None:
        """Return a counter that the service keeps, told as path and name; None where it keeps none."""
        path, _, name = counter.partition(" ")
        status, text = self._get(path) if name else (0, "")
        return summed(text, name) if status == 200 else None

    def _get(self, path: str) -> tuple[int, str]:
        """Return status and body of a GET; status 0 with the reason when there is no answer."""
        try:
            status, text = get(self._base, path, ANSWER_SECONDS)
        except OSError as error:
            return 0, str(error) or type(error).__name__
        return status, text if status == 200 else f"status {status}"

    @property
    def group(self) -> int:
        """The process group; 0 for a service that somebody else runs."""
        return self._process.pid if self._process is not None else 0

    def died(self, status: int, running: tuple[str, ...]) -> None:
        """Record that the service ended while it was still needed."""
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        where = f" while {', '.join(running)} was running" if running else ""
        self.record = msgspec.structs.replace(self.record, failure=f"died with {how}{where}")

    def stop(self) -> None:
        """Note what it counted, end the service and its group; a second call does nothing."""
        if not self._stopping:
            self._read_meters()
        self._stopping = True
        if self._process is not None:
            stop_group(self._process)
            for thread in self._threads:
                thread.join(1.0)
        if self._log is not None:
            self._log.close()
            self._log = None

    def _read_meters(self) -> None:
        """Note what it generated and refused while the lane ran; one that stopped to count refusals is down."""
        if self._counted is not None and (now := self._count(self._service.meter)) is not None:
            self.record = msgspec.structs.replace(self.record, generated=now - self._counted)
        if self._refused is None:
            return
        if (now := self._count(self._service.refused)) is not None:
            self.record = msgspec.structs.replace(self.record, refused=now - self._refused)
        elif not self.record.failure:
            failure = f"no longer counts what it refuses: {self._service.refused}"
            self.record = msgspec.structs.replace(self.record, failure=failure)


def placed(plan: ServicePlan) -> ServicePlan:
    """Return a plan to start the service where it is looked for, when nobody listens there; else the plan as it is."""
    if not (plan.external and plan.port):
        return plan
    try:
        socket.create_connection(("127.0.0.1", plan.port), timeout=LISTENING).close()
    except ConnectionRefusedError:
        return msgspec.structs.replace(plan, external="")
    except OSError:  # somebody is there, and slow: that is told when it is looked for
        return plan
    return plan


def resolve_command(command: tuple[str, ...], binaries: str) -> tuple[str, ...]:
    """Return a command whose first word is looked up in the lane environment, never on the outside PATH.

    Args:
        command: the configured words.
        binaries: folder of the environment's programs.
    """
    first = command[0]
    if os.sep in first:
        return command
    suffix = ".exe" if os.name == "nt" else ""
    return (os.path.join(binaries, first + suffix), *command[1:])

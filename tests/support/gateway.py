"""The gateway under test: in this process on a real port, or as the command that users start."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import logging
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, TextIO, TypeVar

from aiohttp import web

from mini_agent.app import Ports, create_app
from mini_agent.core.logs import new_logger
from mini_agent.core.redaction import Redactor
from mini_agent.server import limits_of
from mini_agent.settings import Settings, load_settings
from support.http_client import HttpClient
from support.loop_thread import PATIENCE_S, LoopThread
from support.measured import measured
from support.memory_service import MemoryService
from support.served_app import ServedApp
from support.tool_host import ToolHost
from support.upstream import Upstream

T = TypeVar("T")

#: The key our provider entries carry. Tests look for it where it must not be.
UPSTREAM_KEY = "sk-upstream-0123456789"


class Gateway(HttpClient):
    """A gateway of this process, served on a real port of loopback."""

    def __init__(self, loop: LoopThread, settings: Settings, ports: Ports, headers: Mapping[str, str]) -> None:
        self._loop = loop
        self._log = io.StringIO()
        self.settings = settings
        ports = dataclasses.replace(ports, log=self._logger)
        self.app = create_app(settings, ports)
        self._served = ServedApp(loop, self.app, limits=limits_of(settings))
        super().__init__("127.0.0.1", self._served.port, headers)

    def __enter__(self) -> Gateway:
        self._served.__enter__()
        self._running = True
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it as a server ends, with everything written that waits to be. Calling it twice is harmless."""
        if self._running:
            self._running = False
            self._served.__exit__()

    @property
    def url(self) -> str:
        """Returns: the address without trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def log_text(self) -> str:
        """Returns: everything the app has logged."""
        # A request is logged after its answer: one turn of the loop later, the line is there.
        self._loop.run(asyncio.sleep(0))
        return self._log.getvalue()

    def log_lines(self) -> list[dict[str, Any]]:
        """Returns: the log, decoded."""
        return [json.loads(line) for line in self.log_text().splitlines()]

    def wait_connections(self, count: int) -> None:
        """Wait until so many clients are connected. Raises: AssertionError."""
        give_up = time.monotonic() + PATIENCE_S
        while self._served.connections != count:
            assert time.monotonic() < give_up, f"{self._served.connections} connections are open"
            self._loop.run(asyncio.sleep(0.01))

    def metric(self, name: str, **labels: str) -> float:
        """Returns: the value of one series, 0 when it does not exist."""
        for line in self.get("/metrics").body.decode().splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(f'{key}="{text}"' in series for key, text in labels.items()):
                return float(value)
        return 0.0

    def _logger(self, level: str, redactor: Redactor) -> logging.Logger:
        return new_logger(level, redactor, self._log)


class Stage:
    """One test's world: a loop, a provider, and the gateways that the test asks for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._count = 0

    def __enter__(self) -> Stage:
        self.loop = self._stack.enter_context(LoopThread())
        self.upstream = self._stack.enter_context(Upstream(self.loop))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def second_upstream(self) -> Upstream:
        """Returns: another provider, stopped with the stage."""
        return self._stack.enter_context(Upstream(self.loop))

    def memory_service(self) -> MemoryService:
        """Returns: a memory service on loopback, stopped with the stage."""
        return self._stack.enter_context(MemoryService(self.loop))

    def serve(self, app: web.Application) -> str:
        """Serve an application on loopback until the stage ends. Returns: its address."""
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)

        async def start() -> str:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}"

        address = self.loop.run(start())
        self._stack.callback(lambda: self.loop.run(runner.cleanup()))
        return address

    def enter(self, context: AbstractContextManager[T]) -> T:
        """Returns: what a context manager gives, left with the stage."""
        return self._stack.enter_context(context)

    def tool_host(self, tools: Any = (), *replies: Any) -> ToolHost:
        """Returns: a tool host on loopback, stopped with the stage."""

        async def start() -> ToolHost:
            return await ToolHost(tools, *replies).__aenter__()

        host = self.loop.run(start())
        self._stack.callback(lambda: self.loop.run(host.__aexit__()))
        return host

    def entry(self, name: str = "m1", model: str = "openai/gpt-up", **params: Any) -> dict[str, Any]:
        """Returns: a `model_list` entry that points at the stage's provider, and takes its first answer."""
        base = {"model": model, "api_key": UPSTREAM_KEY, "api_base": self.upstream.base, "max_retries": 0}
        return {"model_name": name, "litellm_params": {**base, **params}}

    def gateway(
        self,
        config: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        ports: Ports | None = None,
        headers: Mapping[str, str] | None = None,
        **overrides: Any,
    ) -> Gateway:
        """Start a gateway.

        config: the YAML root; by default one group `m1` at the stage's provider. environ: its environment.
        overrides: settings to replace.
        Returns: the running gateway, stopped with the stage.
        """
        self._count += 1
        root = {"model_list": [self.entry()]} if config is None else config
        arguments: dict[str, Any] = {"folder": self._folder}
        if root:
            path = self._folder / f"gateway-{self._count}.yaml"
            path.write_text(json.dumps(root), encoding="utf-8")  # JSON is YAML.
            arguments["config"] = str(path)
        settings = load_settings(environ or {}, **arguments)
        settings = dataclasses.replace(settings, **overrides)
        return self._stack.enter_context(Gateway(self.loop, settings, ports or Ports(), headers or {}))


class GatewayProcess(HttpClient):
    """`mini-agent …` as a process. arguments: after the program; environ: the whole environment of the process."""

    def __init__(
        self, *arguments: str, environ: Mapping[str, str] | None = None, folder: Path | None = None, program: str = ""
    ) -> None:
        command = [program] if program else [sys.executable, "-m", "mini_agent"]
        self._process = subprocess.Popen(
            [*command, *(arguments or ("serve", "--port", "0"))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**inherited(), **(environ or {})},
            cwd=folder,
            start_new_session=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._errors: list[str] = []
        self._news = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(self._process.stdout, self._lines.put)),
            threading.Thread(target=self._read, args=(self._process.stderr, self._note)),
        ]
        for reader in self._readers:
            reader.start()
        super().__init__("127.0.0.1", 0)

    def __enter__(self) -> GatewayProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    @property
    def pid(self) -> int:
        """Returns: the process id."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Returns: the announced address."""
        return f"http://{self.host}:{self.port}"

    def wait_listening(self) -> str:
        """Wait for the announcement. Returns: its line. Raises: AssertionError with stderr if the process ends."""
        line = self._next_line()
        found = re.fullmatch(r"mini-agent (?:interceptor )?listening on http://(.*):(\d+)", line)
        assert found, f"unexpected first line {line!r}; stderr: {self.stderr()}"
        self.host, self.port = found[1], int(found[2])
        return line

    def wait_for(self, pattern: str, patience_s: float = PATIENCE_S) -> None:
        """Wait until stderr has text that matches; its first group is the port. Raises: AssertionError."""
        give_up = time.monotonic() + patience_s
        with self._news:
            while (found := re.search(pattern, "".join(self._errors))) is None:
                assert self._process.poll() is None, f"it ended; stderr: {self._errors}"
                assert time.monotonic() < give_up, f"no {pattern!r} in {self._errors}"
                self._news.wait(0.5)
        self.port = int(found[1])

    def signal(self, number: int) -> None:
        """Send a signal to the process."""
        self._process.send_signal(number)

    def wait(self, seconds: float = PATIENCE_S) -> int:
        """Returns: the exit code. Raises: subprocess.TimeoutExpired."""
        return self._process.wait(seconds)

    def stderr(self) -> str:
        """Returns: what the process has written to stderr so far; all of it once it has ended."""
        if self._process.poll() is not None:
            self._readers[1].join(PATIENCE_S)
        return "".join(self._errors)

    def _note(self, line: str) -> None:
        with self._news:
            self._errors.append(line)
            self._news.notify_all()

    def _next_line(self) -> str:
        try:
            return self._lines.get(timeout=PATIENCE_S).rstrip("\n")
        except queue.Empty:
            raise AssertionError(f"the gateway said nothing; stderr: {self.stderr()}") from None

    def _read(self, pipe: TextIO, take: Any) -> None:
        for line in pipe:
            take(line)
        take("")


def inherited() -> dict[str, str]:
    """Returns: what a child needs of this environment to find interpreter and packages, and nothing else."""
    names = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")
    kept = {**{name: os.environ[name] for name in names if name in os.environ}, **measured()}
    # The child may have another working folder, where a relative entry would mean something else.
    paths = [os.path.abspath(part) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)} if paths else kept

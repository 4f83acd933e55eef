"""The external LiteLLM process of forward mode, as a sidecar: started, watched, started again, taken down.

It lives in an environment of its own: LiteLLM's package asks for other versions than the gateway's. A thread of ours
starts it and stays, because Linux ends a child with the thread that started it.
"""

from __future__ import annotations

import http.client
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mini_agent.core.errors import ConfigError, MiniAgentError

OWN_ENVIRONMENT = ".venv-litellm"
#: Seconds that its first start may take: LiteLLM's package is imported without compiled bytecode, on a busy machine.
START_S = 120.0
#: Seconds that it gets to end after it was told to.
GRACE_S = 5.0
#: Seconds of life after which an end is no longer one of a row.
SETTLED_S = 60.0
_POLL_S = 0.2
_LONGEST_S = 30.0
_TOLD_LINES = 12


class SidecarFailed(MiniAgentError):
    """It did not start. The text ends with what it said last."""


def find_program(asked: str, search: str, folder: Path) -> str:
    """Find LiteLLM's own program: the one that is asked for, that in `.venv-litellm`, or one on the PATH.

    asked: a name or path, empty for none. search: the PATH. folder: where `.venv-litellm` may be.
    Returns: its path.
    Raises: ConfigError, with the commands that make the environment.
    """
    if asked:
        found = shutil.which(asked, path=search)
        if found is None:
            raise ConfigError(f"{asked!r} is no program that can be started; name LiteLLM's, such as venv/bin/litellm")
        return found
    own = folder / OWN_ENVIRONMENT / "bin" / "litellm"
    if os.access(own, os.X_OK):
        return str(own)
    # The one beside us is of the sdk mode, and lacks what a server needs.
    ours = Path(sys.prefix, "bin")
    others = [part for part in search.split(os.pathsep) if part and Path(part) != ours]
    if found := shutil.which("litellm", path=os.pathsep.join(others)):
        return found
    raise ConfigError(
        f"--with-litellm finds no litellm in {OWN_ENVIRONMENT}/bin or on the PATH, and MINI_AGENT_LITELLM names none\n"
        f"make its environment: uv venv {OWN_ENVIRONMENT} && "
        f"uv pip install --python {OWN_ENVIRONMENT} 'litellm[proxy]==1.106.2'"
    )


def back_off() -> Iterator[float]:
    """Yield the seconds before each start of a row of failures: 0.5, 1, 2 and so on up to 30."""
    delay = 0.5
    while True:
        yield delay
        delay = min(delay * 2, _LONGEST_S)


def free_port() -> int:
    """Returns: a port of loopback that is free now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class LiteLLMSidecar:
    """One LiteLLM process at a port, kept alive inside a `with` block.

    program, config: its program and the file that the gateway reads, too. environ: the gateway's environment.
    log: gets what happens to it; what it says itself, only at level debug, for it may quote prompts.
    clean: takes secrets out of what it says.
    """

    def __init__(
        self,
        program: str,
        config: Path,
        port: int,
        environ: Mapping[str, str],
        log: logging.Logger,
        clean: Callable[[str], str],
    ) -> None:
        self._command = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        self._port = port
        self._environ = _environment(environ)
        self._log = log
        self._clean = clean
        self._said: deque[str] = deque(maxlen=_TOLD_LINES)
        self._process: subprocess.Popen[str] | None = None
        self._ready = threading.Event()
        self._failure = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="litellm-sidecar", daemon=True)

    @property
    def url(self) -> str:
        """Returns: where it answers."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> LiteLLMSidecar:
        """Start it and wait until it answers. Raises: SidecarFailed."""
        self._thread.start()
        try:
            answered = self._ready.wait(START_S)
        except BaseException:
            self.__exit__()
            raise
        if not answered or self._failure:
            reason = self._failure or f"it did not answer within {START_S:g} s"
            self.__exit__()
            raise SidecarFailed("\n".join([f"litellm did not start: {reason}", *self._said]))
        return self

    def __exit__(self, *_: object) -> None:
        """Take it down; a second call is harmless."""
        self._stopping.set()
        self._thread.join()

    def _keep(self) -> None:
        """Start it again and again until told to stop; an end before it ever answered is a failure."""
        delays = back_off()
        while not self._stopping.is_set():
            began = time.monotonic()
            reason = self._life()
            if self._stopping.is_set():
                return
            if not self._ready.is_set():
                self._failure = reason
                self._ready.set()
                return
            if time.monotonic() - began > SETTLED_S:
                delays = back_off()
            delay = next(delays)
            self._log.warning("litellm ended", extra={"facts": {"reason": reason, "again_in_s": delay}})
            self._stopping.wait(delay)

    def _life(self) -> str:
        """Start it and watch it until it ends or is to end. Returns: why it ended."""
        # What the launcher needs to find our package.
        ours = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        launch = [sys.executable, "-P", "-m", "mini_agent.tools.mcp.launch", *self._environ, "--", *self._command]
        self._process = subprocess.Popen(
            launch,
            env={**self._environ, **ours},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        reader.start()
        answered = False
        while self._process.poll() is None and not self._stopping.wait(_POLL_S):
            if not answered and self._answers():
                answered = True
                self._log.info("litellm is ready", extra={"facts": {"port": self._port, "pid": self._process.pid}})
                self._ready.set()
        self._end(self._process)
        reader.join(1.0)
        code = self._process.returncode
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._said.append(self._clean(line.rstrip()))
                self._log.debug("litellm says", extra={"facts": {"line": self._said[-1]}})

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/health/liveliness")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _end(self, process: subprocess.Popen[str]) -> None:
        """End it and what it started: asked first, then without asking."""
        for number, patience in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, None)):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                break
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            break
        process.wait()


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns: what it may see: all but what tells a Python of ours where its packages are."""
    kept = {name: value for name, value in environ.items() if not name.startswith("PYTHON") and name != "VIRTUAL_ENV"}
    # Else it goes to the network for prices when it is imported.
    return {"LITELLM_LOCAL_MODEL_COST_MAP": "True", **kept, "PYTHONUNBUFFERED": "1"}

"""`mini-agent serve`, and the server of `mini-agent intercept run`: what owns the process."""

from __future__ import annotations

import argparse
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mini_agent.core.errors import ConfigError
from mini_agent.core.logs import JsonLines, new_logger
from mini_agent.core.redaction import Redactor
from mini_agent.server import GatewayServer, bind, limits_of, server_config
from mini_agent.settings import Settings, load_settings, refuse_unsafe
from mini_agent.settings.yaml_file import config_path
from mini_agent.sidecar import LiteLLMSidecar, find_program, free_port

_OK = 0
_INTERRUPTED = 130
#: Seconds that running requests get after a stop signal.
_INTERCEPTOR_GRACE_S = 10.0


def serve(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Serve the gateway that flags, environment and file describe. Returns: the exit code. Raises: ConfigError."""
    flags = {"host": arguments.host, "port": arguments.port, "provider_mode": arguments.mode}
    settings = load_settings(environ, {**flags, "allow_open": arguments.allow_open}, config=arguments.config)
    refuse_unsafe(settings)
    if arguments.with_litellm is None:
        return _serve_on(bind(settings.host, settings.port), settings)
    sidecar = _sidecar(arguments, settings, environ)
    sock = bind(settings.host, settings.port)
    with sidecar:
        return _serve_on(sock, replace(settings, forward_url=sidecar.url))


def _serve_on(sock: socket.socket, settings: Settings) -> int:
    """Serve the gateway on a bound socket until a signal. Returns: the exit code."""
    from mini_agent.app import create_app

    settings = replace(settings, port=sock.getsockname()[1])
    app = create_app(settings)
    _log_libraries(settings.secrets())
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host

    def announce() -> None:
        print(f"mini-agent listening on http://{shown}:{settings.port}", flush=True)

    # What exists now lives as long as the process: the collector need not look at it again and again. How often it
    # looks at the rest stays as it is: a higher threshold saved 6 % of a request, and 200 streams grew it by 2 MB.
    gc.collect()
    gc.freeze()
    config = server_config(app, grace_s=settings.shutdown_grace_s, limits=limits_of(settings))
    server = GatewayServer(config, announce)
    server.run(sockets=[sock])
    return _INTERRUPTED if server.stopped_by == signal.SIGINT else _OK


def _sidecar(arguments: argparse.Namespace, settings: Settings, environ: Mapping[str, str]) -> LiteLLMSidecar:
    """Returns: the external process that `--with-litellm` asks for, not yet started. Raises: ConfigError."""
    if settings.provider_mode != "forward":
        raise ConfigError("--with-litellm starts the process of forward mode: add --mode forward")
    if settings.sources.get("forward_url"):
        raise ConfigError("--with-litellm starts a process at an address of its own: take MINI_AGENT_FORWARD_URL out")
    config = config_path(arguments.config, environ, Path.cwd())
    if config is None:
        raise ConfigError(
            "--with-litellm needs the file that LiteLLM reads, too: pass --config, or write mini_agent.yaml"
        )
    program = find_program(arguments.with_litellm or settings.litellm_program, environ.get("PATH", ""), Path.cwd())
    redactor = Redactor(settings.secrets())
    log = new_logger(settings.log_level, redactor)
    return LiteLLMSidecar(program, config, free_port(), environ, log, redactor.text)


def serve_interceptor(app: Any, host: str, port: int, announce: Callable[[str], None]) -> int:
    """Serve what `mini-agent intercept run` built. Returns: the exit code."""
    sock = bind(host, port)
    shown = f"[{host}]" if ":" in host else host
    _log_libraries([])
    # Without a date of its own: the target's goes through.
    config = server_config(app, grace_s=_INTERCEPTOR_GRACE_S, date_header=False)
    server = GatewayServer(config, lambda: announce(f"http://{shown}:{sock.getsockname()[1]}"))
    server.run(sockets=[sock])
    return _INTERRUPTED if server.stopped_by == signal.SIGINT else _OK


def _log_libraries(secrets: Iterable[str]) -> None:
    """Give the libraries of this process the same JSON lines. Only the command does this: it owns the process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(Redactor(secrets)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)

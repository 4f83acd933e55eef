"""What one interceptor is configured with, read once by the command (GATEWAY 10.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mini_agent.core.errors import ConfigError
from mini_agent.core.patterns import Pattern
from mini_agent.interceptor.port_registry import DEFAULT_RANGE, DEFAULT_REGISTRY, project_key
from mini_agent.interceptor.registry_file import PortRange
from mini_agent.settings import parsers
from mini_agent.settings.environment import read_variables

#: What a header can carry and the gateway takes as a user id: visible ASCII.
_NOT_IN_A_USER_ID = Pattern(r"[^!-~]")


@dataclass(frozen=True, kw_only=True)
class InterceptorSettings:
    """One interceptor. Times are in seconds.

    project: absolute path of its folder. port: where it listens; None for the registry's port of the folder.
    target: the gateway, without trailing slash. inject: whether identity headers are added.
    api_key: sent for clients that send no `Authorization`. port_range, registry: see `PortRegistry`.
    connect_s, read_s: how long the target may take to accept, and to send its next bytes. allowed_hosts,
    allowed_origins: further names of this server, and web pages that may use it. body_idle_s, body_total_s: how long a
    client may be silent within a body, and take for all of it.
    """

    project: str
    instance_id: str
    host: str = "127.0.0.1"
    port: int | None = None
    target: str = "http://127.0.0.1:8788"
    inject: bool = True
    api_key: str | None = field(default=None, repr=False)
    port_range: PortRange = DEFAULT_RANGE
    registry: Path = Path(DEFAULT_REGISTRY)
    connect_s: float = 30.0
    read_s: float = 600.0
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: frozenset[str] = frozenset()
    body_idle_s: float = 30.0
    body_total_s: float = 300.0


@dataclass(frozen=True)
class _Option:
    """One option. names: its variables, the first that is set counts; means: what it is, for people."""

    field: str
    names: tuple[str, ...]
    parse: Callable[[str], Any]
    means: str


def _user_id(value: str) -> str:
    value = value.strip()
    if not value or _NOT_IN_A_USER_ID.search(value):
        raise ValueError("must be visible ASCII without whitespace: it travels in a header and names a user's memory")
    return value


def _real_port(value: str) -> int:
    parsed = parsers.port(value)
    if parsed == 0:
        raise ValueError("must be at least 1, got 0")
    return parsed


#: What can be configured.
OPTIONS = (
    _Option(
        "port",
        ("INTERCEPTOR_PORT",),
        parsers.port,
        "port to bind, 0 for a free one; the registry's port of the folder by default",
    ),
    _Option("target", ("MEMORY_PROXY_URL", "TARGET_LLM_URL", "MINI_AGENT_API_BASE"), parsers.http_url, "the gateway"),
    _Option(
        "instance_id",
        ("SUPERMEMORY_USERNAME",),
        _user_id,
        "whose memory the folder is; `pycharm-` and the folder's name by default",
    ),
    _Option("inject", ("INJECT_INSTANCE_ID",), parsers.boolean, "add the identity to requests"),
    _Option("api_key", ("INTERCEPTOR_API_KEY",), parsers.text, "key for clients that send none (a secret)"),
    _Option("port_min", ("INTERCEPTOR_PORT_MIN",), _real_port, "first port to give away"),
    _Option("port_max", ("INTERCEPTOR_PORT_MAX",), _real_port, "last port to give away"),
    _Option(
        "allowed_hosts",
        ("MINI_AGENT_ALLOWED_HOSTS",),
        parsers.hosts,
        "further names that a request's `Host` may have, separated by commas",
    ),
    _Option(
        "allowed_origins",
        ("MINI_AGENT_ALLOWED_ORIGINS",),
        parsers.origins,
        "web pages that may ask, separated by commas",
    ),
    _Option("registry", ("PORT_REGISTRY_PATH",), Path, "file that remembers the ports"),
)
#: Every variable that is read.
VARIABLES = tuple(name for option in OPTIONS for name in option.names)


def load_interceptor_settings(
    environ: Mapping[str, str], flags: Mapping[str, Any] | None = None, *, folder: Path | None = None
) -> InterceptorSettings:
    """Read the options.

    environ: the environment. flags: values from the command line by field name, `port_min` and `port_max` among them;
    None means not given. folder: the project, the current folder by default.
    Returns: the record. Raises: ConfigError with every malformed option.
    """
    project = project_key(folder if folder is not None else Path.cwd())
    values: dict[str, Any] = {"instance_id": default_instance_id(project)}
    values.update(read_variables(((option.field, option.names, option.parse) for option in OPTIONS), environ))
    values.update({name: value for name, value in (flags or {}).items() if value is not None})
    start, end = values.pop("port_min", DEFAULT_RANGE.start), values.pop("port_max", DEFAULT_RANGE.end)
    if start > end:
        raise ConfigError(
            f"port range {start}-{end}: it ends before it begins; see --port-min and INTERCEPTOR_PORT_MIN (default "
            f"{DEFAULT_RANGE.start}), --port-max and INTERCEPTOR_PORT_MAX (default {DEFAULT_RANGE.end})"
        )
    return InterceptorSettings(project=project, port_range=PortRange(start, end), **values)


def default_instance_id(project: str) -> str:
    """Returns: `pycharm-<folder name>`.

    What a header cannot carry becomes `-`; a digest of the name then keeps similar names apart.
    """
    name = Path(project).name
    safe = _NOT_IN_A_USER_ID.sub("-", name)
    digest = "" if safe == name else f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"pycharm-{safe}{digest}"

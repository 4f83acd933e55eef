"""What one interceptor is configured with, read once by the command (GATEWAY 10.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from mini_agent.core.errors import ConfigError
from mini_agent.core.patterns import Pattern
from mini_agent.interceptor.port_registry import DEFAULT_RANGE, DEFAULT_REGISTRY, project_key
from mini_agent.interceptor.registry_file import PortRange
from mini_agent.settings import parsers
from mini_agent.settings.environment import hosts_option, option, origins_option, read_variables

#: What a header can carry and the gateway takes as a user id: visible ASCII.
_NOT_IN_A_USER_ID = Pattern(r"[^!-~]")


def _user_id(value: str) -> str:
    value = value.strip()
    if not value or _NOT_IN_A_USER_ID.search(value):
        raise ValueError("must be visible ASCII without whitespace: it travels in a header and names a user's memory")
    return value


@dataclass(frozen=True, kw_only=True)
class InterceptorSettings:
    """One interceptor. Times are in seconds.

    project: absolute path of its folder. port: where it listens; None for the registry's port of the folder.
    target: the gateway, without trailing slash. inject: whether identity headers are added.
    api_key: sent for clients that send no `Authorization`. port_min, port_max, registry: see `PortRegistry`.
    connect_s, read_s: how long the target may take to accept, and to send its next bytes. allowed_hosts,
    allowed_origins: further names of this server, and web pages that may use it. body_idle_s, body_total_s: how long a
    client may be silent within a body, and take for all of it.
    """

    project: str
    host: str = "127.0.0.1"
    port: int | None = option(
        None,
        "INTERCEPTOR_PORT",
        parse=parsers.port,
        means="port to bind, 0 for a free one; the registry's port of the folder by default",
    )
    target: str = option(
        "http://127.0.0.1:8788",
        "MEMORY_PROXY_URL",
        "TARGET_LLM_URL",
        "MINI_AGENT_API_BASE",
        parse=parsers.http_url,
        means="the gateway",
    )
    instance_id: str = option(
        MISSING,
        "SUPERMEMORY_USERNAME",
        parse=_user_id,
        means="whose memory the folder is; `pycharm-` and the folder's name by default",
    )
    inject: bool = option(True, "INJECT_INSTANCE_ID", means="add the identity to requests")
    api_key: str | None = option(None, "INTERCEPTOR_API_KEY", secret=True, means="key for clients that send none")
    port_min: int = option(
        DEFAULT_RANGE.start, "INTERCEPTOR_PORT_MIN", parse=parsers.real_port, means="first port to give away"
    )
    port_max: int = option(
        DEFAULT_RANGE.end, "INTERCEPTOR_PORT_MAX", parse=parsers.real_port, means="last port to give away"
    )
    allowed_hosts: tuple[str, ...] = hosts_option()
    allowed_origins: frozenset[str] = origins_option()
    registry: Path = option(  # noqa: RUF009 - it declares a field
        Path(DEFAULT_REGISTRY), "PORT_REGISTRY_PATH", parse=Path, means="file that remembers the ports"
    )
    connect_s: float = 30.0
    read_s: float = 600.0
    body_idle_s: float = 30.0
    body_total_s: float = 300.0

    @property
    def port_range(self) -> PortRange:
        """Returns: the ports that the registry may give away."""
        return PortRange(self.port_min, self.port_max)


#: Every variable that is read.
VARIABLES = tuple(name for declared in fields(InterceptorSettings) for name in declared.metadata.get("names", ()))


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
    values.update(read_variables(InterceptorSettings, environ))
    values.update({name: value for name, value in (flags or {}).items() if value is not None})
    start, end = values.get("port_min", DEFAULT_RANGE.start), values.get("port_max", DEFAULT_RANGE.end)
    if start > end:
        raise ConfigError(
            f"port range {start}-{end}: it ends before it begins; see --port-min and INTERCEPTOR_PORT_MIN (default "
            f"{DEFAULT_RANGE.start}), --port-max and INTERCEPTOR_PORT_MAX (default {DEFAULT_RANGE.end})"
        )
    return InterceptorSettings(project=project, **values)


def default_instance_id(project: str) -> str:
    """Returns: `pycharm-<folder name>`.

    What a header cannot carry becomes `-`; a digest of the name then keeps similar names apart.
    """
    name = Path(project).name
    safe = _NOT_IN_A_USER_ID.sub("-", name)
    digest = "" if safe == name else f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"pycharm-{safe}{digest}"

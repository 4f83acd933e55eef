"""The settings record: each option is declared once, with its default, its variables and its parser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from mini_agent.core.redaction import is_sensitive_header, is_sensitive_key
from mini_agent.settings import parsers
from mini_agent.settings.references import find_references, is_reference
from mini_agent.settings.schema import DEFAULT_MEMORY_HOSTS, GatewayConfig, GeneralSettings

__all__ = ["LANGUAGES", "SHORTEST_OPEN_KEY", "Settings"]

#: Characters of a master key on an address that others reach.
SHORTEST_OPEN_KEY = 16

LANGUAGES = ("python", "rust", "go", "javascript")


def _option(default: Any, *names: str, parse: Callable[[str], Any] = parsers.text, secret: bool = False) -> Any:
    return field(default=default, metadata={"names": names, "parse": parse, "secret": secret}, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the gateway was configured with, read once. Names ending in `_s` are seconds, in `_ms` milliseconds.

    config: the validated YAML file, its defaults when there is none.
    models: the raw `litellm_params` of each group, references unresolved, with its key path.
    environ: the environment as it was at start; model references resolve against it.
    sources: where each option came from: `flag`, `environment`, `yaml` or `default`.
    ignored: what the file says and nobody reads, one line each. config_file: its path, None without one.
    local_tools: how code of models runs on this machine: `sandbox`, `unsandboxed` or `off`.
    tool_processes: at a time, None for four per core. tool_read_paths: what such code may read besides.
    head_s, stall_s, body_idle_s, body_total_s, keep_alive_s, shutdown_grace_s, pool_connections, pool_s, write_s:
    trace_bytes: fixed; only tests change them. max_connections: None for as many as the process may have.
    """

    host: str = _option("127.0.0.1", "MINI_AGENT_API_HOST")
    port: int = _option(8788, "MINI_AGENT_API_PORT", parse=parsers.port)
    master_key: str | None = _option(None, "MINI_AGENT_MASTER_KEY", secret=True)
    allow_open: bool = _option(False, "MINI_AGENT_ALLOW_OPEN", parse=parsers.boolean)
    allowed_hosts: tuple[str, ...] = _option((), "MINI_AGENT_ALLOWED_HOSTS", parse=parsers.hosts)
    allowed_origins: frozenset[str] = _option(frozenset(), "MINI_AGENT_ALLOWED_ORIGINS", parse=parsers.origins)
    provider_mode: str = _option("sdk", "MINI_AGENT_PROVIDER_MODE", parse=parsers.choice("sdk", "forward", "binary"))
    forward_url: str = _option("http://localhost:4000", "MINI_AGENT_FORWARD_URL", parse=parsers.http_url)
    forward_key: str | None = _option(None, "MINI_AGENT_FORWARD_KEY", secret=True)
    litellm_program: str = _option("", "MINI_AGENT_LITELLM")
    shim_mode: str = _option("", "MINI_AGENT_OPENAI_SHIM_MODE", parse=parsers.choice("", "echo", "block"))
    shim_reply: str = _option("shim ok", "MINI_AGENT_OPENAI_SHIM_REPLY")
    shim_delay_ms: float = _option(0.0, "MINI_AGENT_OPENAI_SHIM_DELAY_MS", parse=parsers.number())
    allow_dummy: bool = _option(False, "MINI_AGENT_ALLOW_DUMMY", parse=parsers.boolean)
    shortcircuit_chutes: bool = _option(False, "NDSMOKE_SHORTCIRCUIT_CHUTES", parse=parsers.boolean)
    tool_http_headers: str = _option("", "MINI_AGENT_TOOL_HTTP_HEADERS", secret=True)
    tool_http_allow_hosts: tuple[str, ...] = _option((), "MINI_AGENT_TOOL_HTTP_ALLOW_HOSTS", parse=parsers.names)
    tool_retry_after_cap_s: float = _option(1.0, "MINI_AGENT_TOOL_RETRY_AFTER_CAP_S", parse=parsers.number())
    tool_max_output_bytes: int = _option(65536, "MINI_AGENT_TOOL_MAX_OUTPUT_BYTES", parse=parsers.whole(1))
    local_tools: str = _option("sandbox", "MINI_AGENT_LOCAL_TOOLS", parse=parsers.local_tools)
    tool_processes: int | None = _option(None, "MINI_AGENT_TOOL_PROCESSES", parse=parsers.whole(1))
    tool_read_paths: tuple[str, ...] = _option((), "MINI_AGENT_TOOL_READ_PATHS", parse=parsers.paths)
    escalation_timeout_s: float = _option(60.0, "MINI_AGENT_ESCALATION_TIMEOUT_S", parse=parsers.number())
    max_requests: int = _option(1000, "MINI_AGENT_MAX_REQUESTS", parse=parsers.whole(1))
    max_body_bytes: int = _option(20_971_520, "MINI_AGENT_MAX_BODY_BYTES", parse=parsers.whole(1))
    max_answer_bytes: int = _option(33_554_432, "MINI_AGENT_MAX_ANSWER_BYTES", parse=parsers.whole(1))
    memory_routing: bool = _option(True, "MINI_AGENT_MEMORY_ROUTING", parse=parsers.boolean)
    store_traces: bool = _option(False, "MINI_AGENT_STORE_TRACES", parse=parsers.boolean)
    store_path: str | None = _option(None, "MINI_AGENT_STORE_PATH")
    store_content: bool = _option(True, "MINI_AGENT_STORE_CONTENT", parse=parsers.boolean)
    debug: bool = _option(False, "MINI_AGENT_DEBUG", parse=parsers.boolean)
    log_level: str = _option(
        "info", "MINI_AGENT_LOG_LEVEL", parse=parsers.choice("debug", "info", "warning", "error", "critical")
    )
    instance_id: str | None = _option(None, "MINI_AGENT_INSTANCE_ID")
    # The provider is registered only for exactly `1`, so the text is kept.
    enable_codex_agent: str = _option("", "LITELLM_ENABLE_CODEX_AGENT")
    codex_api_base: str | None = _option(None, "CODEX_AGENT_API_BASE", parse=parsers.http_url)
    codex_api_key: str | None = _option(None, "CODEX_AGENT_API_KEY", secret=True)
    codex_max_retries: int = _option(2, "CODEX_AGENT_MAX_RETRIES", parse=parsers.whole())
    codex_retry_base_ms: float = _option(120.0, "CODEX_AGENT_RETRY_BASE_MS", parse=parsers.number())
    codex_retry_max_ms: float = _option(1500.0, "CODEX_AGENT_RETRY_MAX_MS", parse=parsers.number())
    codex_retry_seed: int | None = _option(None, "CODEX_AGENT_RETRY_SEED", parse=parsers.whole())
    chutes_api_base: str = _option("https://llm.chutes.ai/v1", "CHUTES_API_BASE", "CHUTES_BASE", parse=parsers.http_url)
    chutes_api_key: str | None = _option(None, "CHUTES_API_KEY", "CHUTES_API_TOKEN", secret=True)
    ollama_api_base: str = _option("http://127.0.0.1:11434", "OLLAMA_API_BASE", parse=parsers.http_url)
    openai_api_key: str | None = _option(None, "OPENAI_API_KEY", secret=True)
    anthropic_api_key: str | None = _option(None, "ANTHROPIC_API_KEY", secret=True)
    default_target_model: str | None = _option(
        None, "LITELLM_DEFAULT_CHUTES_MODEL", "LITELLM_DEFAULT_CODE_MODEL", "LITELLM_DEFAULT_MODEL"
    )
    agent_max_iterations: int = _option(6, "LITELLM_MINI_AGENT_MAX_ITERATIONS", parse=parsers.whole())
    agent_max_seconds: float = _option(180.0, "LITELLM_MINI_AGENT_MAX_SECONDS", parse=parsers.number())
    agent_languages: tuple[str, ...] = _option(LANGUAGES, "LITELLM_MINI_AGENT_LANGUAGES", parse=parsers.names)
    agent_tool_backend: str = _option(
        "local",
        "LITELLM_MINI_AGENT_TOOL_BACKEND",
        parse=parsers.choice("local", "http", "docker", "mcp", "echo"),
    )
    docker_container: str | None = _option(None, "LITELLM_MINI_AGENT_DOCKER_CONTAINER")
    docker_exec_bin: str = _option("docker", "LITELLM_MINI_AGENT_DOCKER_EXEC_BIN")
    docker_python: str = _option("python", "LITELLM_MINI_AGENT_DOCKER_PYTHON")
    supermemory_api_key: str | None = _option(None, "SUPERMEMORY_API_KEY", secret=True)

    config: GatewayConfig = field(default_factory=GatewayConfig)
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    config_file: str | None = None
    head_s: float = 10.0
    stall_s: float = 60.0
    max_connections: int | None = None
    body_idle_s: float = 30.0
    body_total_s: float = 300.0
    keep_alive_s: float = 15.0
    shutdown_grace_s: float = 10.0
    pool_connections: int = 1000
    pool_s: float = 10.0
    write_s: float = 30.0
    trace_bytes: int = 33_554_432

    @property
    def may_be_open(self) -> bool:
        """Returns: whether others may reach the gateway: there is a key that keeps them out, or they are welcome."""
        return self.allow_open or len(self.master_key or "") >= SHORTEST_OPEN_KEY

    @property
    def allow_unlisted_models(self) -> bool:
        """Returns: whether `provider/name` models outside the list are served; by default only with an empty list."""
        general = self.config.general_settings
        if general is not None and general.allow_unlisted_models is not None:
            return general.allow_unlisted_models
        return not self.config.model_list

    @property
    def drop_params(self) -> bool:
        """Returns: whether parameters that a provider cannot take are dropped instead of refused."""
        return self.config.litellm_settings.get("drop_params") is True

    @property
    def general(self) -> GeneralSettings | None:
        """Returns: the `general_settings` of the file, None without the section."""
        return self.config.general_settings

    @property
    def protect_routing_info(self) -> bool:
        """Returns: whether `/memory-routing/info` needs the gateway key."""
        return self.general is not None and self.general.protect_routing_info

    @property
    def memory_hosts(self) -> tuple[str, ...]:
        """Returns: the hosts whose models are memory services; none while memory routing is off."""
        if not self.memory_routing:
            return ()
        return tuple(DEFAULT_MEMORY_HOSTS if self.general is None else self.general.memory_hosts)

    @property
    def forward_user(self) -> str | tuple[str, ...]:
        """Returns: which providers learn whose request it is: `all`, `memory`, or the hosts of the list."""
        to = "all" if self.general is None else self.general.forward_user
        return to if isinstance(to, str) else tuple(to)

    @property
    def relay_routes(self) -> tuple[str, ...]:
        """Returns: what the operator has opened in forward mode besides inference, as paths below `/v1/`."""
        return () if self.general is None else tuple(self.general.relay_routes)

    @property
    def groups(self) -> tuple[str, ...]:
        """Returns: the configured group names, in file order."""
        return tuple(entry.model_name for entry in self.config.model_list)

    def secrets(self) -> Iterator[str]:
        """Returns: every secret value known from flags, environment and file, for redaction."""
        for option in fields(self):
            value = getattr(self, option.name)
            if option.metadata.get("secret") and isinstance(value, str):
                yield value
        yield from _secrets_of_headers(self.tool_http_headers)
        yield from _secret_leaves(self.config.model_dump())
        for params in self.models.values():
            for name in _referenced_names(params):
                if found := self.environ.get(name):
                    yield found


def _secret_leaves(value: object, secret: bool = False) -> Iterator[str]:
    """Yield the strings below fields that hold credentials."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            name = str(key)
            hidden = secret or is_sensitive_key(name) or name in ("master_key", "auth_value")
            if name in ("extra_headers", "env") and isinstance(item, Mapping):
                yield from (str(leaf) for header, leaf in item.items() if is_sensitive_header(str(header)))
            else:
                yield from _secret_leaves(item, hidden)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secret_leaves(item, secret)
    elif secret and isinstance(value, str) and not is_reference(value):
        yield value


def _secrets_of_headers(text: str) -> Iterator[str]:
    """Yield the values of the default tool headers that hold credentials, with and without their scheme."""
    try:
        headers = json.loads(text or "{}")
    except ValueError:
        return
    for name, value in headers.items() if isinstance(headers, dict) else ():
        if isinstance(value, str) and is_sensitive_header(name):
            yield value
            yield value.rpartition(" ")[2]


def _referenced_names(params: Mapping[str, Any]) -> Iterator[str]:
    for key_path, name in find_references(params, ""):
        leaf = key_path.rsplit(".", 1)[-1]
        if is_sensitive_key(leaf) or (key_path.startswith("extra_headers.") and is_sensitive_header(leaf)):
            yield name

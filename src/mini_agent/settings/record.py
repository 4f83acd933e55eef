"""The settings record: each option is declared once, with its default, its variables and its parser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from mini_agent.core.addresses import is_loopback
from mini_agent.settings import parsers
from mini_agent.settings.environment import hosts_option, option, origins_option
from mini_agent.settings.schema import GatewayConfig, GeneralSettings
from mini_agent.settings.secret_values import referenced_names, secret_leaves, secrets_of_headers

#: Characters of a master key on an address that others reach.
SHORTEST_OPEN_KEY = 16

LANGUAGES = ("python", "rust", "go", "javascript")
#: Where the file has no such section.
_NO_GENERAL = GeneralSettings.model_construct()


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

    host: str = option("127.0.0.1", "MINI_AGENT_API_HOST", means="address to bind")
    port: int = option(8788, "MINI_AGENT_API_PORT", parse=parsers.port, means="port to bind, 0 for a free one")
    master_key: str | None = option(
        None,
        "MINI_AGENT_MASTER_KEY",
        secret=True,
        means="the key that clients must send; without one everybody may ask, on loopback only",
    )
    allow_open: bool = option(False, "MINI_AGENT_ALLOW_OPEN", means="serve addresses that others reach without a key")
    allowed_hosts: tuple[str, ...] = hosts_option()
    allowed_origins: frozenset[str] = origins_option()
    provider_mode: str = option(
        "sdk",
        "MINI_AGENT_PROVIDER_MODE",
        parse=parsers.choice("sdk", "forward", "binary"),
        means="`sdk` answers itself, `forward` (or `binary`) asks an external LiteLLM process",
    )
    forward_url: str = option(
        "http://localhost:4000",
        "MINI_AGENT_FORWARD_URL",
        parse=parsers.http_url,
        means="address of the external process",
    )
    forward_key: str | None = option(
        None, "MINI_AGENT_FORWARD_KEY", secret=True, means="key of the external process; the master key by default"
    )
    litellm_program: str = option("", "MINI_AGENT_LITELLM", means="LiteLLM's own program, for `--with-litellm`")
    shim_mode: str = option(
        "",
        "MINI_AGENT_OPENAI_SHIM_MODE",
        parse=parsers.choice("", "echo", "block"),
        means="`echo` answers everything itself, `block` lets nothing answer but a configured provider",
    )
    shim_reply: str = option("shim ok", "MINI_AGENT_OPENAI_SHIM_REPLY", means="what `echo` answers")
    shim_delay_ms: float = option(
        0.0, "MINI_AGENT_OPENAI_SHIM_DELAY_MS", means="milliseconds before an answer of any kind"
    )
    allow_dummy: bool = option(False, "MINI_AGENT_ALLOW_DUMMY", means="let the scripted models (`dummy`) answer")
    shortcircuit_chutes: bool = option(
        False, "NDSMOKE_SHORTCIRCUIT_CHUTES", means="let escalations to Chutes answer at once, simulated"
    )
    tool_http_headers: str = option(
        "",
        "MINI_AGENT_TOOL_HTTP_HEADERS",
        secret=True,
        means="JSON object of headers that every call of an HTTP tool host carries",
    )
    tool_http_allow_hosts: tuple[str, ...] = option(
        (),
        "MINI_AGENT_TOOL_HTTP_ALLOW_HOSTS",
        parse=parsers.names,
        means="hosts of tools that may be asked besides public ones, separated by commas",
    )
    tool_retry_after_cap_s: float = option(
        1.0, "MINI_AGENT_TOOL_RETRY_AFTER_CAP_S", means="seconds that a tool host's `Retry-After` may cost at most"
    )
    tool_max_output_bytes: int = option(
        65536,
        "MINI_AGENT_TOOL_MAX_OUTPUT_BYTES",
        parse=parsers.whole(1),
        means="bytes that are kept of what a tool prints",
    )
    local_tools: str = option(
        "sandbox",
        "MINI_AGENT_LOCAL_TOOLS",
        parse=parsers.local_tools,
        means="how code of models runs on this machine: `sandbox`, `unsandboxed` or `off`",
    )
    tool_processes: int | None = option(
        None,
        "MINI_AGENT_TOOL_PROCESSES",
        parse=parsers.whole(1),
        means="processes of such code at once; four per core by default",
    )
    tool_read_paths: tuple[str, ...] = option(
        (),
        "MINI_AGENT_TOOL_READ_PATHS",
        parse=parsers.paths,
        means="what such code may read besides the system's libraries, separated by commas",
    )
    escalation_timeout_s: float = option(
        60.0, "MINI_AGENT_ESCALATION_TIMEOUT_S", means="seconds that an escalation may take"
    )
    max_requests: int = option(
        1000,
        "MINI_AGENT_MAX_REQUESTS",
        parse=parsers.whole(1),
        means="requests at once; more are 503 with `Retry-After`",
    )
    max_body_bytes: int = option(
        20_971_520, "MINI_AGENT_MAX_BODY_BYTES", parse=parsers.whole(1), means="bytes of a request's body"
    )
    max_answer_bytes: int = option(
        33_554_432, "MINI_AGENT_MAX_ANSWER_BYTES", parse=parsers.whole(1), means="bytes of a provider's answer"
    )
    memory_routing: bool = option(True, "MINI_AGENT_MEMORY_ROUTING", means="tell users apart and pass their id on")
    store_traces: bool = option(False, "MINI_AGENT_STORE_TRACES", means="keep a record of each agent run")
    store_path: str | None = option(
        None, "MINI_AGENT_STORE_PATH", means="file that the records of runs are appended to"
    )
    store_content: bool = option(True, "MINI_AGENT_STORE_CONTENT", means="keep what was said in these records, too")
    stored_entries: int = option(
        10_000, "MINI_AGENT_STORED_ENTRIES", means="responses and chats that are kept for their users; 0 keeps none"
    )
    stored_bytes: int = option(268_435_456, "MINI_AGENT_STORED_BYTES", means="bytes of all of them")
    stored_user_entries: int = option(1_000, "MINI_AGENT_STORED_USER_ENTRIES", means="of these, those of one user")
    stored_user_bytes: int = option(33_554_432, "MINI_AGENT_STORED_USER_BYTES", means="bytes of those of one user")
    stored_ttl_s: float = option(
        86_400.0, "MINI_AGENT_STORED_TTL_S", means="seconds after their last use until they are forgotten"
    )
    debug: bool = option(False, "MINI_AGENT_DEBUG", means="show the cause of an internal error to the client")
    log_level: str = option(
        "info",
        "MINI_AGENT_LOG_LEVEL",
        parse=parsers.choice("debug", "info", "warning", "error", "critical"),
        means="least important level that is logged",
    )
    instance_id: str | None = option(None, "MINI_AGENT_INSTANCE_ID", means="what `/healthz` answers as `instance_id`")
    # The provider is registered only for exactly `1`, so the text is kept.
    enable_codex_agent: str = option(
        "", "LITELLM_ENABLE_CODEX_AGENT", means="exactly `1` lets `codex-agent` models be asked"
    )
    codex_api_base: str | None = option(
        None, "CODEX_AGENT_API_BASE", parse=parsers.http_url, means="address of the Codex agent"
    )
    codex_api_key: str | None = option(None, "CODEX_AGENT_API_KEY", secret=True, means="key of the Codex agent")
    codex_max_retries: int = option(
        2, "CODEX_AGENT_MAX_RETRIES", means="further tries after a failure of the Codex agent"
    )
    codex_retry_base_ms: float = option(
        120.0, "CODEX_AGENT_RETRY_BASE_MS", means="milliseconds before the first of them, doubled each time"
    )
    codex_retry_max_ms: float = option(
        1500.0, "CODEX_AGENT_RETRY_MAX_MS", means="milliseconds before one of them, at most"
    )
    codex_retry_seed: int | None = option(
        None, "CODEX_AGENT_RETRY_SEED", parse=parsers.whole(), means="seed of the jitter, for runs that repeat"
    )
    chutes_api_base: str = option(
        "https://llm.chutes.ai/v1", "CHUTES_API_BASE", "CHUTES_BASE", parse=parsers.http_url, means="address of Chutes"
    )
    chutes_api_key: str | None = option(None, "CHUTES_API_KEY", "CHUTES_API_TOKEN", secret=True, means="key of Chutes")
    ollama_api_base: str = option(
        "http://127.0.0.1:11434", "OLLAMA_API_BASE", parse=parsers.http_url, means="address of Ollama"
    )
    openai_api_key: str | None = option(
        None, "OPENAI_API_KEY", secret=True, means="key of OpenAI, where an entry has none"
    )
    anthropic_api_key: str | None = option(
        None, "ANTHROPIC_API_KEY", secret=True, means="key of Anthropic, where an entry has none"
    )
    default_target_model: str | None = option(
        None,
        "LITELLM_DEFAULT_CHUTES_MODEL",
        "LITELLM_DEFAULT_CODE_MODEL",
        "LITELLM_DEFAULT_MODEL",
        means="model that a `mini-agent` entry without one asks; the first that is set counts",
    )
    agent_max_iterations: int = option(
        6, "LITELLM_MINI_AGENT_MAX_ITERATIONS", means="model calls of a run of `mini-agent`, at most"
    )
    agent_max_seconds: float = option(
        180.0, "LITELLM_MINI_AGENT_MAX_SECONDS", means="seconds of a run of `mini-agent`, at most"
    )
    agent_languages: tuple[str, ...] = option(
        LANGUAGES,
        "LITELLM_MINI_AGENT_LANGUAGES",
        parse=parsers.each_of(*LANGUAGES),
        means="languages of code blocks that a run of `mini-agent` may execute",
    )
    agent_tool_backend: str = option(
        "local",
        "LITELLM_MINI_AGENT_TOOL_BACKEND",
        parse=parsers.choice("local", "http", "docker", "mcp", "echo"),
        means="tools of a run of `mini-agent`",
    )
    docker_container: str | None = option(
        None, "LITELLM_MINI_AGENT_DOCKER_CONTAINER", means="container that the docker backend executes in"
    )
    docker_exec_bin: str = option(
        "docker", "LITELLM_MINI_AGENT_DOCKER_EXEC_BIN", means="program that is called as docker"
    )
    docker_python: str = option("python", "LITELLM_MINI_AGENT_DOCKER_PYTHON", means="interpreter in the container")
    supermemory_api_key: str | None = option(
        None, "SUPERMEMORY_API_KEY", secret=True, means="key of the memory service"
    )

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
    def on_loopback(self) -> bool:
        """Returns: whether only this machine reaches the gateway."""
        return is_loopback(self.host)

    @property
    def may_be_open(self) -> bool:
        """Returns: whether others may reach the gateway: there is a key that keeps them out, or they are welcome."""
        return self.allow_open or len(self.master_key or "") >= SHORTEST_OPEN_KEY

    @property
    def allow_unlisted_models(self) -> bool:
        """Returns: whether `provider/name` models outside the list are served; by default only with an empty list."""
        said = self.general.allow_unlisted_models
        return not self.config.model_list if said is None else said

    @property
    def drop_params(self) -> bool:
        """Returns: whether parameters that a provider cannot take are dropped instead of refused."""
        return self.config.litellm_settings.get("drop_params") is True

    @property
    def general(self) -> GeneralSettings:
        """Returns: the `general_settings` of the file, their defaults without the section."""
        return self.config.general_settings or _NO_GENERAL

    @property
    def protect_routing_info(self) -> bool:
        """Returns: whether `/memory-routing/info` needs the gateway key."""
        return self.general.protect_routing_info

    @property
    def memory_hosts(self) -> tuple[str, ...]:
        """Returns: the hosts whose models are memory services; none while memory routing is off."""
        return tuple(self.general.memory_hosts) if self.memory_routing else ()

    @property
    def forward_user(self) -> str | tuple[str, ...]:
        """Returns: which providers learn whose request it is: `all`, `memory`, or the hosts of the list."""
        to = self.general.forward_user
        return to if isinstance(to, str) else tuple(to)

    @property
    def relay_routes(self) -> tuple[str, ...]:
        """Returns: what the operator has opened in forward mode besides inference, as paths below `/v1/`."""
        return tuple(self.general.relay_routes)

    @property
    def groups(self) -> tuple[str, ...]:
        """Returns: the configured group names, in file order."""
        return tuple(entry.model_name for entry in self.config.model_list)

    def secrets(self) -> Iterator[str]:
        """Returns: every secret value known from flags, environment and file, for redaction."""
        for declared in fields(self):
            value = getattr(self, declared.name)
            if declared.metadata.get("secret") and isinstance(value, str):
                yield value
        yield from secrets_of_headers(self.tool_http_headers)
        yield from secret_leaves(self.config.model_dump())
        for params in self.models.values():
            for name in referenced_names(params):
                if found := self.environ.get(name):
                    yield found

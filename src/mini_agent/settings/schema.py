"""The YAML file as types (GATEWAY 3.2). One class per section; closed sections reject unknown keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from mini_agent.core.patterns import Pattern, PatternError, PatternSet
from mini_agent.core.suggest import did_you_mean
from mini_agent.core.text import is_plain_id
from mini_agent.settings.references import is_reference

#: Providers that need no `api_key`.
KEYLESS_PROVIDERS = frozenset({"ollama", "ollama_chat", "codex-agent", "codex_cli_agent", "mini-agent"})

#: Hosts whose models are memory services when the file names none.
DEFAULT_MEMORY_HOSTS = ("supermemory.ai",)


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    return value.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url), Field(json_schema_extra={"format": "uri"})]


#: A path below `/v1/` that the relay opens; with `/*`, also what is below it.
RelayRoute = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*(/\*)?$")]


class _Section(BaseModel):
    """A section whose reference strings pass validation: they are validated again once resolved."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, protected_namespaces=())

    @field_validator("*", mode="wrap")
    @classmethod
    def _accept_reference(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        return value if is_reference(value) else handler(value)


class _Closed(_Section):
    model_config = ConfigDict(extra="forbid")


class _Open(_Section):
    model_config = ConfigDict(extra="allow")


class GeneralSettings(_Open):
    """`general_settings`."""

    master_key: str = Field(min_length=1, repr=False)
    forward_client_headers_to_llm_api: bool = False
    provider_mode: Literal["sdk", "forward", "binary"] | None = None
    forward_url: HttpUrl | None = None
    allow_unlisted_models: bool | None = None
    memory_hosts: list[str] = Field(default_factory=lambda: [*DEFAULT_MEMORY_HOSTS])
    forward_user: Literal["all", "memory"] | list[str] = "all"
    relay_routes: list[RelayRoute] = Field(default_factory=list)
    protect_routing_info: bool = False


class Thinking(_Closed):
    """`litellm_params.thinking`. budget_tokens: in tokens."""

    type: Literal["enabled", "disabled"]
    budget_tokens: int | None = Field(default=None, ge=1, le=100_000)


class LitellmParams(_Open):
    """`model_list[].litellm_params`. timeout, stream_timeout: seconds. Other keys are default model parameters."""

    model: str
    api_key: str | None = Field(default=None, min_length=1, repr=False)
    api_base: HttpUrl | None = None
    custom_llm_provider: str | None = Field(default=None, min_length=1)
    extra_headers: dict[str, str] = Field(default_factory=dict, repr=False)
    thinking: Thinking | None = None
    timeout: float | None = Field(default=None, ge=0.1)
    stream_timeout: float | None = Field(default=None, ge=0.1)
    max_retries: int = Field(default=2, ge=0)

    @field_validator("model")
    @classmethod
    def _provider_and_name(cls, value: str) -> str:
        provider, slash, name = value.partition("/")
        if value == "mini-agent" or (slash and provider.strip() and name.strip()):
            return value
        raise ValueError("must be 'provider/name' with both parts non-empty")

    @model_validator(mode="after")
    def _key_present(self) -> LitellmParams:
        provider = self.custom_llm_provider or self.model.partition("/")[0]
        if self.api_key is None and provider not in KEYLESS_PROVIDERS:
            near = (name for name in self.extras() if did_you_mean(name, ("api_key",), 0.8))
            hint = next((f", and '{name}' is none; did you mean 'api_key'?" for name in near), "")
            raise ValueError(f"api_key is required for provider '{provider}'{hint}")
        return self

    def extras(self) -> dict[str, Any]:
        """Returns: the keys that this class does not name, as they stand in the file."""
        return dict(self.model_extra or {})


#: Values of `dialects.Dialect`, which is a floor above.
_DIALECTS = ("openai_chat", "anthropic_messages", "openai_responses")


class ModelEntry(_Closed):
    """`model_list[]`: one group."""

    model_name: str = Field(min_length=1)
    litellm_params: LitellmParams
    model_info: dict[str, Any] = Field(default_factory=dict)

    @field_validator("model_info")
    @classmethod
    def _transport(cls, value: dict[str, Any]) -> dict[str, Any]:
        if value.get("transport") not in (None, "http", "sdk"):
            raise ValueError("transport must be 'http' or 'sdk'")
        if value.get("dialect") not in (None, *_DIALECTS):
            raise ValueError(f"dialect must be one of {', '.join(_DIALECTS)}")
        if value.get("dialect") not in (None, "openai_chat") and value.get("transport") == "sdk":
            raise ValueError("LiteLLM is asked in openai_chat: leave out transport or dialect")
        return value


def _plain_id(value: str) -> str:
    if not is_plain_id(value):
        raise ValueError("must not contain whitespace or control characters")
    return value


_UserId = Annotated[str, Field(min_length=1), AfterValidator(_plain_id)]


class HeaderPattern(_Closed):
    """`user_id_mappings.header_patterns[]`."""

    header: Annotated[str, Field(min_length=1), AfterValidator(lambda value: value.strip().lower())]
    pattern: str
    user_id: _UserId

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            Pattern(value, ignore_case=True)
        except PatternError as error:
            raise ValueError(
                f"is not a regular expression of RE2, which has no look-around and no back-references: {error}"
            ) from error
        return value


class UserIdMappings(_Closed):
    """`user_id_mappings`."""

    custom_header: str = Field(default="x-memory-user-id", min_length=1)
    header_patterns: list[HeaderPattern] = Field(default_factory=list)
    default_user_id: _UserId = "default-dev"

    @field_validator("custom_header")
    @classmethod
    def _lower(cls, value: str) -> str:
        trimmed = value.strip().lower()
        if not trimmed:
            raise ValueError("must not be blank")
        return trimmed

    @field_validator("header_patterns")
    @classmethod
    def _distinct(cls, value: list[HeaderPattern]) -> list[HeaderPattern]:
        seen: set[tuple[str, str]] = set()
        for item in value:
            if (item.header, item.pattern) in seen:
                raise ValueError(f"duplicate pattern for header '{item.header}'")
            seen.add((item.header, item.pattern))
        for header in {item.header for item in value}:
            PatternSet((item.pattern for item in value if item.header == header), ignore_case=True)
        return value


class ContextRetrieval(_Closed):
    """`context_retrieval`. timeout, cache_ttl_seconds: seconds; max_context_length: characters."""

    enabled: bool = False
    api_key: str | None = Field(default=None, min_length=1, repr=False)
    base_url: HttpUrl = "https://api.supermemory.ai"
    query_strategy: Literal["last_user", "first_user", "all_user", "last_assistant"] = "last_user"
    injection_strategy: Literal["system", "user_prefix", "user_suffix", "dual"] = "system"
    container_tag: str = Field(default="supermemory", min_length=1)
    container_scope: Literal["user", "shared"] = "user"
    max_context_length: int = Field(default=4000, ge=100, le=100_000)
    max_results: int = Field(default=5, ge=1, le=20)
    timeout: float = Field(default=10, ge=1, le=60)
    cache_ttl_seconds: float = Field(default=0, ge=0)
    enabled_for_models: list[str] | None = None
    disabled_for_models: list[str] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> ContextRetrieval:
        if self.enabled is True and self.api_key is None:
            raise ValueError("api_key is required when enabled")
        if self.enabled_for_models and self.disabled_for_models:
            raise ValueError("enabled_for_models and disabled_for_models exclude each other")
        return self


class McpServer(_Closed):
    """`mcp_servers.<name>`. timeout: seconds."""

    transport: Literal["stdio", "http", "sse"]
    command: str | None = Field(default=None, min_length=1)
    args: list[str] = Field(default_factory=list)
    env: dict[str, str] = Field(default_factory=dict, repr=False)
    url: HttpUrl | None = None
    auth_type: Literal["none", "bearer", "basic"] = "none"
    auth_value: str | None = Field(default=None, repr=False)
    timeout: float = Field(default=30, gt=0)

    @model_validator(mode="after")
    def _complete(self) -> McpServer:
        if self.transport == "stdio" and not self.command:
            raise ValueError("command is required for transport 'stdio'")
        if self.transport != "stdio" and not self.url:
            raise ValueError(f"url is required for transport '{self.transport}'")
        if self.auth_type != "none" and not self.auth_value:
            raise ValueError(f"auth_value is required for auth_type '{self.auth_type}'")
        return self


class ToolExecution(_Closed):
    """`tool_execution`. timeout_per_tool: seconds."""

    enabled: bool = True
    max_iterations: int = Field(default=10, ge=1)
    timeout_per_tool: float = Field(default=30, gt=0)
    max_results: int = Field(default=5, ge=1)
    supermemory_api_key: str | None = Field(default=None, min_length=1, repr=False)
    supermemory_base_url: HttpUrl = "https://api.supermemory.ai"


class GatewayConfig(_Closed):
    """The whole file. Every section is optional."""

    general_settings: GeneralSettings | None = None
    model_list: list[ModelEntry] = Field(default_factory=list)
    user_id_mappings: UserIdMappings = Field(default_factory=UserIdMappings)
    context_retrieval: ContextRetrieval = Field(default_factory=ContextRetrieval)
    mcp_servers: dict[str, McpServer] = Field(default_factory=dict)
    tool_execution: ToolExecution = Field(default_factory=ToolExecution)
    litellm_settings: dict[str, Any] = Field(default_factory=dict)
    router_settings: dict[str, Any] = Field(default_factory=dict)

    @field_validator("model_list")
    @classmethod
    def _unique_groups(cls, value: list[ModelEntry]) -> list[ModelEntry]:
        seen: set[str] = set()
        for entry in value:
            if entry.model_name in seen:
                raise ValueError(f"model_name '{entry.model_name}' is not unique")
            seen.add(entry.model_name)
        return value

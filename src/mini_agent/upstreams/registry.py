"""Which client answers for a model, and the guard that refuses unknown ones before any network use (GATEWAY 7.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from mini_agent.core.chat import UNLISTED, ModelTarget
from mini_agent.core.errors import ModelNotFound, ProviderNotConfigured
from mini_agent.core.patterns import Pattern
from mini_agent.core.steering import NEVER_ALLOWED
from mini_agent.core.suggest import did_you_mean
from mini_agent.dialects import Dialect
from mini_agent.memory.headers import is_memory_host
from mini_agent.settings import Settings
from mini_agent.settings.providers import AGENT, CODEX, FAST_PATH, LITELLM_ONLY, OWN_DIALECT, PROVIDERS
from mini_agent.settings.references import UnsetReference, resolve_references
from mini_agent.settings.schema import LitellmParams
from mini_agent.settings.yaml_file import problems_of
from mini_agent.upstreams.direct import DIRECT
from mini_agent.upstreams.scripted import is_dummy_model


@dataclass(frozen=True, slots=True)
class _Defaults:
    """What a provider has without an entry.

    base: its address, or the setting that has it. key: the setting that has its key. variable: of the key, where there
    is no access without one.
    """

    base: str
    key: str = ""
    variable: str = ""


_DEFAULTS: Mapping[str, _Defaults] = {
    "openai": _Defaults("https://api.openai.com/v1", "openai_api_key", "OPENAI_API_KEY"),
    "openai_responses": _Defaults("https://api.openai.com/v1", "openai_api_key", "OPENAI_API_KEY"),
    "anthropic": _Defaults("https://api.anthropic.com", "anthropic_api_key", "ANTHROPIC_API_KEY"),
    "chutes": _Defaults("chutes_api_base", "chutes_api_key", "CHUTES_API_KEY"),
    "ollama": _Defaults("ollama_api_base"),
    "ollama_chat": _Defaults("ollama_api_base"),
    "codex-agent": _Defaults("codex_api_base", "codex_api_key"),
    "codex_cli_agent": _Defaults("codex_api_base", "codex_api_key"),
}
_NONE = _Defaults("")
_DIRECT_KEYS = frozenset(kind.client for kind in DIRECT.values())
#: Keys of an entry that this process uses itself, or that only LiteLLM's router understands.
_NOT_PARAMETERS = frozenset(LITELLM_ONLY) | {"allowed_openai_params"}
#: What a request says for itself: as a default it would make every plain answer a stream, or replace the conversation.
_OF_A_REQUEST = frozenset({"messages", "stream", "stream_options"})
#: Options of `mini-agent/` entries (GATEWAY 7.6).
_AGENT_OPTIONS = frozenset(
    ["target_model", "max_iterations", "max_seconds", "tool_backend", "docker_container", "allowed_languages"]
)
#: A client may append features to a model's name, and the date of its version.
_WITH_FEATURES = Pattern(r"[^,]+(?:,[A-Za-z0-9._-]+)+")
_DATE = Pattern(r"-\d{8}$")
#: A name a client sent is not repeated beyond this length.
_NAME_CHARACTERS = 200


class Registry:
    """Resolves model names. First match: dummy model, configured group, known `provider/name`, refusal.

    In forward mode the external process answers for all but dummies and agents; the guard is the same.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._entries = {entry.model_name: (index, entry) for index, entry in enumerate(settings.config.model_list)}
        self._forward = settings.provider_mode == "forward"
        self._unlisted_too = settings.allow_unlisted_models
        self._resolved: dict[str, ModelTarget] = {}

    def resolve(self, model: str, *, configured: bool = False) -> ModelTarget:
        """Find who answers for `model`. configured: whether the operator named it, in an entry or the environment.

        Returns: the target. `provider/name` counts where the operator named it, even if clients may not name it.
        Raises: ModelNotFound with a non-empty model list, ProviderNotConfigured otherwise, or when key or base of the
        model are missing.
        """
        target = self._resolved.get(model)
        if target is not None:
            return target
        name, features = self._without_features(model)
        if self.is_open_dummy(name):
            return ModelTarget(model=model, client="scripted")
        if (group := self._group(name)) is not None:
            target = self._resolved.get(group) or self._configured(group)
            self._resolved[group] = target
            return target if group == model else replace(target, model=model, features=features)
        if (configured or self._unlisted_too) and (found := self._unlisted(name)) is not None:
            return replace(found, model=model, features=features) if features else found
        raise self._refusal(model)

    def external_name(self, model: str) -> str:
        """Returns: the name under which the external process knows a model: its group, else without its features."""
        name, _ = self._without_features(model)
        return self._group(name) or name

    def external_target(self, model: str) -> ModelTarget:
        """Find what is configured for a model of a relayed request. The external process refuses what it does not know.

        Returns: the target, a bare one for a model outside the list. Raises: ProviderNotConfigured.
        """
        name, features = self._without_features(model)
        if self._group(name) is not None:
            return self.resolve(model)
        return ModelTarget(model=model, client="forward", features=features, sends_user_id=self._sends_user_id(None))

    def _without_features(self, model: str) -> tuple[str, tuple[str, ...]]:
        """Take `model,featA,featB` apart. Returns: the model's name and the features."""
        if model in self._entries or not _WITH_FEATURES.fullmatch(model):
            return model, ()
        name, *features = model.split(",")
        return name, tuple(features)

    def _group(self, name: str) -> str | None:
        """Returns: the configured group of this name, with or without the date at the end; None without one."""
        return next((group for group in (name, _DATE.sub("", name)) if group in self._entries), None)

    def is_open_dummy(self, model: str) -> bool:
        """Returns: whether this is a dummy model and scripted answers are allowed."""
        return self._settings.allow_dummy and self._settings.shim_mode != "block" and is_dummy_model(model)

    def _refusal(self, model: str) -> ModelNotFound | ProviderNotConfigured:
        groups, name = list(self._settings.groups), model[:_NAME_CHARACTERS]
        if groups:
            message = (
                f"Model '{name}' not found in configuration. Available models: {groups}{did_you_mean(name, groups)}"
            )
            return ModelNotFound(message, param="model")
        message = f"Model '{name}' cannot be resolved to a provider; configured groups: {groups}"
        return ProviderNotConfigured(f"{message}{did_you_mean(name.partition('/')[0], PROVIDERS)}", param="model")

    def _configured(self, group: str) -> ModelTarget:
        index, entry = self._entries[group]
        key_path = f"model_list.{index}.litellm_params"
        raw = self._settings.models.get(group)
        tree: Any = dict(raw) if raw is not None else entry.litellm_params.model_dump(exclude_unset=True)
        try:
            params = LitellmParams.model_validate(resolve_references(tree, self._settings.environ, key_path))
        except UnsetReference as error:
            raise ProviderNotConfigured(f"Model '{group}' cannot be used: {error}", param="model") from error
        except ValidationError as error:
            text = problems_of(error, f"{key_path}.", LitellmParams)
            raise ProviderNotConfigured(f"Model '{group}' cannot be used: {text}", param="model") from error
        return self._by_mode(self._target(group, group, params, entry.model_info))

    def _by_mode(self, target: ModelTarget) -> ModelTarget:
        """Returns: the target, or in forward mode the one that has the external process answer for it.

        That process reads the same file: it knows the group by its name, and adds key, headers and defaults itself.
        """
        if not self._forward or target.provider == AGENT:
            return target
        name = target.model if target.group == UNLISTED else target.group
        return replace(target, client="forward", name=name, api_key=None, extra_headers={}, defaults={})

    def _target(self, model: str, group: str, params: LitellmParams, info: Mapping[str, Any]) -> ModelTarget:
        provider, name = _split(params)
        extras = params.extras()
        others = _NOT_PARAMETERS | _AGENT_OPTIONS | _OF_A_REQUEST
        defaults = {key: value for key, value in extras.items() if key not in others}
        if params.thinking is not None:
            defaults["thinking"] = params.thinking.model_dump(exclude_none=True)
        allowed = extras.get("allowed_openai_params") or ()
        api_base = (params.api_base or self._default_base(provider) or "").rstrip("/") or None
        return ModelTarget(
            model=model,
            group=group,
            **_access(provider, info),
            provider=provider,
            name=name,
            api_base=api_base,
            api_key=params.api_key or self._default_key(provider),
            extra_headers=dict(params.extra_headers),
            defaults=defaults,
            allowed=frozenset(str(word) for word in allowed) - NEVER_ALLOWED,
            dropped=frozenset(str(word) for word in extras.get("additional_drop_params") or ()),
            timeout_s=params.timeout,
            stream_timeout_s=params.stream_timeout,
            max_retries=params.max_retries,
            options={key: value for key, value in extras.items() if key in _AGENT_OPTIONS or key in LITELLM_ONLY},
            **self._memory(api_base),
        )

    def _unlisted(self, model: str) -> ModelTarget | None:
        provider, slash, name = model.partition("/")
        if model == AGENT:
            return ModelTarget(model=model, client="mini_agent", provider=AGENT)
        if not slash or not name.strip() or provider not in PROVIDERS:
            return None
        target = ModelTarget(
            model=model,
            **_access(provider, {}),
            provider=provider,
            name=name,
            api_base=self._default_base(provider),
            api_key=self._default_key(provider),
            **self._memory(self._default_base(provider)),
        )
        if target.client in _DIRECT_KEYS and not self._forward:
            self._require_access(target)
        return self._by_mode(target)

    def _memory(self, api_base: str | None) -> dict[str, Any]:
        """Returns: what a target at this address knows of memory, and of the user."""
        facts = {"sends_user_id": self._sends_user_id(api_base)}
        if not is_memory_host(api_base, self._settings.memory_hosts):
            return facts
        return facts | {"memory_host": True, "memory_key": self._settings.supermemory_api_key}

    def _sends_user_id(self, api_base: str | None) -> bool:
        """Returns: whether whoever is at this address, None for an unknown one, is facts whose request it is."""
        to = self._settings.forward_user
        if to == "all":
            return True
        if to == "memory":
            return is_memory_host(api_base, self._settings.memory_hosts)
        # In forward mode the external process is facts with the provider, or nobody is.
        through = self._settings.forward_url if self._forward else None
        return is_memory_host(api_base, to) or is_memory_host(through, to)

    def _require_access(self, target: ModelTarget) -> None:
        variable = _DEFAULTS.get(target.provider, _NONE).variable
        if target.api_base is None:
            raise ProviderNotConfigured(
                f"Model '{target.model[:_NAME_CHARACTERS]}' has no api_base: list it in model_list", param="model"
            )
        if target.api_key is None and variable:
            raise ProviderNotConfigured(
                f"Model '{target.model[:_NAME_CHARACTERS]}' needs {variable}, which is not set", param="model"
            )

    def _default_base(self, provider: str) -> str | None:
        base = _DEFAULTS.get(provider, _NONE).base
        return base if "://" in base else getattr(self._settings, base, None)

    def _default_key(self, provider: str) -> str | None:
        return getattr(self._settings, _DEFAULTS.get(provider, _NONE).key, None)


def client_of(provider: str, transport: object, dialect: object = None) -> tuple[str, Dialect]:
    """Find who asks a provider.

    transport, dialect: what the entry says, `http` or `sdk` and the name of a dialect; None for nothing.
    Returns: the key of the model client, and the dialect that it speaks.
    """
    if provider == AGENT:
        return "mini_agent", Dialect.CHAT
    if provider in CODEX:
        return "codex_agent", Dialect.CHAT
    known = dialect or OWN_DIALECT.get(provider)
    if transport != "sdk" and (known or transport == "http" or provider in FAST_PATH):
        spoken = Dialect(str(known or Dialect.CHAT))
        return DIRECT[spoken].client, spoken
    return "litellm_sdk", Dialect.CHAT


def _access(provider: str, info: Mapping[str, Any]) -> dict[str, Any]:
    client, dialect = client_of(provider, info.get("transport"), info.get("dialect"))
    return {"client": client, "dialect": str(dialect)}


def _split(params: LitellmParams) -> tuple[str, str]:
    provider, _, name = params.model.partition("/")
    if params.custom_llm_provider and params.custom_llm_provider != provider:
        return params.custom_llm_provider, params.model
    return provider, name

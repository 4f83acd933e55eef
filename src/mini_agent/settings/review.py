"""What a valid file says and the gateway does not do: reported at start, by name (GATEWAY 3).

The file is shared with LiteLLM, whose settings are many. In forward mode they are its business. In sdk mode nobody
reads them, and whoever wrote them down believes that they hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mini_agent.core.suggest import did_you_mean
from mini_agent.settings.providers import LITELLM_ONLY, PROVIDERS
from mini_agent.settings.references import is_reference
from mini_agent.settings.schema import GatewayConfig, GeneralSettings, LitellmParams, ModelEntry

#: What the gateway itself reads where settings of LiteLLM stand.
_OURS = (*GeneralSettings.model_fields, *LitellmParams.model_fields)
_HONOURED = frozenset({"drop_params"})
#: Settings that keep somebody out, or spending low: without them the gateway would do what the file forbids.
_LIMITS = frozenset(
    """
    admin_only_routes allowed_ips allowed_routes banned_keywords_list blocked_user_list budget_duration custom_auth
    default_max_internal_user_budget enable_jwt_auth enable_oauth2_auth enable_oauth2_proxy_auth enforce_user_param
    enforced_params global_max_parallel_requests guardrails max_budget max_end_user_budget max_internal_user_budget
    max_parallel_requests max_request_size_mb max_response_size_mb max_user_budget mock_response
    upperbound_key_generate_params
    """.split()
)


@dataclass(frozen=True)
class Review:
    """One line each. errors: what the gateway cannot do without; warnings: what is ignored and harmless so."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def review(config: GatewayConfig, mode: str) -> Review:
    """Look for settings that nobody reads, and for providers that nobody has. mode: `sdk` or `forward`.

    Returns: what was found, in the order of the file.
    """
    unknown = tuple(_unknown_providers(config))
    if mode == "forward":
        return Review(warnings=unknown)  # The external process may have providers of its own.
    ignored = list(_ignored(config))
    lost = [
        f"{path}: the gateway has no such limit and would do what the file forbids; take it out, or use forward mode"
        for path in ignored
        if _leaf(path) in _LIMITS
    ]
    harmless = [
        f"{path}: ignored, it is a setting of LiteLLM{did_you_mean(_leaf(path), _OURS, 0.9)}"
        for path in ignored
        if _leaf(path) not in _LIMITS
    ]
    return Review((*unknown, *lost), (*harmless, *_mistyped(config)))


def _ignored(config: GatewayConfig) -> Iterator[str]:
    """Yield the key path of every setting that nobody reads."""
    for name in config.general_settings.model_extra or () if config.general_settings else ():
        yield f"general_settings.{name}"
    for name in config.litellm_settings:
        if name not in _HONOURED:
            yield f"litellm_settings.{name}"
    for name in config.router_settings:
        yield f"router_settings.{name}"
    for index, entry in enumerate(config.model_list):
        # An agent's entry has options of its own, some by the same name.
        for name in entry.litellm_params.extras() if _provider(entry) != "mini-agent" else ():
            if name in LITELLM_ONLY:
                yield f"model_list.{index}.litellm_params.{name}"


def _mistyped(config: GatewayConfig) -> Iterator[str]:
    """Yield each key that goes on as a parameter of the model, and is nearly one of ours."""
    for index, entry in enumerate(config.model_list):
        for name in entry.litellm_params.extras() if _provider(entry) != "mini-agent" else ():
            hint = "" if name in LITELLM_ONLY else did_you_mean(name, LitellmParams.model_fields, 0.85)
            if hint:
                yield f"model_list.{index}.litellm_params.{name}: sent to the model as it is{hint}"


def _unknown_providers(config: GatewayConfig) -> Iterator[str]:
    for index, entry in enumerate(config.model_list):
        provider = _provider(entry)
        # A model from the environment is looked up when it is asked for.
        referred = is_reference(entry.litellm_params.custom_llm_provider or entry.litellm_params.model)
        if referred or provider in PROVIDERS or entry.model_info.get("transport") == "http":
            continue
        hint = did_you_mean(provider, PROVIDERS)
        yield f"model_list.{index}.litellm_params.model: nobody has a provider '{provider}'{hint}"


def _provider(entry: ModelEntry) -> str:
    return entry.litellm_params.custom_llm_provider or entry.litellm_params.model.partition("/")[0]


def _leaf(path: str) -> str:
    return path.rpartition(".")[2]

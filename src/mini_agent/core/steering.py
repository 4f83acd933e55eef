"""Names by which a request would decide what belongs to the operator: address, key, headers, provider, price, log.

LiteLLM has a list of its own, which its proxy checks and its SDK does not. It is honoured here, in every form in which
LiteLLM would read it: at the top, inside of the containers that it spreads into a call or hands to its callbacks, as
JSON within a string, and in the bracket notation of forms.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from mini_agent.core.errors import InvalidParameter

#: Body fields that no `allowed_openai_params` can open to clients (GATEWAY 7.3).
NEVER_ALLOWED = frozenset(
    "api_base base_url api_key extra_headers custom_llm_provider timeout max_retries litellm_params".split()
)
#: What LiteLLM obeys and does not forbid.
_STEERING = NEVER_ALLOWED | frozenset(
    """headers user_config model_list litellm_credential_name provider_specific_header fallbacks
    context_window_fallbacks content_policy_fallbacks router_settings_override base_model model_info mock_response
    mock_tool_calls""".split()
)
#: LiteLLM 1.106.2: `_BANNED_REQUEST_BODY_PARAMS` of proxy/auth/auth_utils.py with what is built into it, and the
#: `server_owned_wif_litellm_params` of types/router.py. Prices are known by their words, see `_is_price`.
_OF_LITELLM = frozenset(
    """agentcore_runtime_session_id anthropic-workspace-id anthropic_workspace_id api_base aws_bedrock_project_id
    aws_bedrock_runtime_endpoint aws_external_id aws_profile_name aws_role_name aws_session_name aws_session_tags
    aws_sts_endpoint aws_web_identity_token aws_workspace_id azure_ad_token base_url bedrock_tags deployment_url
    fireworks_forward_user_id model_list nvcf_function_id rust s3_endpoint_url sagemaker_base_url use_ssl user_config
    vertex_ai_credentials vertex_credentials workspace_id
    arize_api_key arize_error_sampling_rate arize_space_id arize_space_key arize_success_sampling_rate
    braintrust_api_key braintrust_host braintrust_project dd_agent_host dd_agent_port dd_api_key dd_site
    gcs_bucket_name gcs_path_service_account humanloop_api_key langfuse_environment langfuse_host langfuse_public_key
    langfuse_secret langfuse_secret_key langsmith_api_key langsmith_base_url langsmith_project langsmith_tenant_id
    lunary_public_key newrelic_api_key newrelic_region posthog_api_key posthog_api_url posthog_host
    signoz_ingestion_endpoint signoz_ingestion_key slack_webhook_url turn_off_message_logging
    user_api_key_auth_metadata wandb_api_key weave_project_id
    anthropic_disable_workload_identity_federation anthropic_federation_rule_id anthropic_federation_workspace_id
    anthropic_identity_source anthropic_identity_token anthropic_identity_token_file anthropic_issuer_audience
    anthropic_issuer_signing_key_ref anthropic_issuer_subject anthropic_issuer_ttl_seconds anthropic_issuer_url
    anthropic_keycloak_auth_method anthropic_keycloak_client_id anthropic_keycloak_client_secret_ref
    anthropic_keycloak_scope anthropic_keycloak_token_url anthropic_organization_id anthropic_service_account_id
    openai_identity_provider_id openai_identity_token_file openai_service_account_id
    output_vector_size regional_endpoint_uplift_multiplier regional_processing_uplift_multiplier_eu
    regional_processing_uplift_multiplier_us tiered_pricing""".split()
)
_PRICE_WORDS = ("cost_per_", "token_cost")
#: Containers whose fields LiteLLM spreads into a call: there every name counts. In metadata, which is the client's
#: own, LiteLLM's list counts.
_SPREAD = frozenset({"extra_body", "litellm_embedding_config", "litellm_params", "optional_params"})
_METADATA = frozenset({"metadata", "litellm_metadata"})
#: Nobody nests configuration deeper; looking further would cost more than refusing.
_DEEPEST = 32

_Steers = Callable[[str], bool]


def parameter_steers(name: str) -> bool:
    """Returns: whether a field of a request, or of a container that is spread into a call, steers LiteLLM."""
    return name in _STEERING or metadata_steers(name)


def metadata_steers(name: str) -> bool:
    """Returns: whether LiteLLM's own list forbids clients this name, which it looks for in metadata, too."""
    return name in _OF_LITELLM or any(word in name for word in _PRICE_WORDS)


def without_steering(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Take the steering parameters out of the fields of a request.

    Returns: what is left, equal to `fields` if there were none; containers are cleaned at any depth, in JSON text too,
        and one that held nothing else is gone: a provider would take it for a parameter.
    Raises: InvalidParameter for a container that is nested too deeply to be searched.
    """
    kept = {name: cleaned(name, value) for name, value in fields.items() if not parameter_steers(name)}
    return {name: value for name, value in kept.items() if value or not held_orders_only(name, fields[name])}


def held_orders_only(name: str, value: Any) -> bool:
    """Returns: whether a field of which nothing was left is to go: an empty container that was sent so stays."""
    return name in _SPREAD and bool(value)


def cleaned(name: str, value: Any) -> Any:
    """Take the steering parameters out of one field of a request that may be there.

    Returns: the value, of a container what is left. Raises: InvalidParameter as `without_steering`.
    """
    inner = _inside(name)
    return value if inner is None else _cleaned(value, inner, 0)


def may_hide(name: str) -> bool:
    """Returns: whether a field of this name may hold names that steer."""
    return _inside(name) is not None


def field_steers(name: str, value: str) -> bool:
    """Tell whether a field of a form or a query steers, or hides what does.

    name: with the brackets that say where in a container it stands. value: its text, which may be JSON.
    Raises: InvalidParameter as `without_steering`.
    """
    base, *places = (part.strip("]") for part in name.split("["))
    if parameter_steers(base):
        return True
    inner = _inside(base)
    return inner is not None and (any(map(inner, places)) or _cleaned(value, inner, 0) != value)


def _inside(container: str) -> _Steers | None:
    if container in _SPREAD:
        return parameter_steers
    return metadata_steers if container in _METADATA else None


def _cleaned(value: Any, steers: _Steers, depth: int) -> Any:
    if depth > _DEEPEST:
        raise _too_deep()
    if isinstance(value, Mapping):
        return {name: _cleaned(item, steers, depth + 1) for name, item in value.items() if not steers(name)}
    if isinstance(value, list):
        return [_cleaned(item, steers, depth + 1) for item in value]
    return _cleaned_text(value, steers, depth) if isinstance(value, str) else value


def _cleaned_text(text: str, steers: _Steers, depth: int) -> str:
    """Returns: the text itself, or where it is JSON with steering parameters the JSON without them."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        # As leniently as LiteLLM reads it: a stricter reader would overlook what stands beside a NaN.
        value = json.loads(text)
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError:
        return text
    kept = _cleaned(value, steers, depth + 1)
    return text if kept == value else json.dumps(kept)


def _too_deep() -> InvalidParameter:
    return InvalidParameter("A container of parameters is nested too deeply", param="body")

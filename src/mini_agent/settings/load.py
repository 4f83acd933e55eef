"""From flags, environment and file to one record. Precedence: flag, environment, YAML, default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mini_agent.core.errors import ConfigError
from mini_agent.settings.environment import read_variables
from mini_agent.settings.record import Settings
from mini_agent.settings.review import review
from mini_agent.settings.schema import GatewayConfig, GeneralSettings
from mini_agent.settings.yaml_file import config_path, read_yaml, resolve_start_references, validate

#: What is read besides the options of `Settings`, and what it means.
OTHER_VARIABLES: Mapping[tuple[str, ...], str] = {
    ("MINI_AGENT_CONFIG", "LITELLM_CONFIG_PATH"): "the YAML file; `./mini_agent.yaml` is taken when it is there",
    ("USE_SDK_PROXY",): "LiteLLM's own name for the mode: yes is `sdk`, anything else `forward`",
}
_CODEX = ("CODEX_AGENT_", "LITELLM_ENABLE_CODEX")


def load_settings(
    environ: Mapping[str, str],
    flags: Mapping[str, Any] | None = None,
    *,
    config: str | None = None,
    folder: Path | None = None,
) -> Settings:
    """Read all settings once.

    environ: the environment. flags: option values from the command line, None meaning not given.
    config: the `--config` path. folder: where `./mini_agent.yaml` is looked for, the current folder by default.
    Returns: the record.
    Raises: ConfigError with every malformed option or every finding in the file; ConfigFileNotFound; UnsetReference.
    """
    path = config_path(config, environ, folder if folder is not None else Path.cwd())
    raw = read_yaml(path) if path is not None else {}
    validate(raw)  # Before references resolve: a finding in the file comes before an unset variable.
    file = validate(resolve_start_references(raw, environ)) if raw else GatewayConfig()
    values, sources = _merged(file, environ, flags or {})
    reviewed = review(file, values["provider_mode"])
    if reviewed.errors:
        raise ConfigError("\n".join(reviewed.errors))
    if values.get("forward_key") is None:
        values["forward_key"] = values.get("master_key")
    raw_entries = raw.get("model_list") or []
    models = {entry["model_name"]: entry["litellm_params"] for entry in raw_entries}
    return Settings(
        **values,
        config=file,
        models=models,
        environ=dict(environ),
        sources=sources,
        ignored=reviewed.warnings,
        config_file=None if path is None else str(path),
    )


def codex_settings(environ: Mapping[str, str]) -> Settings:
    """Read the codex variables alone, for a process that is no gateway and whose file, if any, is not ours.

    Raises: ConfigError.
    """
    return Settings(**_from_environment({name: environ[name] for name in environ if name.startswith(_CODEX)}))


def _merged(
    file: GatewayConfig, environ: Mapping[str, str], flags: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns: the options that somebody has set, and where each comes from. Raises: ConfigError."""
    values, sources = _from_yaml(file)
    for source, found in (
        ("environment", _from_environment(environ)),
        ("flag", {name: value for name, value in flags.items() if value is not None}),
    ):
        values.update(found)
        sources.update(dict.fromkeys(found, source))
    values["provider_mode"] = mode_of(values)
    return values, sources


def mode_of(values: Mapping[str, Any]) -> str:
    """Returns: `sdk` or `forward`, from options by name."""
    return "forward" if values.get("provider_mode") in ("forward", "binary") else "sdk"


def mode_of_file(file: GatewayConfig, environ: Mapping[str, str]) -> str:
    """Returns: the mode of a gateway with this file and environment. Raises: ConfigError."""
    return mode_of({**_from_yaml(file)[0], **_from_environment(environ)})


def _from_yaml(file: GatewayConfig) -> tuple[dict[str, Any], dict[str, str]]:
    general: GeneralSettings | None = file.general_settings
    if general is None:
        return {}, {}
    found: dict[str, Any] = {"master_key": general.master_key}
    for name in ("provider_mode", "forward_url"):
        if (value := getattr(general, name)) is not None:
            found[name] = value
    return found, dict.fromkeys(found, "yaml")


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found = read_variables(Settings, environ)
    proxy = environ.get("USE_SDK_PROXY", "").strip().lower()
    if "provider_mode" not in found and proxy:
        found["provider_mode"] = "sdk" if proxy in ("true", "1", "yes") else "forward"
    return found

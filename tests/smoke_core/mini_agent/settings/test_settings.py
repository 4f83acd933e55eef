"""Where settings come from, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mini_agent.core.errors import ConfigError, ConfigFileNotFound
from mini_agent.settings import Settings, load_settings

ENTRY = {"model_name": "g", "litellm_params": {"model": "openai/x", "api_key": "k-very-secret"}}


def load(folder: Path, root: Any = None, environ: dict[str, str] | None = None, **flags: Any) -> Settings:
    """Returns: settings from this root, environment and flags."""
    arguments: dict[str, Any] = {"folder": folder}
    if root is not None:
        path = folder / "given.yaml"
        path.write_text(root if isinstance(root, str) else json.dumps(root), encoding="utf-8")
        arguments["config"] = str(path)
    return load_settings(environ or {}, flags, **arguments)


def test_defaults_without_anything(tmp_path: Path) -> None:
    """No file, no environment: loopback, port 8788, SDK mode, no key."""
    settings = load(tmp_path)
    assert (settings.host, settings.port, settings.provider_mode) == ("127.0.0.1", 8788, "sdk")
    assert settings.master_key is None
    assert settings.allow_unlisted_models is True


def test_flag_beats_environment_beats_yaml_beats_default(tmp_path: Path) -> None:
    """Each source is used when the stronger ones are silent, and is remembered."""
    root = {"general_settings": {"master_key": "yaml-key"}}
    environ = {"MINI_AGENT_MASTER_KEY": "env-key", "MINI_AGENT_API_PORT": "1111"}
    assert load(tmp_path, root).master_key == "yaml-key"
    settings = load(tmp_path, root, environ, port=2222)
    assert (settings.master_key, settings.port) == ("env-key", 2222)
    assert (settings.sources["master_key"], settings.sources["port"]) == ("environment", "flag")


def test_config_file_is_looked_for_in_order(tmp_path: Path) -> None:
    """Flag, `MINI_AGENT_CONFIG`, `LITELLM_CONFIG_PATH`, then `./mini_agent.yaml`."""
    paths = {}
    for name in ("flag", "mini", "litellm", "mini_agent"):
        paths[name] = tmp_path / f"{name}.yaml"
        paths[name].write_text(json.dumps({"model_list": [{**ENTRY, "model_name": name}]}), encoding="utf-8")
    both = {"MINI_AGENT_CONFIG": str(paths["mini"]), "LITELLM_CONFIG_PATH": str(paths["litellm"])}
    assert load_settings(both, config=str(paths["flag"]), folder=tmp_path).groups == ("flag",)
    assert load_settings(both, folder=tmp_path).groups == ("mini",)
    assert load_settings({"LITELLM_CONFIG_PATH": str(paths["litellm"])}, folder=tmp_path).groups == ("litellm",)
    assert load_settings({}, folder=tmp_path).groups == ("mini_agent",)


@pytest.mark.parametrize("text", ["1", "true", "YES", "On"])
def test_booleans_accept_the_usual_words(tmp_path: Path, text: str) -> None:
    """1, true, yes and on count in any casing; anything else is no."""
    assert load(tmp_path, environ={"MINI_AGENT_ALLOW_DUMMY": text}).allow_dummy is True
    assert load(tmp_path, environ={"MINI_AGENT_ALLOW_DUMMY": "0"}).allow_dummy is False


@pytest.mark.parametrize(
    ("environ", "mode"),
    [
        ({}, "sdk"),
        ({"MINI_AGENT_PROVIDER_MODE": "binary"}, "forward"),
        ({"MINI_AGENT_PROVIDER_MODE": "FORWARD"}, "forward"),
        ({"USE_SDK_PROXY": "yes"}, "sdk"),
        ({"USE_SDK_PROXY": "no"}, "forward"),
        ({"USE_SDK_PROXY": "on"}, "forward"),
        ({"MINI_AGENT_PROVIDER_MODE": "sdk", "USE_SDK_PROXY": "no"}, "sdk"),
    ],
)
def test_provider_mode(tmp_path: Path, environ: dict[str, str], mode: str) -> None:
    """The explicit variable decides, else `USE_SDK_PROXY`; `binary` is `forward`."""
    assert load(tmp_path, environ=environ).provider_mode == mode


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MINI_AGENT_API_PORT", "80a"),
        ("MINI_AGENT_API_PORT", "70000"),
        ("MINI_AGENT_OPENAI_SHIM_DELAY_MS", "-1"),
        ("MINI_AGENT_OPENAI_SHIM_DELAY_MS", "nan"),
        ("MINI_AGENT_OPENAI_SHIM_MODE", "loud"),
        ("MINI_AGENT_PROVIDER_MODE", "magic"),
        ("MINI_AGENT_LOG_LEVEL", "chatty"),
        ("MINI_AGENT_MAX_BODY_BYTES", "0"),
        ("LITELLM_MINI_AGENT_LANGUAGES", "python,cobol"),
        ("MINI_AGENT_FORWARD_URL", "ftp://x"),
    ],
)
def test_malformed_values_are_named(tmp_path: Path, name: str, value: str) -> None:
    """A malformed number or unknown word is a configuration error that names its variable."""
    with pytest.raises(ConfigError, match=f"^{name}: "):
        load(tmp_path, environ={name: value})


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ("", "Config file is empty"),
        ("# only a comment\n", "Config file is empty"),
        ("- a\n", "config root must be a mapping, got list"),
        ("text", "config root must be a mapping, got str"),
        ("a: [", "config file is not valid YAML at line 1"),
    ],
)
def test_files_that_cannot_be_read_as_configuration(tmp_path: Path, root: str, message: str) -> None:
    """Each way of being no configuration has its sentence."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, root)
    assert str(caught.value).startswith(message)


def test_missing_file_is_a_file_not_found_error_too(tmp_path: Path) -> None:
    """The library raises what Python programmers expect, with the contract's text."""
    with pytest.raises(FileNotFoundError) as caught:
        load_settings({}, config=str(tmp_path / "no.yaml"))
    assert isinstance(caught.value, ConfigFileNotFound)
    assert str(caught.value) == f"config file not found: {tmp_path / 'no.yaml'}"


def _entry(**params: Any) -> dict[str, Any]:
    return {"model_list": [{"model_name": "g", "litellm_params": {**ENTRY["litellm_params"], **params}}]}  # type: ignore[dict-item]


def _patterns(*items: dict[str, str]) -> dict[str, Any]:
    base = {"header": "a", "pattern": "x", "user_id": "u"}
    return {"user_id_mappings": {"header_patterns": [{**base, **item} for item in items]}}


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ({"surprise": 1}, "surprise"),
        ({"tool_execution": {"surprise": 1}}, "tool_execution.surprise"),
        ({"mcp_servers": {"a": {"transport": "stdio"}}}, "mcp_servers.a"),
        ({"mcp_servers": {"a": {"transport": "http", "url": "ftp://x"}}}, "mcp_servers.a.url"),
        ({"general_settings": {}}, "general_settings.master_key"),
        ({"model_list": [{**ENTRY, "model_name": ""}]}, "model_list.0.model_name"),
        ({"model_list": [ENTRY, ENTRY]}, "model_list"),
        ({"model_list": [{"model_name": "g", "litellm_params": {"model": "openai/x"}}]}, "model_list.0.litellm_params"),
        (_entry(model="x"), "model_list.0.litellm_params.model"),
        (_entry(model="/x"), "model_list.0.litellm_params.model"),
        (_entry(model="openai/"), "model_list.0.litellm_params.model"),
        (_entry(api_base="localhost"), "model_list.0.litellm_params.api_base"),
        (_entry(timeout=0.05), "model_list.0.litellm_params.timeout"),
        (_entry(max_retries=-1), "model_list.0.litellm_params.max_retries"),
        (_entry(thinking={"type": "maybe"}), "model_list.0.litellm_params.thinking.type"),
        (
            _entry(thinking={"type": "enabled", "budget_tokens": 0}),
            "model_list.0.litellm_params.thinking.budget_tokens",
        ),
        (_patterns({"pattern": "("}), "user_id_mappings.header_patterns.0.pattern"),
        (_patterns({"user_id": "u v"}), "user_id_mappings.header_patterns.0.user_id"),
        (_patterns({"header": "A"}, {"header": "a"}), "user_id_mappings.header_patterns"),
        ({"context_retrieval": {"enabled": True}}, "context_retrieval"),
        ({"context_retrieval": {"max_results": 21}}, "context_retrieval.max_results"),
        ({"context_retrieval": {"enabled_for_models": ["a"], "disabled_for_models": ["b"]}}, "context_retrieval"),
    ],
)
def test_schema_violations_name_their_key_path(tmp_path: Path, root: Any, path: str) -> None:
    """Every violation is `<key path>: <reason>`."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, root)
    assert str(caught.value).startswith(f"{path}: ")


def test_all_violations_are_reported_together_without_secrets(tmp_path: Path) -> None:
    """Two findings, two lines; the values of secret fields are in neither."""
    root = {
        "model_list": [{"model_name": "g", "litellm_params": {"model": 5, "api_key": ["k-very-secret"]}}],
        "tool_execution": {"max_iterations": "many"},
    }
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, root)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "k-very-secret" not in str(caught.value)


def test_references_outside_models_resolve_at_start(tmp_path: Path) -> None:
    """A master key by reference is read from the environment; unset, it names variable and key path."""
    root = {"general_settings": {"master_key": "os.environ/MK"}}
    assert load(tmp_path, root, {"MK": "secret"}).master_key == "secret"
    expected = r"^environment variable 'MK' is not set \(referenced by general_settings.master_key\)$"
    with pytest.raises(ConfigError, match=expected):
        load(tmp_path, root)


def test_references_keep_the_type_of_their_field(tmp_path: Path) -> None:
    """A number by reference is a number once resolved, and wrong numbers are refused."""
    root = {"tool_execution": {"max_iterations": "os.environ/N"}}
    assert load(tmp_path, root, {"N": "7"}).config.tool_execution.max_iterations == 7
    with pytest.raises(ConfigError, match=r"^tool_execution\.max_iterations: "):
        load(tmp_path, root, {"N": "seven"})


def test_loading_changes_no_environment(tmp_path: Path) -> None:
    """The environment is read, never written."""
    environ = {"MK": "secret"}
    load(tmp_path, {"general_settings": {"master_key": "os.environ/MK"}}, environ)
    assert environ == {"MK": "secret"}


def test_secrets_are_not_in_the_representation(tmp_path: Path) -> None:
    """Printing settings shows no key."""
    settings = load(tmp_path, {"model_list": [ENTRY]}, {"MINI_AGENT_MASTER_KEY": "mk-hidden", "OTHER": "env-hidden"})
    assert "hidden" not in repr(settings)
    assert "k-very-secret" not in repr(settings)
    assert {"mk-hidden", "k-very-secret"} <= set(settings.secrets())


def test_credentials_in_default_tool_headers_are_known(tmp_path: Path) -> None:
    """The values of sensitive tool headers are redacted wherever they turn up; references are no secrets."""
    headers = json.dumps({"Authorization": "Bearer tool-key-1", "X-Plain": "visible"})
    root = {"model_list": [{**ENTRY, "litellm_params": {"model": "openai/x", "api_key": "os.environ/K"}}]}
    secrets = set(load(tmp_path, root, {"MINI_AGENT_TOOL_HTTP_HEADERS": headers}).secrets())
    assert "tool-key-1" in secrets
    assert not {"visible", "os.environ/K"} & secrets


def test_open_sections_accept_what_litellm_understands(tmp_path: Path) -> None:
    """One file serves the gateway and the external process."""
    root = {"litellm_settings": {"drop_params": True, "x": 1}, "router_settings": {"y": 2}}
    assert load(tmp_path, root).config.litellm_settings["drop_params"] is True


def test_allow_unlisted_follows_the_list_unless_set(tmp_path: Path) -> None:
    """A model list closes the door to others; `allow_unlisted_models` opens it again."""
    assert load(tmp_path, {"model_list": [ENTRY]}).allow_unlisted_models is False
    opened = {"model_list": [ENTRY], "general_settings": {"master_key": "k", "allow_unlisted_models": True}}
    assert load(tmp_path, opened).allow_unlisted_models is True

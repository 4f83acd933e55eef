"""Reading and validating the YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from mini_agent.core.errors import ConfigError, ConfigFileNotFound
from mini_agent.core.suggest import did_you_mean
from mini_agent.settings.references import resolve_references
from mini_agent.settings.schema import GatewayConfig


class _UniqueKeys(yaml.constructor.SafeConstructor):
    """Refuses a key that stands twice in one mapping: the parser would keep the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Returns: the mapping. Raises: yaml.constructor.ConstructorError at a key that was there before."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    problem=f"the key '{key.value}' stands here twice", problem_mark=key.start_mark
                )
            seen.add(key.value if isinstance(key.value, str) else "")
        return super().construct_mapping(node, deep)


class _Loader(_UniqueKeys, yaml.SafeLoader):
    """Tells best what is wrong, and where."""


class _Fast(_UniqueKeys, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # It is one of the two.
    """Reads by the same rules ten times as fast, with the parser of libyaml, where PyYAML has it."""


def config_path(flag: str | None, environ: Mapping[str, str], folder: Path) -> Path | None:
    """Find the configuration file.

    flag: the `--config` value; environ: the environment; folder: where `./mini_agent.yaml` is looked for.
    Returns: the path named by flag, `MINI_AGENT_CONFIG` or `LITELLM_CONFIG_PATH`, else the file of the folder, else
    None.
    """
    named = flag or environ.get("MINI_AGENT_CONFIG") or environ.get("LITELLM_CONFIG_PATH")
    if named:
        return Path(named)
    default = folder / "mini_agent.yaml"
    return default if default.is_file() else None


def read_yaml(path: Path) -> dict[str, Any]:
    """Read the file.

    Returns: its root mapping.
    Raises: ConfigFileNotFound; ConfigError when it is empty, not YAML, unreadable or not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigFileNotFound(str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"config file cannot be read: {path}: {type(error).__name__}") from error
    try:
        root = _parsed(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"config file is not valid YAML{where}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"config file is not valid YAML: {type(error).__name__}") from error
    if root is None:
        raise ConfigError("Config file is empty")
    if not isinstance(root, dict):
        raise ConfigError(f"config root must be a mapping, got {type(root).__name__}")
    return root


def _parsed(text: str) -> Any:
    """Returns: what a YAML text says. Raises: yaml.YAMLError, in the words of the parser that has the better ones."""
    try:
        return yaml.load(text, _Fast)
    except yaml.YAMLError:
        return yaml.load(text, _Loader)


def problems_of(error: ValidationError, prefix: str = "", root: type[BaseModel] = GatewayConfig) -> str:
    """Say what is wrong. root: the section that was validated, whose keys are proposed for unknown ones.

    Returns: one `<key path>: <reason>` line per finding, without any value from the file.
    """
    lines = []
    for finding in error.errors(include_url=False, include_input=False, include_context=False):
        path = ".".join(str(part) for part in finding["loc"])
        reason = finding["msg"].removeprefix("Value error, ")
        if finding["type"] == "extra_forbidden":
            reason = f"unknown key{did_you_mean(str(finding['loc'][-1]), _keys_at(root, finding['loc'][:-1]))}"
        lines.append(f"{prefix}{path or 'config'}: {reason}" if not prefix or path else f"{prefix[:-1]}: {reason}")
    return "\n".join(lines)


def _keys_at(kind: Any, place: Sequence[str | int]) -> list[str]:
    """Returns: the keys that a section has at a place below another; none where the place is no section."""
    section = _section(kind)
    if section is None:
        return []
    below = [index for index, part in enumerate(place) if part in section.model_fields]
    if below:
        return _keys_at(section.model_fields[str(place[below[0]])].annotation, place[below[0] + 1 :])
    return [field.alias or name for name, field in section.model_fields.items()]


def _section(kind: Any) -> type[BaseModel] | None:
    """Returns: the section that a type is, or holds as a list, a mapping or one of several; None without one."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for part in get_args(kind) if (found := _section(part)) is not None), None)


def validate(root: Mapping[str, Any]) -> GatewayConfig:
    """Validate a root mapping; unresolved references pass.

    Returns: the typed file.
    Raises: ConfigError with every finding, one per line.
    """
    try:
        return GatewayConfig.model_validate(dict(root))
    except ValidationError as error:
        raise ConfigError(problems_of(error)) from error


def resolve_start_references(root: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Resolve the references that must hold at start: all but those of model entries.

    Returns: a copy of the root.
    Raises: UnsetReference.
    """
    return {
        key: value if key == "model_list" else resolve_references(value, environ, str(key))
        for key, value in root.items()
    }

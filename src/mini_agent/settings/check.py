"""`mini-agent config check`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mini_agent.core.errors import ConfigError
from mini_agent.settings.load import mode_of_file
from mini_agent.settings.references import find_references, resolve_references
from mini_agent.settings.review import review
from mini_agent.settings.yaml_file import config_path, read_yaml, validate


def check_config(
    config: str | None,
    environ: Mapping[str, str],
    *,
    resolve: bool = False,
    group: str | None = None,
    folder: Path | None = None,
) -> str:
    """Validate the file that `serve` would use.

    config: the `--config` path. resolve: whether every reference must resolve too. group: a group that must exist.
    Returns: one line that says what was checked, and one for each setting that is ignored.
    Raises: ConfigError with all findings.
    """
    path = config_path(config, environ, folder if folder is not None else Path.cwd())
    if path is None:
        raise ConfigError("no config file: pass --config, set MINI_AGENT_CONFIG, or create mini_agent.yaml")
    root = read_yaml(path)
    file = validate(root)
    if resolve:
        unset = [
            f"environment variable '{name}' is not set (referenced by {key_path})"
            for key_path, name in find_references(root, "")
            if not environ.get(name)
        ]
        if unset:
            raise ConfigError("\n".join(unset))
        resolved = resolve_references(root, environ)
        file = validate(resolved if isinstance(resolved, dict) else {})
    reviewed = review(file, mode_of_file(file, environ))
    if reviewed.errors:
        raise ConfigError("\n".join(reviewed.errors))
    groups = [entry.model_name for entry in file.model_list]
    if group is not None and group not in groups:
        raise ConfigError(f"group '{group}' is not configured; configured groups: {groups}")
    return "\n".join([f"ok: {path} ({len(groups)} groups)", *(f"warning: {line}" for line in reviewed.warnings)])

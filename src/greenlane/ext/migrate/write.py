"""Adds migrated tables to a project's `pyproject.toml`, after proving that the whole is a configuration."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from greenlane.config.load import FILE, Settings, load
from greenlane.config.schema import Configuration
from greenlane.errors import ConfigError
from greenlane.ext.migrate.report import tables
from greenlane.ext.migrate.values import Finding, Findings, LaneDraft, Migration
from greenlane.util.files import write_atomically
from greenlane.util.toml_text import outlined

HEADING = "\n# Migrated from {source} by `greenlane migrate`.\n"
PROBE = "greenlane-migrate"
_PROBE = f'\n[tool.greenlane.lanes.{PROBE}]\nkind = "deterministic"\ntests = ["tests"]\n'


def bare_settings(project: Path) -> Settings:
    """Return settings of a project that may have no configuration yet."""
    return Settings(project=str(project.resolve()), configuration=Configuration(), sources={})


def existing(project: Path) -> Configuration:
    """Return what a project has configured already, though it may have no lane yet.

    Raises:
        ConfigError: what is there is no configuration, or cannot be added to.
    """
    before = text_of(project)
    if "greenlane" not in before:
        return Configuration()
    try:
        settings = load(project, {})
    except ConfigError:
        # A project without lanes is none yet; with one it must be.
        settings = _loaded(before + _PROBE)
    lanes = {name: lane for name, lane in settings.configuration.lanes.items() if name != PROBE}
    declared = {path.split(".")[1] for path in settings.sources if path.startswith("policies.")}
    policies = {name: settings.configuration.policies[name] for name in declared}
    return msgspec.structs.replace(settings.configuration, lanes=lanes, policies=policies)


def merged(project: Path, text: str, source: str) -> str:
    """Return the text that `pyproject.toml` would have with further tables.

    Args:
        project: its folder; the file may be absent.
        text: TOML that is added at the end; source: name of the file that it was made from.

    Raises:
        ConfigError: the whole would be no configuration.
    """
    before = addable(text_of(project))
    whole = (
        before.rstrip("\n") + ("\n" if before else "") + HEADING.format(source=source).lstrip("" if before else "\n")
    )
    _loaded(whole + text)
    return whole + text


def addable(text: str) -> str:
    """Return the text of a `pyproject.toml` to which tables can be added: inline ones become tables of their own."""
    for path in (("lanes",), ("providers",), ("policies",), ()):
        try:
            text = outlined(text, ("tool", "greenlane", *path))
        except tomllib.TOMLDecodeError:
            return text
    return text


def admitted(project: Path, migration: Migration, source: str) -> Migration:
    """Return a migration with nothing but lanes that the project's configuration takes; the others are told.

    Args:
        project: its folder; source: name of the list.
    """
    try:
        merged(project, tables(migration), source)
        return migration
    except ConfigError:
        pass
    found: list[Finding] = list(migration.findings)
    lanes: dict[str, LaneDraft] = {}
    bare = msgspec.structs.replace(migration, policies={})
    for name, draft in migration.lanes.items():
        try:
            merged(project, tables(msgspec.structs.replace(bare, lanes={**lanes, name: draft})), source)
            lanes[name] = draft
        except ConfigError as error:
            reason = error.message.splitlines()[0]
            Findings(found, draft.check).left(draft.line, f"the lane {name!r} cannot be added: {reason}")
    kept = msgspec.structs.replace(bare, lanes=lanes, findings=tuple(found))
    policies = {name: _without(table, lanes, migration) for name, table in migration.policies.items()}
    return msgspec.structs.replace(kept, policies=policies)


def _without(policy: dict[str, object], lanes: Mapping[str, LaneDraft], migration: Migration) -> dict[str, object]:
    """Return a policy without the lanes that could not be added."""
    gone = migration.lanes.keys() - lanes.keys()
    return {
        key: [name for name in value if name not in gone] if isinstance(value, list) else value
        for key, value in policy.items()
    }


def write(project: Path, text: str) -> None:
    """Replace `pyproject.toml` at once, never by half."""
    write_atomically(project / FILE, text)


def text_of(project: Path) -> str:
    """Return what `pyproject.toml` holds; empty where there is none."""
    file = project / FILE
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _loaded(text: str) -> Settings:
    """Return the configuration that a text would be.

    Raises:
        ConfigError: it would be none.
    """
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{FILE} with the new tables: {error}", f"correct {FILE}") from error
    with tempfile.TemporaryDirectory(prefix="greenlane-migrate-") as folder:
        (Path(folder) / FILE).write_text(text, encoding="utf-8")
        return load(Path(folder), {})

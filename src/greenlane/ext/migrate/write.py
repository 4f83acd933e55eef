"""Adds migrated tables to a project's `pyproject.toml`, after proving that the whole is a configuration."""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path

from greenlane.config.load import FILE, Settings, load
from greenlane.config.schema import Configuration
from greenlane.errors import ConfigError
from greenlane.util.files import write_atomically

HEADING = "\n# Migrated from {source} by `greenlane migrate`.\n"


def bare_settings(project: Path) -> Settings:
    """Return settings of a project that may have no configuration yet."""
    return Settings(project=str(project.resolve()), configuration=Configuration(), sources={})


def merged(project: Path, tables: str, source: str) -> str:
    """Return the text that `pyproject.toml` would have with further tables.

    Args:
        project: its folder; the file may be absent.
        tables: TOML that is added at the end; source: name of the file that it was made from.

    Raises:
        ConfigError: a table is there already, or the whole would be no configuration.
    """
    file = project / FILE
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    text = before.rstrip("\n") + ("\n" if before else "") + HEADING.format(source=source).lstrip("" if before else "\n")
    text += tables
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{FILE} with the new tables: {error}", "nothing is overwritten: rename the check, or remove the old table"
        ) from error
    with tempfile.TemporaryDirectory(prefix="greenlane-migrate-") as folder:
        (Path(folder) / FILE).write_text(text, encoding="utf-8")
        load(Path(folder), {})
    return text


def write(project: Path, text: str) -> None:
    """Replace `pyproject.toml` at once, never by half."""
    write_atomically(project / FILE, text)

"""A folder in which pytest runs, and nothing else is known: its settings, and the interpreter that runs us."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from greenlane.config.context import Context, Say
from greenlane.config.lanes import Lane, LaneKind
from greenlane.config.load import FILE, Settings, load
from greenlane.config.pytest_settings import read_pytest
from greenlane.config.schema import Configuration, History
from greenlane.errors import ConfigError
from greenlane.run.suite import suite_of

ARTIFACTS = ".greenlane"
"""Where evidence goes in a folder without configuration; git is told to ignore it."""


def is_configured(root: Path) -> bool:
    """Return whether a folder has lanes of its own; a file that is no TOML is for `load` to refuse."""
    try:
        content = tomllib.loads((root / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return False
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return True
    return "greenlane" in content.get("tool", {})


def bare_context(root: Path, environ: Mapping[str, str], say: Say) -> tuple[Context, str]:
    """Return the context of a folder, and the interpreter that its tests run with as it is; empty where lanes say it.

    Args:
        root: the folder; environ: the caller's environment; say: prints a line to the user.

    Raises:
        ConfigError: its configuration is wrong; or it has none, and no tests, or this interpreter has no pytest.
    """
    if is_configured(root):
        return Context(load(root, environ), environ, say), ""
    if not root.is_dir():
        raise ConfigError(f"{root} is no folder", "name one with --project")
    suite = suite_of(root, read_pytest(root))
    if not suite:
        raise ConfigError(f"no tests are found in {root.resolve()}", "run where pytest runs them")
    if importlib.util.find_spec("pytest") is None:
        raise ConfigError(f"{sys.executable} has no pytest", "install greenlane beside the project's own pytest")
    folder = root / ARTIFACTS
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    lane = Lane(name="tests", kind=LaneKind.DETERMINISTIC, tests=suite, lock="")
    configuration = Configuration(lanes={"tests": lane}, artifacts=ARTIFACTS, history=History(enabled=False))
    settings = Settings(project=str(root.resolve()), configuration=configuration, sources={})
    return Context(settings, environ, say), sys.executable

"""What a project declares of itself, whatever build backend it has: its name, its wheel, its groups of requirements."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from greenlane.config.poetry import requirement_of

FILE = "pyproject.toml"


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project as its own files declare it.

    Attributes:
        name: of its distribution; empty where only the build backend knows it.
        package: whether a wheel can be built of it.
        standard: whether it has a `[project]` table, which tools read without the backend.
        groups: the groups of requirements that no standard tool reads (Poetry's, PDM's), each as requirements.
        standard_groups: names of the groups of `[dependency-groups]`; extras: names of extras that are declared.
        all_extras: whether `extras` are all that there can be: false where a backend may know of more.
    """

    name: str = ""
    package: bool = False
    standard: bool = False
    groups: dict[str, tuple[str, ...]] = {}
    standard_groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    all_extras: bool = False


def read_project(root: Path) -> Project:
    """Return what a project's files declare; a folder without any declares nothing.

    Raises:
        tomllib.TOMLDecodeError: `pyproject.toml` is no TOML.
    """
    file = root / FILE
    content = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return project_of(content, setup_cfg(root), setup_py=(root / "setup.py").exists())


def setup_cfg(root: Path) -> configparser.ConfigParser:
    """Return `setup.cfg`; empty where it is missing, or is not what setuptools could read."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(root / "setup.cfg", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return configparser.ConfigParser(interpolation=None)
    return parser


def project_of(content: Mapping[str, Any], setup: configparser.ConfigParser, *, setup_py: bool) -> Project:
    """Return what is declared.

    Args:
        content: `pyproject.toml`, read; setup: `setup.cfg`, read.
        setup_py: whether there is a `setup.py`; setuptools builds a wheel of it without a declared backend.
    """
    declared = content.get("project", {})
    tool = content.get("tool", {})
    dynamic = {"dependencies", "optional-dependencies"} & set(declared.get("dynamic", ()))
    extras = [*declared.get("optional-dependencies", {}), *tool.get("poetry", {}).get("extras", {})]
    if setup.has_section("options.extras_require"):
        extras += setup.options("options.extras_require")
    package = "build-system" in content or setup_py or setup.has_section("metadata")
    return Project(
        name=declared.get("name", "") or tool.get("poetry", {}).get("name", "") or _name(setup),
        package=package,
        standard="project" in content,
        groups={name: tuple(lines) for name, lines in _other_groups(tool)},
        standard_groups=tuple(content.get("dependency-groups", {})),
        extras=tuple(dict.fromkeys(extras)),
        all_extras=("project" in content and not dynamic) or not package,
    )


def _name(setup: configparser.ConfigParser) -> str:
    """Return the name in `setup.cfg`."""
    return setup.get("metadata", "name", fallback="").strip()


def _other_groups(tool: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the groups of Poetry and PDM."""
    poetry = tool.get("poetry", {})
    tables = {name: group.get("dependencies", {}) for name, group in poetry.get("group", {}).items()}
    if "dev-dependencies" in poetry:
        tables.setdefault("dev", poetry["dev-dependencies"])
    for name, table in tables.items():
        yield name, [line for key, value in table.items() for line in requirement_of(key, value)]
    for name, lines in tool.get("pdm", {}).get("dev-dependencies", {}).items():
        # What PDM installs for editing is the project itself, which is there anyway.
        yield name, [line for line in lines if not line.startswith("-e ")]

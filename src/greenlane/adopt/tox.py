"""What tox and hatch install for a project's tests."""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

HATCH_TESTS = ("hatch-test", "test", "tests", "testing", "default", "dev")
"""Environments of hatch in which people run their tests, the most telling first."""


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment for tests gets beside the project.

    Attributes:
        source: file and table that says so.
        extras: of the project; groups: of the project.
        requirements: files, and requirements as packaging writes them.
    """

    source: str
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether it names anything."""
        return bool(self.extras or self.groups or self.requirements)


def read_tox(root: Path) -> Installed | None:
    """Return what tox installs for its test environments; None where it says nothing."""
    for name, key in (("tox.toml", ()), ("pyproject.toml", ("tool", "tox"))):
        table: Any = _toml(root / name)
        for part in key:
            table = table.get(part, {})
        base = table.get("env_run_base", {})
        found = _installed(f"{name} env_run_base", base)
        if found.anything:
            return found
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(root / "tox.ini", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return None
    if not parser.has_section("testenv"):
        return None
    section = {key: _plain(value) for key, value in parser["testenv"].items()}
    found = _installed("tox.ini [testenv]", section)
    return found if found.anything else None


def _plain(value: str) -> list[str]:
    """Return the lines of a setting of tox that hold for every environment.

    A line for some environments only (`py311: x`), and one with a substitution, is nobody's here.
    """
    lines = [re.sub(r"(?:^|\s)#.*", "", line).strip() for line in value.splitlines()]
    return [line for line in lines if line and "{" not in line and not re.match(r"!?[\w.,!-]+:\s", line)]


def _installed(source: str, table: Mapping[str, Any]) -> Installed:
    """Return what a table of tox names."""
    deps = [str(entry) for entry in table.get("deps", ()) if isinstance(entry, str)]
    return Installed(
        source=source,
        extras=tuple(_split(table.get("extras", ()))),
        groups=tuple(_split(table.get("dependency_groups", ()))),
        requirements=tuple(_requirement(entry) for entry in deps if not entry.startswith(("-c", "-e", "."))),
    )


def _split(entries: Iterable[str]) -> list[str]:
    return [word.strip() for entry in entries for word in str(entry).split(",") if word.strip()]


def _requirement(entry: str) -> str:
    """Return a line of `deps`: `-r FILE` is a file."""
    match = re.match(r"(?:-r|--requirement)[\s=]*(.+)", entry)
    return match.group(1).strip() if match else entry


def read_hatch(root: Path) -> Installed | None:
    """Return what hatch installs where tests are run; None where it says nothing."""
    for name, table in (
        ("hatch.toml [envs", _toml(root / "hatch.toml")),
        ("pyproject.toml [tool.hatch.envs", _toml(root / "pyproject.toml").get("tool", {}).get("hatch", {})),
    ):
        envs = table.get("envs", {})
        for env in HATCH_TESTS:
            declared = envs.get(env, {})
            found = Installed(
                source=f"{name}.{env}]",
                extras=tuple(declared.get("features", ())),
                groups=tuple(declared.get("dependency-groups", ())),
                requirements=(*declared.get("dependencies", ()), *declared.get("extra-dependencies", ())),
            )
            if found.anything:
                return found
    return None


def _toml(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

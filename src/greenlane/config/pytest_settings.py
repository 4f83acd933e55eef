"""What a project tells pytest, in whichever of its files."""

from __future__ import annotations

import configparser
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

INI = (("pytest.ini", "pytest"), (".pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest"))
"""Files in the form of an ini that may hold pytest's settings, and the section, strongest first."""


class PytestSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a project tells pytest.

    Attributes:
        source: file and table that it stands in; empty where nothing does.
        testpaths: folders and files of the suite; addopts: words of the command line that are always given.
        markers: declared markers, by name what they say.
        files: patterns of the names of test files.
        further: further settings that change how tests run, as `asyncio_mode = auto`.
    """

    source: str = ""
    testpaths: tuple[str, ...] = ()
    addopts: tuple[str, ...] = ()
    markers: dict[str, str] = {}
    files: tuple[str, ...] = ("test_*.py", "*_test.py")
    further: tuple[str, ...] = ()

    @property
    def marks(self) -> str:
        """What a `-m` of addopts selects, the last one; empty for none."""
        found = ""
        for number, word in enumerate(self.addopts):
            if word == "-m" and number + 1 < len(self.addopts):
                found = self.addopts[number + 1]
            elif word.startswith("-m") and word != "-m":
                found = word.removeprefix("-m").removeprefix("=")
        return found


def read_pytest(root: Path) -> PytestSettings:
    """Return what a project tells pytest, found in pytest's own order.

    Raises:
        tomllib.TOMLDecodeError: a file of TOML is none.
    """
    for source, table in _tables(root):
        return _settings(source, table)
    return PytestSettings()


def _tables(root: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each place that holds settings, with them; the first is the one that counts."""
    for name in ("pytest.toml", ".pytest.toml"):
        if (root / name).is_file():
            yield name, _toml(root / name).get("pytest", {})
    for name, section in INI[:2]:
        if (root / name).is_file():
            yield name, _ini(root / name, section) or {}
    tool = _toml(root / "pyproject.toml").get("tool", {}).get("pytest", {})
    if "ini_options" in tool:
        yield "pyproject.toml [tool.pytest.ini_options]", tool["ini_options"]
    elif tool:
        yield "pyproject.toml [tool.pytest]", tool
    for name, section in INI[2:]:
        found = _ini(root / name, section)
        if found is not None:
            yield f"{name} [{section}]", found


def _toml(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _ini(file: Path, section: str) -> Mapping[str, str] | None:
    """Return a section of an ini; None where there is none."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return None
    return dict(parser[section]) if parser.has_section(section) else None


def _settings(source: str, table: Mapping[str, Any]) -> PytestSettings:
    """Return settings as values; an ini has lines and words where TOML has lists."""
    markers = dict(_marker(line) for line in _lines(table.get("markers", ())))
    further = [f"{key} = {table[key]}" for key in ("asyncio_mode", "anyio_mode", "timeout") if key in table]
    addopts = table.get("addopts", ())
    return PytestSettings(
        source=source,
        testpaths=tuple(_words(table.get("testpaths", ()))),
        addopts=tuple(shlex.split(addopts)) if isinstance(addopts, str) else tuple(map(str, addopts)),
        markers=markers,
        files=tuple(_words(table.get("python_files", ()))) or PytestSettings().files,
        further=tuple(further),
    )


def _marker(line: str) -> tuple[str, str]:
    """Return a marker's name and what it says."""
    name, _, meaning = line.partition(":")
    return name.split("(")[0].strip(), meaning.strip()


def _words(value: str | Iterable[str]) -> list[str]:
    return shlex.split(value) if isinstance(value, str) else list(map(str, value))


def _lines(value: str | Iterable[str]) -> list[str]:
    lines = value.splitlines() if isinstance(value, str) else map(str, value)
    return [line.strip() for line in lines if line.strip()]

"""Options and where each came from: default, file, environment or command line, the later the stronger."""

from __future__ import annotations

import enum
import math
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from greenlane.config.changes import ChangeRule
from greenlane.config.lanes import Lane, LaneKind, Policy, Provider, Service
from greenlane.config.names import nearest
from greenlane.config.project import read_project
from greenlane.config.schema import DEFAULT_BUDGETS, Configuration, ExtraLock
from greenlane.config.validate import misplaced, problems, undeclared
from greenlane.config.variables import budget_variables, neither, truthy
from greenlane.errors import ConfigError

FILE = "pyproject.toml"
NAMED: dict[str, type[msgspec.Struct]] = {
    "lanes": Lane,
    "services": Service,
    "providers": Provider,
    "policies": Policy,
    "locks": ExtraLock,
    "changes": ChangeRule,
}
"""Sections that hold one table for each name, and what such a table becomes."""

DERIVED = ("name", "variant_of")
"""Fields of a lane that follow from where its table stands."""

SWITCHES = ("STRICT_READY", "READINESS_FAIL_ON_SKIP", "READINESS_LIVE", "READINESS_DISABLE_TIMEOUT", "LIVE_PROVIDERS")
"""Variables that mean yes or no, and nothing else."""


SWITCHED = {
    "strict": "STRICT_READY",
    "expected": "READINESS_EXPECT",
    "live": "READINESS_LIVE",
    "fail_on_skip": "READINESS_FAIL_ON_SKIP",
}
"""Options that only the environment sets, and the variable of each."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The effective configuration of one project.

    Attributes:
        project: absolute path of the folder that holds `pyproject.toml`.
        sources: where each option that is not a default came from, by key path.
        strict: whether warnings are violations; expected: names that must run and pass, as the caller wrote them.
        live: whether live checks are asked for; fail_on_skip: whether skips fail in every lane.
    """

    project: str
    configuration: Configuration
    sources: dict[str, str]
    strict: bool = False
    expected: tuple[str, ...] = ()
    live: bool = False
    fail_on_skip: bool = False

    @property
    def root(self) -> Path:
        """The project's folder."""
        return Path(self.project)

    def lane(self, name: str) -> Lane:
        """Return a lane by its name, or by an alias that no other lane has.

        Raises:
            ConfigError: there is no such lane, or more than one.
        """
        lanes = self.configuration.lanes
        own = [lane for lane in lanes.values() if name in lane.aliases]
        if name not in lanes and len(own) == 1:
            return own[0]
        if name not in lanes and own:
            raise ConfigError(
                f"{name!r} is a name of several lanes: {', '.join(lane.name for lane in own)}", "name one"
            )
        if name not in lanes:
            raise ConfigError(f"unknown lane {name!r}{nearest(name, tuple(lanes))}; known: {', '.join(lanes)}")
        return lanes[name]

    def policy(self, name: str) -> Policy:
        """Return a policy by name.

        Raises:
            ConfigError: there is no such policy.
        """
        policies = self.configuration.policies
        if name not in policies:
            raise ConfigError(f"unknown policy {name!r}{nearest(name, tuple(policies))}; known: {', '.join(policies)}")
        return policies[name]

    def source(self, key: str) -> str:
        """Return where an option came from; `default` when nobody set it."""
        return self.sources.get(key, "default")


def load(project: Path, environ: Mapping[str, str]) -> Settings:
    """Return the effective settings of a project.

    Args:
        project: folder that holds `pyproject.toml`.

    Raises:
        ConfigError: the file is missing or unreadable, or an option is unknown, of a wrong type or out of range.
    """
    _check_environment(environ)
    file = project / FILE
    content = _content(file)
    table = _table(content, file)
    sources = dict.fromkeys(_keys(table), FILE)
    configuration = _configuration(table, file)
    found = [*problems(configuration), *undeclared(configuration, read_project(project))]
    if found:
        raise _wrong(file, found)
    _check_switches(environ, (service.when for service in configuration.services.values() if service.when))
    configuration = _with_defaults(configuration, environ, sources)
    sources.update({key: f"environment {name}" for key, name in SWITCHED.items() if environ.get(name, "").strip()})
    expected = tuple(dict.fromkeys(word.strip() for word in environ.get("READINESS_EXPECT", "").split(",")))
    return Settings(
        project=str(project.resolve()),
        configuration=configuration,
        sources=sources,
        strict=truthy(environ.get("STRICT_READY")),
        expected=tuple(word for word in expected if word),
        live=truthy(environ.get("READINESS_LIVE")),
        fail_on_skip=truthy(environ.get("READINESS_FAIL_ON_SKIP")),
    )


def reporting(project: Path) -> Configuration | None:
    """Return as much of a project's configuration as says where its reports lie, whatever else is wrong with it.

    Returns:
        The defaults where that part is wrong, too; None where there is no project.
    """
    file = project / FILE
    if not file.is_file():
        return None
    try:
        table = _table(_content(file), file)
        kept: dict[str, Any] = {key: value for key, value in table.items() if key in ("report", "artifacts")}
        configuration = _configuration(kept, file)
    except ConfigError:
        return Configuration()
    return Configuration() if any(misplaced(configuration)) else configuration


def _check_environment(environ: Mapping[str, str]) -> None:
    """Refuse values that would silently mean something else than the user thinks.

    Raises:
        ConfigError: a switch is neither on nor off, or PYTEST_ADDOPTS is not quoted as a shell would.
    """
    _check_switches(environ, SWITCHES)
    workers = environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", "").strip()
    if workers and not workers.isdecimal():
        raise ConfigError(f"PYTEST_XDIST_AUTO_NUM_WORKERS: {workers!r} is not a number of processes; 0 starts none")
    try:
        shlex.split(environ.get("PYTEST_ADDOPTS", ""))
    except ValueError as error:
        raise ConfigError(f"PYTEST_ADDOPTS: {environ['PYTEST_ADDOPTS']!r}: {error}", "close the quotation") from error


def _check_switches(environ: Mapping[str, str], names: Iterable[str]) -> None:
    """Refuse a switch that is neither on nor off.

    Raises:
        ConfigError: it says something else.
    """
    for name in names:
        if neither(environ.get(name)):
            raise ConfigError(f"{name}: {environ[name]!r} is neither on (1, true, yes, on) nor off (0, false, no, off)")


def _wrong(file: Path, found: list[str]) -> ConfigError:
    """Return one error that names the file and every problem."""
    return ConfigError(
        "\n".join(f"{file.name}: [tool.greenlane] {problem}" for problem in found),
        next_step=f"correct {file.name}; `nox -l` reads it again",
    )


def _content(file: Path) -> dict[str, Any]:
    """Return a TOML file as plain data."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{file.name} not found in {file.parent.resolve()}", "run where the project is") from error
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}", "make it readable") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file.name}: {error}") from error


def _table(content: dict[str, Any], file: Path) -> dict[str, Any]:
    """Return `[tool.greenlane]` of a file's content as plain data."""
    table = content.get("tool", {}).get("greenlane")
    if not isinstance(table, dict):
        raise ConfigError(f"{file.name} has no [tool.greenlane] table", "add [tool.greenlane.lanes.core]")
    return table


def _keys(table: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the key path of every value in a table."""
    result: list[str] = []
    for key, value in table.items():
        path = f"{prefix}{key}"
        result += _keys(value, f"{path}.") if isinstance(value, dict) else [path]
    return result


def _configuration(table: dict[str, Any], file: Path) -> Configuration:
    """Return the typed configuration; every value is converted by itself, so that each error knows its path."""
    found: list[str] = []
    result: Configuration = _convert(table, Configuration, "", found)
    if found:
        raise _wrong(file, found)
    return result


def _convert(value: object, kind: Any, path: str, found: list[str]) -> Any:
    """Return a value as its type; None after adding every problem to `found`."""
    if path in NAMED and isinstance(value, dict):
        entries = {name: _convert(entry, NAMED[path], f"{path}.{name}", found) for name, entry in value.items()}
        return {name: entry for name, entry in entries.items() if entry is not None}
    struct = _struct(kind)
    if struct is not None and isinstance(value, dict):
        return _table_as(value, struct, path, found)
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        text, _, inner = str(error).partition(" - at `$")
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            text += f"; allowed: {', '.join(member.value for member in kind)}"
        found.append(f"{path}{inner.rstrip('`')}: {text}")
        return None


def _struct(kind: Any) -> Any:
    """Return the struct that a type is, or is when it is not None; None for another type."""
    return next((part for part in (kind, *get_args(kind)) if hasattr(part, "__struct_fields__")), None)


@cache
def _declared(kind: Any) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the type of each field of a struct, and the fields that have no default."""
    return get_type_hints(kind), tuple(field.name for field in msgspec.structs.fields(kind) if field.required)


def _table_as(table: dict[str, Any], kind: Any, path: str, found: list[str]) -> Any:
    """Return a table as a struct; None after adding a problem for each key that is unknown, wrong or missing."""
    before = len(found)
    prefix = f"{path}." if path else ""
    hints, needed = _declared(kind)
    allowed = [field for field in kind.__struct_fields__ if not (kind is Lane and field in DERIVED)]
    found += [f"{prefix}{key}: unknown key; allowed: {', '.join(allowed)}" for key in table if key not in allowed]
    values = {
        key: _convert(value, hints[key], f"{prefix}{key}", found) for key, value in table.items() if key in allowed
    }
    found += [f"{prefix}{name}: this key is needed" for name in needed if name not in table]
    return kind(**values) if len(found) == before else None


def _with_defaults(configuration: Configuration, environ: Mapping[str, str], sources: dict[str, str]) -> Configuration:
    """Return the configuration with names, budgets, locks and policies filled in, noting sources."""
    unlimited = truthy(environ.get("READINESS_DISABLE_TIMEOUT"))
    lanes = {}
    for name, lane in configuration.lanes.items():
        budget = lane.budget if lane.budget is not None else DEFAULT_BUDGETS[lane.kind]
        variables = budget_variables(msgspec.structs.replace(lane, name=name))
        variable = next((variable for variable in variables if environ.get(variable, "").strip()), "")
        if variable:
            budget = _seconds(variable, environ[variable])
            sources[f"lanes.{name}.budget"] = f"environment {variable}"
        if unlimited:
            budget = 0.0
            sources[f"lanes.{name}.budget"] = "environment READINESS_DISABLE_TIMEOUT"
        lanes[name] = msgspec.structs.replace(
            lane, name=name, budget=max(0.0, budget), lock=lane.lock or f"locks/{name}.txt"
        )
        lanes |= _variants(lanes[name])
    return msgspec.structs.replace(configuration, lanes=lanes, policies=_policies(configuration, lanes))


def _variants(lane: Lane) -> dict[str, Lane]:
    """Return the lanes that run the same tests under further interpreters, by name."""
    made = [
        msgspec.structs.replace(
            lane,
            name=f"{lane.name}-{python}",
            python=python,
            pythons=(),
            aliases=(),
            shard_aliases={},
            variant_of=lane.name,
        )
        for python in lane.pythons
    ]
    return {variant.name: variant for variant in made}


def _policies(configuration: Configuration, lanes: Mapping[str, Lane]) -> dict[str, Policy]:
    """Return the declared policies and the three that always exist: `dev`, `deploy` and `matrix`."""
    declared = configuration.lanes
    fixed = tuple(name for name, lane in declared.items() if lane.deterministic)
    gating = tuple(name for name, lane in declared.items() if lane.kind.value != "release")
    every = tuple(name for name, lane in lanes.items() if (lane.variant_of or name) in gating)
    # What is to be deployed has met everything real that a lane can do without elsewhere: a skip there is red.
    real = [name for name, lane in declared.items() if lane.kind is LaneKind.NONDETERMINISTIC]
    used = {name for lane in gating for name in declared[lane].services}
    models = [
        name for name, service in configuration.services.items() if service.models and service.gated and name in used
    ]
    defaults = {
        "dev": Policy(lanes=fixed or gating),
        "deploy": Policy(lanes=gating, strict=True, expect=(*real, *models), evidence="fresh"),
        "matrix": Policy(lanes=every, strict=True),
    }
    return {**defaults, **configuration.policies}


def _seconds(variable: str, text: str) -> float:
    """Return a number of seconds from an environment value.

    Raises:
        ConfigError: the value is not a number.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise ConfigError(f"{variable}: {text!r} is not a number of seconds; 0 or less disables")
    return seconds

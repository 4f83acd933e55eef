"""What a configuration must keep to beyond its types."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath

import msgspec

from greenlane.config.changes import ChangeRule
from greenlane.config.history import quarantined, remembered
from greenlane.config.lanes import Lane, LaneKind, Router
from greenlane.config.leaks import WATCHERS, LeakPolicy
from greenlane.config.names import nearest
from greenlane.config.names import problems as alias_problems
from greenlane.config.project import Project
from greenlane.config.providers import problems as provider_problems
from greenlane.config.schema import Configuration, Report
from greenlane.config.services import problems as service_problems
from greenlane.config.variables import split_entries

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_PYTHON = re.compile(r"3\.\d+")
ORDERS = ("file", "random")
LEVELS = ("error", "warn", "off")
SWITCHES = ("auto", "on", "off")
ALWAYS = ("deploy", "dev", "matrix")
"""Policies that every project has."""

RESERVED = ("control", "coverage", "greenlane", "lock", "pip", "polluter", "ready", "verdict", "verdicts")
"""Names of sessions, environments and artifact folders of the harness itself."""

FIXED = ("PATH", "HOME", "TMPDIR", "TZ", "LANG", "LC_ALL", "VIRTUAL_ENV")
FIXED_PREFIXES = ("PYTHON", "LD_", "DYLD_")
"""Names that decide which code a lane runs, or that we set ourselves; a lane cannot have its own."""

FREE = re.compile(
    r"PYTHON_(?!(BASIC_REPL|COLORS|CONTEXT_AWARE_WARNINGS|CPU_COUNT|DISABLE_REMOTE_DEBUG|FROZEN_MODULES|GIL|HISTORY|JIT"
    r"|LAZY_IMPORTS|LLTRACE|OPT_DEBUG|PERF_JIT_SUPPORT|PRESITE|THREAD_INHERIT_CONTEXT|TLBC|UOPS\w*)$)"
)
"""Names of applications, as LiteLLM's `PYTHON_GC_THRESHOLD`; the others of this form are the interpreter's."""

_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):\d{1,5}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def problems(configuration: Configuration) -> list[str]:
    """Return every problem as `<key path>: <what is wrong, what is allowed>`."""
    found: list[str] = []
    if not configuration.lanes:
        found.append("lanes: at least one lane is needed, as [tool.greenlane.lanes.core]")
    for name, lane in configuration.lanes.items():
        found += _declared(name, lane, configuration)
    found += _jobs(configuration.lanes)
    for name, service in configuration.services.items():
        for key, entries in (("env", service.env), ("gives", service.gives)):
            found += _secrets(f"services.{name}", entries, configuration, key)
            found += _variables(f"services.{name}.{key}", entries)
    found += _secrets("", configuration.build_env, configuration, "build_env")
    found += _variables("build_env", configuration.build_env)
    found += service_problems(configuration)
    found += alias_problems(configuration)
    found += provider_problems(configuration)
    for name, policy in configuration.policies.items():
        found += _known(f"policies.{name}.lanes", policy.lanes, configuration.lanes)
    found += _address(configuration)
    found += _router(configuration.router)
    found += _leaks(configuration.leaks)
    for name, rule in configuration.changes.items():
        found += _change(f"changes.{name}", rule, configuration)
    found += misplaced(configuration)
    found += _apart(configuration)
    found += _folder("environments", configuration.environments, absolute=True)
    found += remembered(configuration.history)
    found += quarantined(configuration.quarantine)
    return found


def _declared(name: str, lane: Lane, configuration: Configuration) -> Iterable[str]:
    """Yield what is wrong with a lane, by itself and among the others."""
    path = f"lanes.{name}"
    yield from _name(path, name)
    for version in lane.pythons:
        if f"{name}-{version}" in configuration.lanes:
            yield f"{path}.pythons: {name}-{version} is a lane already"
    yield from _lane(path, lane)
    yield from _known(f"{path}.services", lane.services, configuration.services)
    yield from _known(f"{path}.providers", lane.providers, configuration.providers)
    if lane.coverage:
        policies = (*ALWAYS, *configuration.policies)
        yield from _known(f"{path}.coverage.policies", lane.coverage.policies, policies)
    yield from _secrets(path, lane.env, configuration)
    yield from _variables(f"{path}.env", lane.env)
    yield from _followed(path, lane.env, configuration)


def undeclared(configuration: Configuration, project: Project) -> Iterable[str]:
    """Yield a problem for each extra and dependency group that a lock is to hold and the project does not declare.

    Args:
        configuration: what names them; project: what declares them.
    """
    groups = (*project.standard_groups, *project.groups)
    for name, lane in configuration.lanes.items():
        if project.all_extras:
            yield from _known(f"lanes.{name}.extras", lane.extras, project.extras)
        yield from _known(f"lanes.{name}.groups", lane.groups, groups)
    for name, lock in configuration.locks.items():
        yield from _known(f"locks.{name}.groups", lock.groups, project.standard_groups)


def _leaks(leaks: LeakPolicy) -> Iterable[str]:
    """Yield a problem for each level, watcher, import name and reason that the leak guard would not understand."""
    for key, level in {
        "level": leaks.level,
        "uncertain": leaks.uncertain,
        **{f"levels.{name}": level for name, level in leaks.levels.items()},
    }.items():
        if level not in LEVELS:
            yield f"leaks.{key}: {level!r} is not one of {', '.join(LEVELS)}"
    for name in leaks.levels:
        if name not in WATCHERS:
            yield f"leaks.levels: unknown watcher {name!r}; known: {', '.join(WATCHERS)}"
    for name in leaks.watch:
        if not all(part.isidentifier() for part in name.split(".")):
            yield f"leaks.watch: {name!r} is not an import name such as my_package.client"
    for pattern, reason in leaks.allow.items():
        if not reason.strip():
            yield f"leaks.allow: {pattern!r} has no reason"


def _folder(path: str, value: str, *, absolute: bool) -> Iterable[str]:
    """Yield a problem when a folder that we empty before each run could be the project or lie anywhere."""
    parts = [part for part in re.split(r"[/\\]", value) if part not in ("", ".")]
    if not parts or ".." in parts:
        yield f"{path}: {value!r} is not a folder of its own below the project; it is emptied before each run"
    elif not absolute and value.startswith(("/", "\\")):
        yield f"{path}: {value!r} is absolute; a path relative to the project is needed"


def _apart(configuration: Configuration) -> Iterable[str]:
    """Yield a problem when a folder that we empty holds a lane's tests or lies among them."""
    for path, folder in (("artifacts", configuration.artifacts), ("environments", configuration.environments)):
        ours = PurePosixPath(folder)
        lanes = configuration.lanes.items() if ours.parts else ()
        for name, lane in lanes:
            for test in map(PurePosixPath, lane.tests):
                if ours in (test, *test.parents) or test in ours.parents:
                    yield f"{path}: {folder!r} is emptied before each run, and holds or lies in the tests of {name}"


def misplaced(configuration: Configuration) -> Iterable[str]:
    """Yield what is wrong with where reports and artifacts go."""
    yield from _reports(configuration.report)
    yield from _folder("artifacts", configuration.artifacts, absolute=False)


def _reports(report: Report) -> Iterable[str]:
    """Yield what is wrong with where reports go."""
    yield from _report("report.markdown", report.markdown, ".md")
    yield from _report("report.json", report.json, ".json")
    yield from _report("report.html", report.html or "", ".html")
    yield from _report("report.ctrf", report.ctrf or "", ".json")
    if report.github not in SWITCHES:
        yield f"report.github: {report.github!r} is not one of {', '.join(SWITCHES)}"


def _report(path: str, value: str, suffix: str) -> Iterable[str]:
    """Yield a problem when a report would be written over something else or outside the project."""
    if value and (not value.endswith(suffix) or ".." in PurePosixPath(value).parts or value.startswith(("/", "\\"))):
        yield f"{path}: {value!r} is not a {suffix} file below the project; an empty name writes none"


def is_fixed(name: str) -> bool:
    """Return whether an environment name decides which code runs, or is set by the harness."""
    return name in FIXED or (name.startswith(FIXED_PREFIXES) and not FREE.match(name))


def _variables(key: str, env: Iterable[str]) -> Iterable[str]:
    """Yield a problem for each environment name that is none, or that is not the lane's to choose."""
    names, values = split_entries(env)
    for name in (*names, *values):
        if not _VARIABLE.fullmatch(name):
            yield f"{key}: {name!r} is not the name of a variable"
        elif is_fixed(name):
            yield f"{key}: {name} decides which code runs, and is fixed by the harness"


def _followed(path: str, env: Iterable[str], configuration: Configuration) -> Iterable[str]:
    """Yield a problem for each variable of the base or of the router that a lane would set for itself."""
    address, router = configuration.address, configuration.router
    ours = (address.variable, address.host_variable, address.port_variable, *address.same, router.variable)
    names, values = split_entries(env)
    for name in (*names, *values):
        if name in ours:
            yield f"{path}.env: {name} follows the one base, and is set by the harness"


def _address(configuration: Configuration) -> Iterable[str]:
    """Yield what is wrong with the base: a service that it follows must exist, and somebody must be told of it."""
    address = configuration.address
    if address.service:
        yield from _known("address.service", (address.service,), configuration.services)
    if not address.variable and any(msgspec.structs.astuple(address)):
        yield 'address.variable: the name of the variable that carries the base is needed, such as "MY_APP_BASE_URL"'
    for key in ("variable", "host_variable", "port_variable"):
        if (name := getattr(address, key)) and not _VARIABLE.fullmatch(name):
            yield f"address.{key}: {name!r} is not the name of a variable"
    for name in address.same:
        if not _VARIABLE.fullmatch(name):
            yield f"address.same: {name!r} is not the name of a variable"


def _router(router: Router) -> Iterable[str]:
    """Yield what is wrong with the router guard."""
    if router.groups and not router.variable:
        yield 'router.variable: the name of the variable is needed, such as "LITELLM_ROUTER_CONFIG"'
    yield from _report("router.stub", router.stub, ".yaml")
    for name in router.groups:
        if not name.strip():
            yield f"router.groups: {name!r} is not the name of a model group"
    if not all(router.model.partition("/")):
        yield f"router.model: {router.model!r} is not a provider and a model, such as openai/{{group}}"
    for key, name in (("variable", router.variable), ("group_variable", router.group_variable)):
        if name and not _VARIABLE.fullmatch(name):
            yield f"router.{key}: {name!r} is not the name of a variable"


def _name(path: str, name: str) -> Iterable[str]:
    """Yield a problem when a lane's name cannot be a session, a folder and part of a check."""
    if not _NAME.fullmatch(name):
        yield f"{path}: {name!r} is not a lane name; letters, digits, '_', '.', '-' are allowed, a letter first"
    elif name in RESERVED:
        yield f"{path}: {name!r} is a name of the harness itself, as are {', '.join(RESERVED)}"


def _lane(path: str, lane: Lane) -> Iterable[str]:
    """Yield what is wrong with the values of one lane."""
    yield from _files(path, lane)
    yield from _workers(path, lane)
    yield from _allowed(path, lane)
    if not 0 <= lane.test_timeout < math.inf:
        yield f"{path}.test_timeout: {lane.test_timeout:g} is not a number of seconds from 0, which disables"
    if lane.budget is not None and not math.isfinite(lane.budget):
        yield f"{path}.budget: {lane.budget:g} is not a number of seconds; 0 or less disables"
    for key, versions in (("python", (lane.python,) if lane.python else ()), ("pythons", lane.pythons)):
        for version in versions:
            if not _PYTHON.fullmatch(version):
                yield f"{path}.{key}: {version!r} is not a version such as 3.12"
    if len({lane.python, *lane.pythons}) <= len(lane.pythons):
        yield f"{path}.pythons: each version is named once, and another than that of python"
    if lane.order not in ORDERS:
        yield f"{path}.order: {lane.order!r} is not one of {', '.join(ORDERS)}"
    if lane.coverage and not 0 <= lane.coverage.fail_under <= 100:
        yield f"{path}.coverage.fail_under: {lane.coverage.fail_under:g} is not between 0 and 100 percent"
    if len(set(lane.shards)) < len(lane.shards):
        twice = sorted({shard for shard in lane.shards if lane.shards.count(shard) > 1})
        yield f"{path}.shards: {', '.join(twice)} is named more than once"
    for shard in lane.shards:
        if not _NAME.fullmatch(shard):
            yield f"{path}.shards: {shard!r} is not a shard name"


def _files(path: str, lane: Lane) -> Iterable[str]:
    """Yield what is wrong with the files that a lane names."""
    if not lane.tests:
        yield f"{path}.tests: at least one file or folder is needed"
    for pattern in lane.exclude:
        if not pattern.strip() or pattern.startswith("/") or ".." in pattern.split("/"):
            yield f"{path}.exclude: {pattern!r} is not a pattern of files below the project, as tests/stress/**"
    for pattern in lane.inputs:
        if not pattern or pattern.startswith(("/", "./", "../")) or "/../" in pattern:
            yield f"{path}.inputs: {pattern!r} is no pattern of files below the project"


def _workers(path: str, lane: Lane) -> Iterable[str]:
    """Yield what is wrong with the processes that run a lane's tests."""
    if isinstance(lane.workers, str) and lane.workers != "auto":
        yield f"{path}.workers: {lane.workers!r} is neither a number nor 'auto'"
    if isinstance(lane.workers, int) and not 0 <= lane.workers <= 256:
        yield f"{path}.workers: {lane.workers} is not between 0 and 256"
    for module in lane.preload:
        if not all(part.isidentifier() for part in module.split(".")):
            yield f"{path}.preload: {module!r} is not an import name such as my_package.client"
    if lane.preload and lane.workers == 0:
        yield f"{path}.preload: there is nobody to preload for; set {path}.workers, to a number or 'auto'"


def _allowed(path: str, lane: Lane) -> Iterable[str]:
    """Yield what a lane of this kind, or one with shards, cannot have."""
    if lane.coverage and lane.shards:
        yield f"{path}.coverage: a lane with shards cannot have a threshold of its own; measure it in one lane"
    if lane.editable and not lane.project:
        yield f"{path}.editable: the project is not installed at all, by {path}.project"
    if lane.inputs and not lane.deterministic:
        yield f"{path}.inputs: only a deterministic lane can be shown a part of the work tree"
    if lane.reach and lane.deterministic:
        yield f"{path}.reach: a deterministic lane reaches nothing beyond its own loopback"
    for place in () if lane.deterministic else lane.reach:
        if not _PLACE.fullmatch(place) or not 0 < int(place.rpartition(":")[2]) < 2**16:
            yield f"{path}.reach: {place!r} is not host:port, such as api.example.com:443"
    if lane.providers and lane.kind is not LaneKind.RELEASE:
        yield f"{path}.providers: only a lane of kind 'release' may call live providers"


def _jobs(lanes: Mapping[str, Lane]) -> Iterable[str]:
    """Yield a problem for each two jobs of one name: the evidence of one would take the place of the other's."""
    jobs: dict[str, str] = {name: name for name in lanes}
    for name, lane in lanes.items():
        for base in (name, *(f"{name}-{version}" for version in lane.pythons)):
            for shard in dict.fromkeys(lane.shards):
                other = jobs.setdefault(f"{base}-{shard}", f"{base}/{shard}")
                if other != f"{base}/{shard}":
                    yield f"lanes.{name}.shards: {base}/{shard} and {other} would be one job, {base}-{shard}"


def _known(path: str, names: Iterable[str], known: Collection[str]) -> Iterable[str]:
    """Yield a problem for each name that nothing declares."""
    listed = sorted(known)
    for name in names:
        if name not in known:
            yield f"{path}: unknown name {name!r}{nearest(name, listed)}; known: {', '.join(listed) or 'none'}"


def _change(path: str, rule: ChangeRule, configuration: Configuration) -> Iterable[str]:
    """Yield what is wrong with a rule of change control."""
    if not rule.surface:
        yield f"{path}.surface: at least one pattern is needed"
    if not rule.needs and not rule.runs:
        yield f"{path}: a rule without needs and runs asks for nothing"
    try:
        re.compile(rule.lines)
    except re.error as error:
        yield f"{path}.lines: {rule.lines!r} is no regular expression: {error}"
    for pattern in (*rule.surface, *(word for words in rule.named_needs.values() for word in words)):
        if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
            yield f"{path}: {pattern!r} is not a pattern of paths below the project, as docs/**"
    for need, patterns in rule.named_needs.items():
        if not patterns:
            yield f"{path}.needs.{need}: at least one pattern is needed"
    yield from _known(f"{path}.runs", rule.runs, configuration.lanes)


def _secrets(path: str, entries: Iterable[str], configuration: Configuration, key: str = "env") -> Iterable[str]:
    """Yield a problem for each secret that a lane or service asks for by another way than a gate."""
    secrets = {secret for provider in configuration.providers.values() for secret in provider.secrets}
    where = f"{path}.{key}" if path else key
    names, values = split_entries(entries)
    for name in (*names, *values):
        if name in secrets:
            yield f"{where}: {name} is a secret of a provider; only an open gate of the release lane passes it"

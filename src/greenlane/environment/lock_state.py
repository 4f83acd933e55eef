"""Whether locks still hold what the project asks for, found out without an index."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.environment import npm
from greenlane.environment.lock_file import pins, refused
from greenlane.environment.locks import CONTROL, control_requirements, harness_requirements
from greenlane.util.checkout import canonical_name


class LockState(msgspec.Struct, frozen=True, kw_only=True):
    """One lock: `fresh`, `stale`, `missing` or `refused` (it names a compromised release), and why; `lanes` need it."""

    path: str
    state: str
    reason: str = ""
    lanes: tuple[str, ...] = ()


_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?")


def lock_states(settings: Settings) -> tuple[LockState, ...]:
    """Return the state of every lock: of the lanes, and of what else the project locks."""
    content = tomllib.loads((settings.root / "pyproject.toml").read_text(encoding="utf-8"))
    project = content.get("project", {})
    groups = content.get("dependency-groups", {})
    lanes = settings.configuration.lanes
    states = {}
    for lane in lanes.values():
        users = tuple(other.name for other in lanes.values() if other.lock == lane.lock)
        wanted = [*_of_lane(lane, project, groups), *harness_requirements()]
        states[lane.lock] = _state(settings.root, lane.lock, wanted, users)
    for name, extra in settings.configuration.locks.items():
        wanted = [r for group in extra.groups for r in _of_group(group, groups)]
        if extra.project:
            wanted += _of_project(project, tuple(project.get("optional-dependencies", {})))
        wanted += control_requirements() if name == CONTROL else ()
        path = f"locks/{name}.txt"
        states[path] = _state(settings.root, path, wanted, ())
        if extra.npm:
            path = f"locks/{name}/{npm.FILES[1]}"
            found = npm.problems(settings.root / "locks" / name)
            states[path] = LockState(path=path, state="stale" if found else "fresh", reason="; ".join(found))
    return tuple(states.values())


def _of_lane(lane: Lane, project: Mapping[str, Any], groups: Mapping[str, Any]) -> list[str]:
    """Return what a lane's lock is made from, beside the harness."""
    chosen = lane.groups or ((lane.name,) if lane.name in groups else ())
    return [*_of_project(project, lane.extras), *(r for group in chosen for r in _of_group(group, groups))]


def _of_project(project: Mapping[str, Any], extras: tuple[str, ...]) -> list[str]:
    """Return the requirements of a project with some of its extras; an extra may name the project's other extras."""
    own = canonical_name(str(project.get("name", "")))
    result, seen, queue = list(map(str, project.get("dependencies", ()))), set[str](), list(extras)
    while queue:
        extra = queue.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for requirement in project.get("optional-dependencies", {}).get(extra, ()):
            match = _NAME.match(requirement)
            if match and canonical_name(match[1]) == own:
                queue += [word.strip() for word in (match[2] or "").split(",")]
            else:
                result.append(requirement)
    return result


def _of_group(name: str, groups: Mapping[str, Any]) -> Iterator[str]:
    """Yield the requirements of a dependency group and of those that it includes."""
    for entry in groups.get(name, ()):
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict) and entry.get("include-group") != name:
            yield from _of_group(str(entry.get("include-group")), groups)


def _state(root: Path, path: str, wanted: list[str], lanes: tuple[str, ...]) -> LockState:
    """Return the state of one lock."""
    try:
        text = (root / path).read_text(encoding="utf-8")
    except OSError as error:
        return LockState(path=path, state="missing", reason=error.strerror or "", lanes=lanes)
    bad = refused(text)
    if bad:
        return LockState(path=path, state="refused", reason=f"it names {', '.join(bad)}", lanes=lanes)
    unmet = list(dict.fromkeys(_unmet(wanted, text)))
    return LockState(path=path, state="stale" if unmet else "fresh", reason="; ".join(unmet), lanes=lanes)


def _unmet(wanted: list[str], text: str) -> Iterator[str]:
    """Yield what a lock lacks; versions and markers are looked at where `packaging` is installed."""
    locked = pins(text)
    if wanted and "--hash=" not in text:
        yield "it has no hashes"
    exact = importlib.util.find_spec("packaging") is not None
    for requirement in wanted:
        match = _NAME.match(requirement)
        if match is None:
            continue
        versions, _ = locked.get(canonical_name(match[1]), (set[str](), False))
        if exact and not _met(requirement, versions):
            state = f"has {', '.join(sorted(versions))}" if versions else "lacks it"
            yield f"{requirement} is wanted, the lock {state}"
        elif not exact and not versions and ";" not in requirement:
            yield f"{requirement} is wanted, the lock lacks it"


def _met(requirement: str, versions: set[str]) -> bool:
    """Return whether a lock that has these versions of a distribution satisfies a requirement on this machine."""
    from packaging.requirements import Requirement

    parsed = Requirement(requirement)
    if parsed.marker is not None and not parsed.marker.evaluate({"extra": ""}):
        return True
    return any(parsed.specifier.contains(version, prereleases=True) for version in versions)

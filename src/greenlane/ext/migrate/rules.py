"""From a legacy list of named shell checks to lanes; `docs/migrate.md` has the schema."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from greenlane.config.lanes import LaneKind
from greenlane.config.schema import Configuration
from greenlane.config.validate import RESERVED
from greenlane.environment.yaml_lines import Node
from greenlane.ext.migrate.checks import read_checks, root_comments
from greenlane.ext.migrate.environment import Surroundings, inferred, provider_name, surroundings
from greenlane.ext.migrate.legacy_pytest import DEFAULT_TESTS
from greenlane.ext.migrate.makefile import Makefile
from greenlane.ext.migrate.steps import Call, Steps, steps_of
from greenlane.ext.migrate.values import Check, Finding, Findings, LaneDraft, Migration, SessionDraft

_DETERMINISTIC = re.compile(r"core|unit|determin|hermetic", re.IGNORECASE)


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """What of the project decides what a check becomes.

    Attributes:
        configuration: what it has already; makefile: text of its makefile, empty for none.
    """

    root: Path
    configuration: Configuration = Configuration()
    makefile: str = ""


def translate(content: Node, project: Project) -> Migration:
    """Return what a legacy list becomes, and everything that was noticed on the way.

    Args:
        project: where the lanes are going to be.
    """
    found: list[Finding] = []
    checks = read_checks(content, found)
    known = project.configuration
    address = None if known.address.variable else inferred(checks, found)
    if address:
        project = msgspec.structs.replace(project, configuration=msgspec.structs.replace(known, address=address))
    making = _Making(project, found)
    for check in _each_once(checks, found):
        making.take(check)
    policies = dict(_policies(making.lanes, project.configuration, found))
    return Migration(
        lanes=making.lanes,
        sessions=making.sessions,
        providers=making.providers,
        policies=policies,
        address=address,
        findings=tuple(found),
        checks=len(checks),
        comments=root_comments(content),
    )


def _each_once(checks: Iterable[Check], found: list[Finding]) -> Iterator[Check]:
    """Yield each check but those that are the same as an earlier one, which is told."""
    seen: dict[object, int] = {}
    for check in checks:
        scripts = tuple(script.text for script in check.scripts)
        switches = (check.timeout, check.live, check.expect, check.optional)
        own = (check.name, scripts, frozenset(check.env.items()), switches, check.comments)
        if own in seen:
            Findings(found, check.name).note(check.line, f"it is the same as in line {seen[own]}; merged")
        else:
            seen[own] = check.line
            yield check


class _Making:
    """Collects what checks become, each under a name of its own."""

    def __init__(self, project: Project, found: list[Finding]) -> None:
        self.lanes: dict[str, LaneDraft] = {}
        self.sessions: dict[str, SessionDraft] = {}
        self.providers: dict[str, dict[str, object]] = {}
        self._project = project
        self._makefile = Makefile(project.makefile)
        self._found = found

    def take(self, check: Check) -> None:
        """Take one check: a lane for its calls of pytest, a session for what is beside them."""
        findings = Findings(self._found, check.name)
        before = len(self._found)
        steps = [steps_of(script, self._makefile, findings) for script in check.scripts]
        plain = self._plain(check, findings)
        name = self._free(plain)
        renamed = name != plain
        calls = self._calls(steps, findings)
        if not calls and not any(step.runs or step.calls for step in steps) and len(self._found) == before:
            findings.note(check.line, "it runs nothing but the shell's own commands; dropped")
        for index, call in enumerate(calls):
            if index:
                name = self._free(f"{plain}-{index + 1}")
                findings.note(call.line, f"it calls pytest in more than one way; this call is the lane {name!r}")
            draft = self._lane(check, name, call, findings)
            if there := self._there(plain, draft):
                findings.note(check.line, f"the lane {there!r} is there already")
                continue
            if renamed and not index:
                findings.warn(check.line, f"the name {plain!r} is taken; this one is {name!r}")
            self.lanes[name] = draft
        self._beside(check, plain, steps, findings)

    def _calls(self, steps: Sequence[Steps], findings: Findings) -> list[Call]:
        """Return the calls of pytest whose tests are known, those that differ in nothing but their tests as one."""
        result: list[Call] = []
        for call in (call for step in steps for call in step.calls):
            tests = self._tests(call, findings)
            if not tests:
                continue
            own = msgspec.structs.replace(call, call=msgspec.structs.replace(call.call, tests=tests, notes=()))
            alike = [i for i, other in enumerate(result) if _apart_from_tests(other) == _apart_from_tests(own)]
            if not alike:
                result.append(own)
                continue
            findings.note(call.line, "it calls pytest twice in the same way; one lane runs the tests of both")
            first = result[alike[0]]
            both = tuple(dict.fromkeys((*first.call.tests, *tests)))
            result[alike[0]] = msgspec.structs.replace(first, call=msgspec.structs.replace(first.call, tests=both))
        return result

    def _tests(self, call: Call, findings: Findings) -> tuple[str, ...]:
        """Return the files and folders of a call, relative to the project; none when that cannot be said."""
        if not call.call.tests:
            findings.note(call.line, f"it names no tests; {DEFAULT_TESTS!r} is taken")
        result: dict[str, None] = {}
        for written in call.call.tests or (DEFAULT_TESTS,):
            path, selected, _ = written.partition("::")
            if selected:
                findings.note(call.line, f"`{written}` selects; a lane is whole: {path!r} is taken")
            path = posixpath.normpath(posixpath.join(call.folder, path))
            path = posixpath.relpath(path, self._project.root.as_posix()) if path.startswith("/") else path
            if path == ".":
                findings.warn(call.line, f"`{written}` is the whole project; {DEFAULT_TESTS!r} is taken")
                path = DEFAULT_TESTS
            if path.startswith("..") or "\0" in path:
                findings.left(call.line, f"`{written}` is not below the project")
                continue
            matching = self._matching(path) if re.search(r"[*?[]", path) else (path,)
            if not matching:
                findings.left(call.line, f"no file matches `{written}`")
            result.update(dict.fromkeys(matching))
        return tuple(result)

    def _matching(self, pattern: str) -> tuple[str, ...]:
        """Return the files that a shell's pattern means today."""
        root = self._project.root
        try:
            return tuple(sorted(path.relative_to(root).as_posix() for path in root.glob(pattern)))
        except (ValueError, NotImplementedError):
            return ()

    def _lane(self, check: Check, name: str, call: Call, findings: Findings) -> LaneDraft:
        """Return a lane, adding the providers that it needs."""
        own = surroundings({**check.env, **call.env}, self._project.configuration, findings, call.line)
        table: dict[str, object] = {"kind": _kind(check, name).value, "tests": list(call.call.tests)}
        budget = check.timeout if check.timeout is not None else call.budget
        if budget is not None:
            table["budget"] = budget
        if call.call.test_timeout is not None:
            table["test_timeout"] = call.call.test_timeout
        if call.call.workers:
            table["workers"] = call.call.workers
        if own.entries:
            table["env"] = list(own.entries)
        if providers := self._providers(check, call, own, findings):
            table["providers"] = providers
        if name != check.name and self._can_be_alias(check.name):
            table["aliases"] = [check.name]
        return LaneDraft(
            line=check.line, check=check.name, table=table,
            expect=check.expect, optional=check.optional, comments=check.comments,
        )  # fmt: skip

    def _providers(self, check: Check, call: Call, own: Surroundings, findings: Findings) -> list[str]:
        """Return the providers that a live check calls, adding those that are not declared; tell of other secrets."""
        if not check.live:
            if own.secrets:
                findings.note(call.line, f"{', '.join(own.secrets)}: only a live check sees a secret; dropped")
            return []
        if not own.secrets:
            advice = "no gate holds it back; list those that it needs in `env`, such as OPENAI_API_KEY"
            findings.warn(call.line, f"it is live and names no secret: {advice}")
        configuration = self._project.configuration
        names: dict[str, None] = {}
        for secret in own.secrets:
            name = provider_name(secret, configuration)
            names[name] = None
            if name not in configuration.providers:
                known = self.providers.setdefault(name, {"secrets": []})["secrets"]
                if isinstance(known, list) and secret not in known:
                    known.append(secret)
        for secret in own.given:
            advice = "revoke it; it is read from the environment now"
            findings.note(call.line, f"the value of {secret} stands in the file: {advice}")
        return list(names)

    def _beside(self, check: Check, name: str, steps: Sequence[Steps], findings: Findings) -> None:
        """Make a session of the commands that run no tests."""
        runs = tuple(run for step in steps for run in step.runs)
        if not runs:
            return
        has_lane = any(step.calls for step in steps)
        own = self._free(f"{name}-steps" if has_lane else name)
        exported = {name: value for step in steps for name, value in step.env.items()}
        line = check.scripts[0].line
        env = surroundings({**check.env, **exported}, self._project.configuration, findings, line).entries
        values = dict(entry.split("=", 1) for entry in env if "=" in entry)
        self.sessions[own] = SessionDraft(runs=runs, env=values, comments=check.comments)
        if has_lane:
            advice = "run it before, or declare what it starts in [tool.greenlane.services]"
            findings.note(line, f"the commands beside pytest are the nox session {own!r}: {advice}")
        else:
            findings.note(line, "it runs no pytest: a nox session, not a lane, and no part of the verdict")

    def _plain(self, check: Check, findings: Findings) -> str:
        """Return a check's name as a lane may have it."""
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", check.name).strip("-.")
        name = name if name[:1].isalpha() else f"check-{name}".rstrip("-")
        name = f"{name}-check" if name in RESERVED else name
        if name != check.name:
            findings.note(check.line, f"{check.name!r} is no name of a lane; {name!r} is")
        return name

    def _there(self, name: str, draft: LaneDraft) -> str:
        """Return the lane that the project has already of a name, or of it with a number, and that says the same."""
        table = {key: value for key, value in draft.table.items() if key != "aliases"}
        for known, lane in self._project.configuration.lanes.items():
            if known.startswith(name) and re.fullmatch(r"(-\d+)?", known.removeprefix(name)):
                own = msgspec.json.decode(msgspec.json.encode(lane))
                if {key: own.get(key) for key in table} == table:
                    return known
        return ""

    def _free(self, name: str) -> str:
        """Return a name that nothing has yet: itself, or with the next number."""
        known = self._project.configuration
        taken = {*RESERVED, *known.lanes, *known.locks, *known.services, *self.lanes, *self.sessions}
        taken |= {f"{lane}-{part}" for lane, own in known.lanes.items() for part in (*own.shards, *own.pythons)}
        number = 2
        own = name
        while own in taken:
            own, number = f"{name}-{number}", number + 1
        return own

    def _can_be_alias(self, name: str) -> bool:
        """Return whether the old name of a check can be expected as before."""
        known = self._project.configuration
        others = {*known.lanes, *known.providers, *known.services, *known.policies, "dev", "deploy", "matrix"}
        others |= {*self.lanes, *self.providers}
        return bool(name.strip()) and name == name.strip() and not set(name) & {",", "/", "\0"} and name not in others


def _apart_from_tests(call: Call) -> Call:
    """Return a call without its line and its tests."""
    return msgspec.structs.replace(call, line=0, folder="", call=msgspec.structs.replace(call.call, tests=(), notes=()))


def _kind(check: Check, name: str) -> LaneKind:
    """Return the kind of lane: live checks are release, what is named so is deterministic, the rest is not."""
    if check.live:
        return LaneKind.RELEASE
    return LaneKind.DETERMINISTIC if _DETERMINISTIC.search(name) else LaneKind.NONDETERMINISTIC


def _policies(
    lanes: Mapping[str, LaneDraft], configuration: Configuration, found: list[Finding]
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the policies that optional and expected checks need; the rest follows from the kinds of lanes."""
    expect = [name for name, lane in lanes.items() if lane.expect]
    optional = [name for name, lane in lanes.items() if lane.optional and not lane.expect]
    kinds = {name: lane.kind for name, lane in configuration.lanes.items()}
    kinds |= {name: LaneKind(str(lane.table["kind"])) for name, lane in lanes.items()}
    gating = [name for name, kind in kinds.items() if kind is not LaneKind.RELEASE and name not in optional]
    fixed = [name for name in gating if kinds[name] is LaneKind.DETERMINISTIC]
    wanted: dict[str, dict[str, object]] = {}
    if any(kinds[name] is not LaneKind.RELEASE for name in optional):
        wanted["dev"] = {"lanes": fixed or gating}
    if wanted or expect:
        wanted["deploy"] = {"lanes": gating, "strict": True, **({"expect": expect} if expect else {})}
    for name, table in wanted.items():
        line = min(lanes[lane].line for lane in (*optional, *expect))
        if name in configuration.policies:
            advice = f"the policy {name!r} is there already; give it lanes = {gating} and expect = {expect}"
            Findings(found, "").left(line, advice)
        elif not table["lanes"] and not expect:
            Findings(found, "").warn(line, f"every check is optional; the policy {name!r} needs them all the same")
        else:
            yield name, table

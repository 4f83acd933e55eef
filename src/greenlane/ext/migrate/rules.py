"""From a legacy list of named shell checks to lanes; `docs/migrate.md` has the schema."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from greenlane.config.validate import RESERVED
from greenlane.ext.migrate.legacy_pytest import PytestCall, call_of

KEYS = ("name", "run", "cmd", "timeout", "env", "live", "expect", "description")
"""What a check may have."""

SWALLOWS = re.compile(r"\s*(?:\|\||;)\s*(?:true|:|exit\s+0|/bin/true)\s*;?\s*$")
"""The ends of a command that hide how it ended."""

_OPERATORS = frozenset({"&&", "||", ";", "|", "&", ">", ">>", "<", "2>&1"})
_BARE = re.compile(r"python[\d.]*|pytest|py\.test|pip[\d.]*")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_SECRET = re.compile(r"([A-Z0-9]+)_(?:[A-Z0-9_]*_)?(?:KEY|TOKEN|SECRET)")
_DETERMINISTIC = re.compile(r"core|unit|determin|hermetic", re.IGNORECASE)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was noticed about a check.

    Attributes:
        where: the check; message: what it is, and what became of it.
        refused: whether nothing can be made of the list until somebody has decided.
    """

    where: str
    message: str
    refused: bool = False


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """What a list becomes.

    Attributes:
        lanes: table of each lane, as in `[tool.greenlane.lanes]`; providers: of each live provider.
        expect: names that the policy `deploy` expects.
        commands: words of each check that runs no tests, by name.
    """

    lanes: dict[str, dict[str, object]]
    providers: dict[str, dict[str, object]]
    expect: tuple[str, ...]
    commands: dict[str, tuple[str, ...]]
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> bool:
        """Whether anything keeps the list from becoming configuration."""
        return any(finding.refused for finding in self.findings)


class _Check(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the list, with types that hold."""

    where: str
    name: str
    command: str
    timeout: float | None
    env: tuple[str, ...]
    live: bool
    expect: bool


def translate(content: object) -> Migration:
    """Return what a legacy list becomes, and everything that was noticed on the way.

    Args:
        content: of the file, as plain data: a list of checks, or a mapping with `checks`.
    """
    findings: list[Finding] = []
    checks = list(_checks(content, findings))
    seen: set[str] = set()
    result = Migration(lanes={}, providers={}, expect=(), commands={}, findings=())
    expect: list[str] = []
    for check in checks:
        name = _lane_name(check, findings)
        if name in seen:
            findings.append(Finding(where=check.where, message=f"the name {name!r} is there twice", refused=True))
            continue
        seen.add(name)
        words, env = _words(check, findings)
        call = call_of(words)
        if call is None:
            result.commands[name] = words
            findings.append(Finding(where=check.where, message="it runs no pytest: a nox session, not a lane"))
        else:
            result.lanes[name] = _lane(check, name, call, env, result.providers, findings)
        if check.expect and call is not None:
            expect.append(name)
    return msgspec.structs.replace(result, expect=tuple(expect), findings=tuple(findings))


def _checks(content: object, findings: list[Finding]) -> Iterator[_Check]:
    """Yield the entries that can be understood."""
    if isinstance(content, dict):
        unknown = [str(key) for key in content if key not in ("checks", "version")]
        findings += [
            Finding(where=key, message="unknown key; allowed: checks, version", refused=True) for key in unknown
        ]
        content = content.get("checks")
    if not isinstance(content, list) or not content:
        message = "there is no list of checks, each with `name` and `run`"
        findings.append(Finding(where="checks", message=message, refused=True))
        return
    for index, entry in enumerate(content):
        where = f"checks[{index}]"
        if not isinstance(entry, dict):
            findings.append(Finding(where=where, message="it is no table with `name` and `run`", refused=True))
            continue
        where += f" {entry.get('name', '')}".rstrip()
        wrong = list(_wrong(entry))
        findings += [Finding(where=where, message=message, refused=True) for message in wrong]
        if not wrong:
            yield _check(where, entry)


def _wrong(entry: Mapping[object, object]) -> Iterator[str]:
    """Yield what is wrong with the keys and values of an entry."""
    yield from (f"unknown key {key!r}; allowed: {', '.join(KEYS)}" for key in entry if key not in KEYS)
    if not isinstance(entry.get("name"), str) or not str(entry["name"]).strip():
        yield "`name` is needed, a text"
    commands = [key for key in ("run", "cmd") if key in entry]
    if len(commands) != 1 or not isinstance(entry[commands[0]], str) or not str(entry[commands[0]]).strip():
        yield "one of `run` and `cmd` is needed, a command"
    timeout = entry.get("timeout")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float)):
        yield f"`timeout` is {timeout!r}, a number of seconds is needed"
    for key in ("live", "expect"):
        if not isinstance(entry.get(key, False), bool):
            yield f"`{key}` is {entry[key]!r}, true or false is needed"
    env = entry.get("env", [])
    if not isinstance(env, dict) and not (isinstance(env, list) and all(isinstance(name, str) for name in env)):
        yield "`env` is neither a table nor a list of NAME and NAME=value"


def _check(where: str, entry: Mapping[object, object]) -> _Check:
    """Return an entry whose types hold."""
    env = entry.get("env") or []
    entries = [f"{name}={value}" for name, value in env.items()] if isinstance(env, dict) else env
    timeout = entry.get("timeout")
    return _Check(
        where=where,
        name=str(entry["name"]).strip(),
        command=str(entry.get("run", entry.get("cmd"))).strip(),
        timeout=float(timeout) if isinstance(timeout, int | float) else None,
        env=tuple(map(str, entries if isinstance(entries, list) else ())),
        live=entry.get("live") is True,
        expect=entry.get("expect") is True,
    )


def _lane_name(check: _Check, findings: list[Finding]) -> str:
    """Return a name that a lane may have."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", check.name).strip("-.")
    name = name if name[:1].isalpha() else f"check-{name}".rstrip("-")
    name = f"{name}-check" if name in RESERVED else name
    if name != check.name:
        findings.append(Finding(where=check.where, message=f"{check.name!r} is no name of a lane; {name!r} is"))
    return name


def _words(check: _Check, findings: list[Finding]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the words of a command without what hides its end, and the variables that are set before it."""
    command = check.command
    while SWALLOWS.search(command):
        hidden = SWALLOWS.search(command)
        findings.append(
            Finding(where=check.where, message=f"`{hidden[0].strip() if hidden else ''}` hides its exit code; dropped")
        )
        command = SWALLOWS.sub("", command)
    try:
        words = shlex.split(command)
    except ValueError as error:
        findings.append(Finding(where=check.where, message=f"its quotation is broken: {error}", refused=True))
        return (), ()
    chained = [word for word in words if word in _OPERATORS or word.endswith(";")]
    if chained or "\n" in command:
        what = f"`{chained[0]}`" if chained else "a line break"
        findings.append(
            Finding(where=check.where, message=f"{what} makes it more than one command; split the check", refused=True)
        )
    env = []
    while words and (match := _ASSIGNMENT.fullmatch(words[0])):
        env.append(match[0])
        words = words[1:]
    if words and _BARE.fullmatch(words[0]):
        own = "the interpreter of its own environment is used"
        findings.append(
            Finding(where=check.where, message=f"bare `{words[0]}` is whichever comes first on the PATH; {own}")
        )
    return tuple(words), tuple(env)


def _lane(
    check: _Check, name: str, call: PytestCall, env: Iterable[str], providers: dict[str, dict[str, object]],
    findings: list[Finding],
) -> dict[str, object]:  # fmt: skip
    """Return the table of a lane, adding the providers that it needs."""
    findings += [Finding(where=check.where, message=note) for note in call.notes]
    entries = [*check.env, *env]
    secrets = [entry for entry in entries if _SECRET.fullmatch(entry.partition("=")[0])]
    table: dict[str, object] = {"kind": _kind(check, name), "tests": list(call.tests)}
    if check.timeout is not None:
        table["budget"] = check.timeout
    if call.test_timeout is not None:
        table["test_timeout"] = call.test_timeout
    if call.workers:
        table["workers"] = call.workers
    plain = [entry for entry in entries if entry not in secrets]
    if plain:
        table["env"] = plain
    if check.live:
        table["providers"] = _providers(check, secrets, providers, findings)
    elif secrets:
        named = ", ".join(entry.partition("=")[0] for entry in secrets)
        findings.append(Finding(where=check.where, message=f"{named}: only a live check sees a secret; dropped"))
    return table


def _kind(check: _Check, name: str) -> str:
    """Return the kind of lane: live checks are release, what is named so is deterministic, the rest is not."""
    if check.live:
        return "release"
    return "deterministic" if _DETERMINISTIC.search(name) else "nondeterministic"


def _providers(
    check: _Check, secrets: Sequence[str], providers: dict[str, dict[str, object]], findings: list[Finding]
) -> list[str]:
    """Return the names of the providers that a live check calls, adding their tables."""
    if not secrets:
        message = "it is live and names no secret; list those that it needs in `env`, such as OPENAI_API_KEY"
        findings.append(Finding(where=check.where, message=message, refused=True))
    names: dict[str, None] = {}
    for entry in secrets:
        variable, equals, _ = entry.partition("=")
        match = _SECRET.fullmatch(variable)
        provider = match[1].lower() if match else variable.lower()
        names[provider] = None
        known = providers.setdefault(provider, {"secrets": []})["secrets"]
        if isinstance(known, list) and variable not in known:
            known.append(variable)
        if equals:
            message = f"the value of {variable} stands in the file: revoke it; it is read from the environment now"
            findings.append(Finding(where=check.where, message=message))
    return list(names)

"""The diagnosis for people: one section for each thing, problems last, each with its next step."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterable, Mapping

import msgspec

from greenlane.doctor.diagnosis import exit_code
from greenlane.doctor.values import Diagnosis, Problem
from greenlane.evidence.verdict import CONFIGURATION
from greenlane.evidence.violation import Code
from greenlane.report.lines import clean

REDACTED = "[redacted]"
_USER = re.compile(r"(?<=://)[^/\s@]*@")
"""The user and password of an address."""

SHORTEST = 4
"""Secret values below this length are in every text; they are no secrets."""


def as_json(diagnosis: Diagnosis, secrets: Iterable[str]) -> str:
    """Return the diagnosis as JSON: its fields, and `exit_code`, which follows from them.

    Args:
        secrets: values that must not be in it.
    """
    content = {"exit_code": exit_code(diagnosis), **msgspec.to_builtins(diagnosis)}
    return json.dumps(_without(content, _longest_first(secrets)), indent=2, ensure_ascii=False)


def plain(diagnosis: Diagnosis, secrets: Iterable[str]) -> list[str]:
    """Return the lines for a terminal; a section begins with a line that is not indented.

    Args:
        secrets: values that must not be in them.
    """
    shown = msgspec.convert(_without(msgspec.to_builtins(diagnosis), _longest_first(secrets)), Diagnosis)
    lines = [f"greenlane {shown.version}, Python {shown.python}, {shown.project}"]
    for title, rows in _sections(shown).items():
        if rows:
            lines += ["", title, *(f"  {clean(row)}" for row in rows)]
    return [*lines, "", *_problems(shown)]


def show(diagnosis: Diagnosis, secrets: Iterable[str], *, colour: bool) -> None:
    """Print the lines, with colours where they are wanted and rich is installed."""
    lines = plain(diagnosis, secrets)
    if not colour or importlib.util.find_spec("rich") is None:
        print("\n".join(lines), flush=True)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True)
    for line in lines:
        console.print(Text(line, _style(line)))


def _style(line: str) -> str:
    """Return the style of a line."""
    if line.startswith(("PROBLEM", "CONFIG_ERROR")):
        return "bold red"
    if line.startswith("WARNING"):
        return "yellow"
    if line.startswith("nothing stands"):
        return "bold green"
    return "" if line.startswith(" ") else "bold"


def _without(value: object, secrets: list[str]) -> object:
    """Return plain data in which no text holds a secret."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, REDACTED)
        return _USER.sub("", value)
    if isinstance(value, Mapping):
        return {key: _without(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without(item, secrets) for item in value]
    return value


def _longest_first(secrets: Iterable[str]) -> list[str]:
    """Return the values to look for: one may be part of another, whose rest would stay."""
    texts = {text for secret in secrets for text in (secret, secret.strip()) if len(text.strip()) >= SHORTEST}
    return sorted(texts, key=len, reverse=True)


def _sections(d: Diagnosis) -> dict[str, list[str]]:
    """Return the rows of each section."""
    return {
        f"policy {d.policy}{', strict' if d.strict else ''}": [
            f"needs {', '.join(lane.name for lane in d.lanes if lane.needed) or 'no lane'}",
            *(f"expects {e.name} ({e.source}): {e.blocked or 'could run'}" for e in d.expected),
        ],
        "lanes": [
            f"{lane.name}: {lane.kind}, checks {', '.join(lane.checks)}, budget {_seconds(lane.budget)},"
            f" workers {lane.workers}, environment {lane.environment}"
            for lane in d.lanes
        ],
        "locks": [f"{lock.path}: {lock.state}{_because(lock.reason)}" for lock in d.locks],
        "interpreters": [f"Python {p.version}: {p.path or 'not found'} ({', '.join(p.lanes)})" for p in d.interpreters],
        "isolation": [f"{d.hermetic.level}{_because(d.hermetic.reason)}, found in {d.hermetic.milliseconds:g} ms"],
        "base": [
            f"{d.base.url or 'follows the service'}, from {d.base.source}{_because(d.base.answer)}",
            *(f"{name}: {value}" for name, value in d.base.variables.items()),
        ],
        **{name: list(facts) for name, facts in d.guards.items()},
        "live providers": [
            f"{g.provider} ({g.lane or 'in no lane'}): {'open' if g.open else f'closed, {g.reason}'};"
            f" {', '.join(f'{name} {state}' for name, state in g.secrets.items()) or 'no secret'}"
            for g in d.gates
        ],
        "services": [
            f"{s.name} ({', '.join(s.lanes) or 'in no lane'}): {(s.absent and f'off, {s.absent}') or s.port}"
            for s in d.services
        ],
        "model servers": [
            f"{m.address} ({m.source}): {m.reason or ', '.join(m.models) or 'lists no model'}"
            f"{f', version {m.version}' if m.version else ''}"
            for m in d.models
        ],
        "environment names": [
            f"{v.name}{'' if v.value is None else f'={v.value}'}: {v.meaning}" for v in d.environment
        ],
        "options that are not at their default": [f"{o.key} = {o.value} ({o.source})" for o in d.options],
        "no answer in time": list(d.unanswered),
    }


def _problems(d: Diagnosis) -> list[str]:
    """Return problems, warnings, and the last word."""
    lines = []
    for problem in d.problems:
        lines += [f"{_word(problem)} {clean(problem.message)}", f"  next: {clean(problem.next_step)}"]
    count = sum(problem.stands for problem in d.problems)
    if not count:
        return [*lines, f"nothing stands in the way of policy {d.policy}"]
    return [*lines, f"{count} problem{'s' if count > 1 else ''} in the way of policy {d.policy}"]


def _word(problem: Problem) -> str:
    """Return what a problem's line begins with: `CONFIG_ERROR:` where a wrong setting stands in the way, its code."""
    if problem.code is Code.CONFIG_ERROR and problem.stands:
        return f"{problem.code.value}:"
    word = "WARNING" if not problem.stands else "CONFIG_ERROR" if problem.code in CONFIGURATION else "PROBLEM"
    return f"{word}: {problem.code.value}"


def _because(reason: str) -> str:
    """Return a reason behind what it explains."""
    return f" ({reason})" if reason else ""


def _seconds(budget: float) -> str:
    """Return a budget for people."""
    return f"{budget:g} s" if budget else "none"

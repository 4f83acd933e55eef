"""What the doctor has to say: for people, the verdict first, and for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import msgspec

from greenlane.doctor.examine import Diagnosis
from greenlane.doctor.values import Problem
from greenlane.evidence.verdict import CONFIGURATION
from greenlane.evidence.violation import Code
from greenlane.report.lines import clean
from greenlane.util.redaction import Redactor

SCHEMA = 2
"""Version of the JSON form of a diagnosis."""

SHOWN = 8
"""Problems that are told unless everything is asked for."""

WIDEST = 120
"""Characters of a section's one line."""

STYLES = {
    "would be able to run: yes": "bold green", "would be able to run": "bold red", "PROBLEM": "bold red",
    "CONFIG_ERROR": "bold red", "WARNING": "yellow",
}  # fmt: skip
"""The style of a line by how it begins."""

_USER = re.compile(r"(?<=://)[^/\s@]*@")
"""The user and password of an address."""


def redacted(text: str, secrets: Mapping[str, str]) -> str:
    """Return text without secrets, and without the users of addresses."""
    return _USER.sub("", Redactor(secrets).clean(text.encode()).decode())


def styled(text: str) -> list[tuple[str, str]]:
    """Return the lines of a text with their styles."""
    pairs = [(line, [style for start, style in STYLES.items() if line.startswith(start)]) for line in text.split("\n")]
    return [(line, styles[0] if styles else "") for line, styles in pairs]


def as_json(diagnosis: Diagnosis) -> str:
    """Return the diagnosis as JSON: the facts of each section by its name, and `exit_code`."""
    plain = msgspec.to_builtins(diagnosis)
    sections = {section["name"].replace(" ", "_"): section["facts"] for section in plain.pop("sections")}
    content = {"schema": SCHEMA, "exit_code": diagnosis.exit_code, **plain, **sections}
    return json.dumps(content, indent=2, ensure_ascii=False)


def as_text(diagnosis: Diagnosis, *, everything: bool) -> str:
    """Return it for a terminal: verdict, problems with next steps, then one line a section, or every fact."""
    sections = _everything(diagnosis) if everything else _at_a_glance(diagnosis)
    return "\n".join(clean(line) for line in (*_verdict(diagnosis, everything), "", *sections))


def _verdict(d: Diagnosis, everything: bool) -> Iterator[str]:
    """Yield whether the policy could run, and each problem with its next step."""
    count = sum(problem.stands for problem in d.problems)
    stand = f"no, {count} problem{'s' if count > 1 else ''} in" if count else "yes, nothing stands in"
    yield f"would be able to run: {stand} the way of policy {d.policy}{', strict' if d.strict else ''}"
    shown = d.problems if everything else d.problems[:SHOWN]
    for problem in shown:
        yield f"{_word(problem)} {problem.message}"
        yield f"  next: {problem.next_step}"
    if len(shown) < len(d.problems):
        yield f"and {len(d.problems) - len(shown)} more: greenlane doctor --all"


def _word(problem: Problem) -> str:
    """Return what a problem's line begins with: `CONFIG_ERROR:` where a wrong setting stands in the way, its code."""
    if problem.code is Code.CONFIG_ERROR and problem.stands:
        return f"{problem.code.value}:"
    word = "WARNING" if not problem.stands else "CONFIG_ERROR" if problem.code in CONFIGURATION else "PROBLEM"
    return f"{word}: {problem.code.value}"


def _at_a_glance(d: Diagnosis) -> Iterator[str]:
    """Yield one line for each section that has something to say."""
    rows = {"project": f"{d.project}, greenlane {d.version}, Python {d.python}"}
    rows |= {section.name: section.summary for section in d.sections if section.summary}
    rows |= {"no answer in time": ", ".join(d.unanswered)} if d.unanswered else {}
    width = max(map(len, rows))
    for name, text in rows.items():
        line = f"{name:{width}}  {text}"
        yield line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"
    yield "everything that was looked at: greenlane doctor --all; for a script: --json"


def _everything(d: Diagnosis) -> Iterator[str]:
    """Yield every fact of every section."""
    yield f"{d.project}, greenlane {d.version}, Python {d.python}"
    for section in d.sections:
        yield from ("", f"{section.name}: {section.summary or 'none'}")
        if isinstance(section.facts, dict):
            yield from (f"  {key}: {text}" for key, value in section.facts.items() if (text := _text(value)))
            continue
        for fact in section.facts:
            (_, head), *rest = fact.items()
            yield f"  {head}: {'; '.join(f'{key} {text}' for key, value in rest if (text := _text(value)))}"
    if d.unanswered:
        yield f"no answer in time: {', '.join(d.unanswered)}"


def _text(value: object) -> str:
    """Return a fact for people; empty for none."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {text}" for key, text in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return ("yes" if value else "no") if isinstance(value, bool) else "" if value is None else str(value)

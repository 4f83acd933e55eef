"""The verdict for programs: JSON with a schema version, and JUnit with one case per check."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import msgspec

from greenlane.model.verdict import Status, Verdict
from greenlane.model.violation import Violation
from greenlane.report.lines import line

_ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold, not even as a reference."""


def as_json(verdict: Verdict) -> str:
    """Return the verdict as JSON: its fields, and `ready`, `word`, `exit_code`, `causes`, which follow from them."""
    fields = msgspec.to_builtins(verdict)
    derived = {
        "ready": verdict.ready,
        "word": verdict.word,
        "exit_code": verdict.exit_code,
        "causes": list(verdict.causes),
    }
    text = json.dumps({**derived, **fields}, indent=2, ensure_ascii=False)
    # A path of undecodable bytes has characters that UTF-8 lacks; as escapes they are still JSON.
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def as_junit(verdict: Verdict) -> str:
    """Return JUnit XML: one suite, one case for each check, violations as failures."""
    failed = [check for check in verdict.checks if check.status is Status.FAILED]
    skipped = [check for check in verdict.checks if check.status is Status.SKIPPED]
    stray = [v for v in verdict.violations if v.check not in {check.name for check in failed}]
    suite = ElementTree.Element(
        "testsuite",
        name="greenlane",
        tests=str(len(verdict.checks) + bool(stray)),
        failures=str(len(failed) + bool(stray)),
        skipped=str(len(skipped)),
        errors="0",
    )
    for check in verdict.checks:
        case = ElementTree.SubElement(
            suite, "testcase", classname="greenlane", name=_clean(check.name), time=f"{check.duration:.3f}"
        )
        own = [violation for violation in verdict.violations if violation.check == check.name]
        if check.status is Status.FAILED:
            _failure(case, own)
        elif check.status is Status.SKIPPED:
            ElementTree.SubElement(case, "skipped", message=_clean(check.reason))
    if stray:
        _failure(ElementTree.SubElement(suite, "testcase", classname="greenlane", name="verdict"), stray)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _failure(case: ElementTree.Element, violations: list[Violation]) -> None:
    """Add the violations of a check to its case."""
    text = "\n".join(line(violation) for violation in violations)
    first = text.splitlines()[0] if text else "failed"
    ElementTree.SubElement(case, "failure", message=_clean(first)).text = _clean(text)


def _clean(text: str) -> str:
    """Return text that XML can hold."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)

"""From a YAML tree to checks: any shape that people have, and whatever cannot be read told with its line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

from greenlane.environment.yaml_lines import Node
from greenlane.ext.migrate.values import Check, Finding, Findings, Script

COMMANDS = ("run", "cmd", "command", "script")
"""Keys of a check's command; the first that is there is taken."""

KEYS = ("name", *COMMANDS, "timeout", "env", "live", "expect", "optional", "description")
"""What a check may have; every other key is kept as a comment."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|secs|seconds|m|min|minutes|h|hours)?")
_UNITS = {"s": 1, "m": 60, "h": 3600}
_YES = ("true", "yes", "on", "1")
_NO = ("false", "no", "off", "0", "")


def read_checks(root: Node, found: list[Finding]) -> list[Check]:
    """Return the checks of a list.

    Args:
        root: of the file: a list, or a table that has one (`checks`, or another key), or tables by name.
        found: where findings go.
    """
    top = Findings(found, "")
    entries = list(_entries(root, top))
    if not entries:
        top.left(root.line, "there is no list of checks, each with `name` and `run`")
    return [check for name, node in entries for check in _check(name, node, found)]


def seconds(text: str) -> float | None:
    """Return a duration as people write it (`300`, `5m`, `1.5 h`) in seconds; None for anything else."""
    match = _DURATION.fullmatch(text.strip())
    value = float(match[1]) * _UNITS[(match[2] or "s")[0]] if match else math.nan
    return value if math.isfinite(value) else None


def _entries(root: Node, top: Findings) -> Iterator[tuple[str, Node]]:
    """Yield each entry with the name that its key gives it, empty in a list; tell of every other key."""
    if root.kind == "list":
        yield from (("", item) for item in root.items)
        return
    listed = [(key, value) for key, value in root.pairs if key.text == "checks" or _listed(value)]
    named = [] if listed else [(key, value) for key, value in root.pairs if _runs(value)]
    for key, value in root.pairs:
        if (key, value) in listed:
            pairs = (
                value.pairs
                if value.kind == "table"
                else tuple((Node(line=i.line, kind="null"), i) for i in value.items)
            )
            yield from ((k.text, v) for k, v in pairs)
        elif (key, value) in named:
            yield key.text, value
        elif key.text != "version":
            top.note(key.line, f"unknown key {key.text!r}, kept as a comment")


def root_comments(root: Node) -> tuple[str, ...]:
    """Return the keys beside the list of checks, one line each."""
    listed = any(key.text == "checks" or _listed(value) for key, value in root.pairs)
    return tuple(
        _comment(key, value)
        for key, value in root.pairs
        if not (key.text == "checks" or _listed(value) if listed else _runs(value)) and key.text != "version"
    )


def _listed(node: Node) -> bool:
    """Return whether a value is a list of checks."""
    return node.kind == "list" and any(map(_runs, node.items))


def _runs(node: Node) -> bool:
    """Return whether a value is a table with a command."""
    return any(key.text in COMMANDS for key, _ in node.pairs)


def _check(key: str, node: Node, found: list[Finding]) -> Iterator[Check]:
    """Yield the check that an entry is, if it is one."""
    values = {name.text: (name, value) for name, value in node.pairs}
    named = values["name"][1] if "name" in values else None
    name = (named.text.strip() if named and named.kind != "null" else "") or key
    findings = Findings(found, name)
    if node.kind == "str" and key:
        yield Check(line=node.line, name=name, scripts=(Script(text=node.text, line=node.line),))
        return
    if node.kind != "table":
        findings.left(node.line, f"it is no table with `name` and `run`: {_written(node)}")
        return
    twice = {k.text: k for index, (k, _) in enumerate(node.pairs) if k.text in (o.text for o, _ in node.pairs[:index])}
    for text, second in twice.items():
        findings.warn(second.line, f"the key {text!r} is there twice; the second is taken, as the old runner did")
    scripts = _scripts(node, values, findings)
    if not scripts:
        return
    if not name:
        name = f"check-{node.line}"
        findings.warn(node.line, f"it has no name; it is called {name!r}")
    timeout = values.get("timeout")
    yield Check(
        line=node.line,
        name=name,
        scripts=scripts,
        timeout=_timeout(timeout[1], findings) if timeout else None,
        env=_env(values["env"][1], findings) if "env" in values else {},
        live=_switch("live", values, findings),
        expect=_switch("expect", values, findings),
        optional=_switch("optional", values, findings),
        comments=tuple(_comments(values, findings)),
    )


def _scripts(node: Node, values: dict[str, tuple[Node, Node]], findings: Findings) -> tuple[Script, ...]:
    """Return the shell texts of a check; none when it has no command, which is told."""
    given = [key for key in COMMANDS if key in values]
    if not given:
        findings.left(node.line, f"it has no command; one of {', '.join(COMMANDS)} is needed")
        return ()
    for other in given[1:]:
        key, value = values[other]
        findings.left(key.line, f"`{given[0]}` is its command; `{other}` is a second one: {_written(value)}")
    value = values[given[0]][1]
    texts = value.items if value.kind == "list" else (value,)
    wrong = [item for item in texts if item.kind in ("list", "table", "null") or not item.text.strip()]
    if not texts:
        findings.left(value.line, f"`{given[0]}` is empty")
    for item in wrong:
        findings.left(item.line, f"`{given[0]}` is no command: {_written(item)}")
    return tuple(Script(text=item.text, line=item.line) for item in texts if item not in wrong)


def _timeout(node: Node, findings: Findings) -> float | None:
    """Return the seconds that a check may take; None for none said, or none that can be read, which is told."""
    value = seconds(node.text)
    if value is None and node.kind != "null":
        findings.warn(node.line, f"`timeout` {_written(node)} is no number of seconds; the default is taken")
    return value


def _switch(key: str, values: dict[str, tuple[Node, Node]], findings: Findings) -> bool:
    """Return whether a key says yes; what says neither yes nor no is told, and taken as no."""
    if key not in values:
        return False
    node = values[key][1]
    text = node.text.strip().lower()
    if node.kind in ("list", "table") or text not in (*_YES, *_NO, "null", "~"):
        findings.warn(node.line, f"`{key}` {_written(node)} is neither true nor false; false is taken")
    return text in _YES


def _env(node: Node, findings: Findings) -> dict[str, str | None]:
    """Return the variables of a check; None for one that is passed on, as `NAME` alone says."""
    result: dict[str, str | None] = {}
    for key, value in node.pairs:
        if value.kind in ("list", "table"):
            findings.left(value.line, f"the value of {key.text} is no text: {_written(value)}")
        else:
            text = value.text.lower() if value.kind == "bool" else value.text
            result[key.text] = None if value.kind == "null" else text
    for item in node.items if node.kind == "list" else ():
        name, equals, text = item.text.partition("=")
        result[name.strip()] = text if equals else None
    if node.kind not in ("list", "table", "null"):
        findings.left(node.line, f"`env` is neither a table nor a list of NAME and NAME=value: {_written(node)}")
    return result


def _comments(values: dict[str, tuple[Node, Node]], findings: Findings) -> Iterator[str]:
    """Yield what a lane has no key for: the description, and each key that is not known."""
    for name, (key, value) in values.items():
        if name == "description" and value.text.strip():
            yield _printable(" ".join(value.text.split()))
        elif name not in KEYS:
            findings.note(key.line, f"unknown key {name!r}, kept as a comment")
            yield _comment(key, value)


def _comment(key: Node, value: Node) -> str:
    """Return a key that nothing of ours stands for, without a value that may be a secret."""
    hidden = re.search(r"key|token|secret|passw", key.text, re.IGNORECASE) is not None
    return f"{_printable(key.text)}: {'[redacted]' if hidden else _written(value)}"


def _written(node: Node) -> str:
    """Return a value in one line, as YAML takes it, too."""
    if node.kind == "list":
        return f"[{', '.join(map(_written, node.items))}]"
    if node.kind == "table":
        return f"{{{', '.join(f'{_written(key)}: {_written(value)}' for key, value in node.pairs)}}}"
    return _printable(node.text) if node.kind != "null" else "null"


def _printable(text: str) -> str:
    """Return a text without what a comment cannot hold; it stays as it is where it needs no quotation."""
    return text if text.isprintable() and text else json.dumps(text)

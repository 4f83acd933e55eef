"""A migration as text: tables for `pyproject.toml`, and sessions for what is no lane."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from greenlane.ext.migrate.rules import Migration


def tables(migration: Migration) -> str:
    """Return the tables of lanes, providers and the policy, as TOML."""
    parts = [_table(f"lanes.{_key(name)}", content) for name, content in migration.lanes.items()]
    parts += [_table(f"providers.{_key(name)}", content) for name, content in migration.providers.items()]
    if migration.expect:
        gating = [name for name, lane in migration.lanes.items() if lane["kind"] != "release"]
        deploy = {"lanes": gating, "strict": True, "expect": list(migration.expect)}
        parts.append(_table("policies.deploy", deploy))
    return "\n".join(parts)


def sessions(migration: Migration) -> str:
    """Return a nox session for each command that runs no tests, as Python; empty when there is none."""
    return "\n\n".join(
        f"@nox.session(name={name!r})\ndef {_identifier(name)}(session: nox.Session) -> None:\n"
        f"    session.run({', '.join(map(repr, words))}, external=True)\n"
        for name, words in migration.commands.items()
    )


def lines(migration: Migration) -> Iterable[str]:
    """Yield a line for each finding, those that refuse the list first."""
    for finding in sorted(migration.findings, key=lambda finding: not finding.refused):
        yield f"{'CONFIG_ERROR' if finding.refused else 'NOTE'}: {finding.where}: {finding.message}"


def _table(path: str, content: Mapping[str, object]) -> str:
    """Return one table; JSON's texts, numbers and lists are TOML's."""
    rows = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in content.items()]
    return "\n".join([f"[tool.greenlane.{path}]", *rows, ""])


def _key(name: str) -> str:
    """Return a name as a TOML key."""
    return f'"{name}"' if "." in name else name


def _identifier(name: str) -> str:
    """Return a name as Python's."""
    text = "".join(c if c.isalnum() else "_" for c in name)
    return text if text.isidentifier() else f"_{text}"

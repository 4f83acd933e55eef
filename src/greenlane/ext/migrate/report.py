"""A migration as text: tables for `pyproject.toml`, and sessions for what is no lane."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from greenlane.ext.migrate.secrets import hidden
from greenlane.ext.migrate.values import Finding, Level, Migration, SessionDraft
from greenlane.util.toml_text import table


def tables(migration: Migration) -> str:
    """Return the tables of lanes, providers and policies, as TOML."""
    parts = [_table(("lanes", name), lane.table, lane.comments) for name, lane in migration.lanes.items()]
    parts += [_table(("providers", name), content) for name, content in migration.providers.items()]
    parts += [_table(("policies", name), content) for name, content in migration.policies.items()]
    if migration.address:
        given = {key: value for key, value in msgspec.structs.asdict(migration.address).items() if value}
        parts.append(_table(("address",), given))
    beside = "".join(f"# {_one_line(line)}\n" for line in migration.comments)
    return hidden(beside + "\n".join(parts))


def sessions(migration: Migration) -> str:
    """Return a nox session for each check that runs no tests, as Python; empty when there is none."""
    names: dict[str, str] = {}
    for name in migration.sessions:
        own = _identifier(name)
        while own in names.values():
            own += "_"
        names[name] = own
    return hidden("\n\n".join(_session(name, names[name], draft) for name, draft in migration.sessions.items()))


def lines(migration: Migration, source: str) -> Iterable[str]:
    """Yield a line for each message, the worst first, with every place that it is true of, and one that counts.

    Args:
        source: name of the legacy list.
    """
    rows: dict[tuple[Level, str], list[Finding]] = {}
    for finding in sorted(migration.findings, key=lambda finding: list(Level).index(finding.level)):
        rows.setdefault((finding.level, finding.message), []).append(finding)
    for (level, message), found in rows.items():
        first, *others = found
        where = f"{source}:{first.line}: {first.check}" if first.check else f"{source}:{first.line}"
        also = f" (and lines {', '.join(str(other.line) for other in others)})" if others else ""
        yield hidden(_one_line(f"{level}: {where}: {message}{also}"))
    counts = f"{migration.checks} checks, {len(migration.lanes)} lanes, {len(migration.sessions)} nox sessions"
    yield f"{counts}, {migration.left} left for you" if migration.left else counts


def _one_line(text: str) -> str:
    """Return a text whose characters all can be shown in one line."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _table(path: Sequence[str], content: Mapping[str, object], comments: Sequence[str] = ()) -> str:
    """Return one table."""
    return table(("tool", "greenlane", *path), content, map(_one_line, comments))


def _session(name: str, function: str, draft: SessionDraft) -> str:
    """Return one session; what it needs installed is for its owner to say."""
    env = f", env={draft.env!r}" if draft.env else ""
    runs = [f"    session.run({', '.join(map(_text, words))}, external=True{env})" for words in draft.runs]
    comments = [f"    # {_one_line(line)}" for line in draft.comments]
    head = [f"@nox.session(name={name!r})", f"def {function}(session: nox.Session) -> None:"]
    return "\n".join([*head, *comments, *runs, ""])


def _text(word: str) -> str:
    """Return a word as a text of Python; a script of several lines as it reads."""
    long = "\n" in word.strip() and word.isascii() and not re.search(r"\\|\"\"\"|\"$|[^\x20-\x7e\n\t]", word)
    return f'"""\\\n{word}"""' if long else repr(word)


def _identifier(name: str) -> str:
    """Return a name as Python's."""
    text = "".join(c if c.isalnum() else "_" for c in name)
    return text if text.isidentifier() and not keyword.iskeyword(text) else f"_{text}"

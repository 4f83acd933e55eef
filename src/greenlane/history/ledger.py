"""Reads and writes `quarantine.toml`, the committed ledger."""

from __future__ import annotations

import json
import tomllib

import msgspec

from greenlane.config.load import Settings
from greenlane.errors import ConfigError
from greenlane.evidence.quarantine import LEDGER_SCHEMA, Entry, Ledger
from greenlane.judge.quarantine import wrong_with
from greenlane.util.files import write_atomically

HEAD = """\
# Tests that are known to be flaky. They run and are reported, and a failure of theirs does not gate.
# Written by `greenlane flakes quarantine`, `promote` and `expire`; see docs/flakes.md. Commit it.
"""


def read_ledger(settings: Settings) -> Ledger:
    """Return the ledger of a project; an empty one where there is no file.

    Raises:
        ConfigError: the file is damaged, of another schema, or an entry is wrong.
    """
    name = settings.configuration.quarantine.ledger
    try:
        content = tomllib.loads((settings.root / name).read_text(encoding="utf-8"))
        ledger = msgspec.convert(content, Ledger, strict=True)
    except FileNotFoundError:
        return Ledger()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{name}: {error}", "correct it, or take it back from git") from error
    if ledger.schema != LEDGER_SCHEMA:
        raise ConfigError(f"{name} has schema {ledger.schema}; this greenlane reads {LEDGER_SCHEMA}")
    found = wrong_with(ledger, settings.configuration.lanes)
    if found:
        raise ConfigError("\n".join(f"{name}: {problem}" for problem in found), f"correct {name}")
    return ledger


def in_force(settings: Settings, ledger: Ledger) -> tuple[Entry, ...]:
    """Return the entries; one whose issue is a file that is not there has no issue."""
    entries = []
    for entry in ledger.quarantined:
        there = "://" in entry.issue or (bool(entry.issue) and (settings.root / entry.issue).is_file())
        entries.append(entry if there else msgspec.structs.replace(entry, issue=""))
    return tuple(entries)


def write_ledger(settings: Settings, ledger: Ledger) -> None:
    """Write the ledger, entries sorted, so that a change of one is a change of its lines only."""
    blocks = [_block(entry) for entry in sorted(ledger.quarantined, key=lambda entry: (entry.lane, entry.test))]
    text = "\n".join([HEAD, f"schema = {ledger.schema}\n", *blocks])
    write_atomically(settings.root / settings.configuration.quarantine.ledger, text)


def _block(entry: Entry) -> str:
    """Return an entry as a TOML table."""
    lines = ["[[quarantined]]"]
    for name, value in msgspec.to_builtins(entry).items():
        if isinstance(value, list | tuple):
            items = "".join(f"\n    {_quoted(item)}," for item in value)
            lines.append(f"{name} = [{items}\n]" if items else f"{name} = []")
        else:
            lines.append(f"{name} = {value if isinstance(value, int) else _quoted(value)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return text as a TOML string; JSON's form is TOML's, but for DEL and characters that UTF-8 lacks."""
    clean = text.encode("utf-8", "replace").decode()
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")

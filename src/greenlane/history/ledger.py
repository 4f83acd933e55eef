"""Reads and writes `greenlane-ledger.toml`, the committed ledger; reads `quarantine.toml`, which it has replaced."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from greenlane.config.load import Settings
from greenlane.errors import ConfigError
from greenlane.evidence.ledger import LEDGER_FILE, LEDGER_SCHEMA, Ledger
from greenlane.evidence.quarantine import Entry
from greenlane.judge.ledger import wrong_with
from greenlane.util.files import write_atomically
from greenlane.util.toml_text import array, value

T = TypeVar("T", bound=msgspec.Struct)

HEAD = """\
# What is known and excused here; whatever is not listed is red, and what is gone has to go: it only shrinks.
# Written by `greenlane ledger`, `greenlane flakes` and `greenlane init`, which keep no other comments: docs/ledger.md.
"""


class _Quarantine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of `quarantine.toml`, as it was before there was a ledger."""

    schema: int = LEDGER_SCHEMA
    quarantined: tuple[Entry, ...] = ()


def read_ledger(settings: Settings) -> Ledger:
    """Return the ledger of a project; an empty one where there is no file.

    Raises:
        ConfigError: a file is damaged, of another schema, or an entry is wrong.
    """
    ledger = parse_ledger(settings.root, settings.configuration.quarantine.ledger)
    found = wrong_with(ledger, settings.configuration.lanes)
    if found:
        name = LEDGER_FILE if (settings.root / LEDGER_FILE).exists() else settings.configuration.quarantine.ledger
        raise ConfigError("\n".join(f"{name}: {problem}" for problem in found), f"correct {name}")
    return ledger


def parse_ledger(root: Path, older: str = "quarantine.toml") -> Ledger:
    """Return what the files of a project say, whether or not it fits its lanes.

    Args:
        older: the file that held quarantined tests before, relative to it; its entries are taken over.

    Raises:
        ConfigError: a file is damaged, or of another schema.
    """
    ledger = _parsed(root, LEDGER_FILE, Ledger)
    before = _parsed(root, older, _Quarantine)
    return msgspec.structs.replace(ledger, quarantined=(*before.quarantined, *ledger.quarantined))


def _parsed(root: Path, name: str, kind: type[T]) -> T:
    """Return a file as what it holds; empty where it is not there.

    Raises:
        ConfigError: it is damaged, or of another schema.
    """
    try:
        content = tomllib.loads((root / name).read_text(encoding="utf-8"))
        schema = content.get("schema", LEDGER_SCHEMA)
        if schema != LEDGER_SCHEMA:
            raise ConfigError(f"{name} has schema {schema}; this greenlane reads {LEDGER_SCHEMA}")
        return msgspec.convert(content, kind, strict=True)
    except FileNotFoundError:
        return kind()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{name}: {error}", "correct it, or take it back from git") from error


def older_file(settings: Settings) -> str:
    """Return the name of the file that held quarantined tests before, where it is still there; else empty."""
    name = settings.configuration.quarantine.ledger
    return name if name != LEDGER_FILE and (settings.root / name).is_file() else ""


def in_force(settings: Settings, ledger: Ledger) -> Ledger:
    """Return the ledger with the issues that are there: an entry whose issue is a file that nobody has, has none."""
    entries = []
    for entry in ledger.quarantined:
        there = "://" in entry.issue or (bool(entry.issue) and (settings.root / entry.issue).is_file())
        entries.append(entry if there else msgspec.structs.replace(entry, issue=""))
    return msgspec.structs.replace(ledger, quarantined=tuple(entries))


def write_ledger(root: Path, ledger: Ledger, older: str = "") -> None:
    """Write the ledger, entries sorted, so that a change of one is a change of its lines only.

    Args:
        ledger: all of it.
        older: name of the file whose entries it has taken over; it is removed. Empty for none.
    """
    tables = {"leak": ledger.leaks, "skip": ledger.skips, "quarantine": ledger.quarantined, "move": ledger.moves}
    blocks = [block for name, entries in tables.items() for block in sorted(_block(name, entry) for entry in entries)]
    write_atomically(root / LEDGER_FILE, "\n".join([HEAD, f"schema = {ledger.schema}\n", *blocks]))
    if older and older != LEDGER_FILE:
        (root / older).unlink(missing_ok=True)


def _block(name: str, entry: msgspec.Struct) -> str:
    """Return an entry as a TOML table, without what is as it is by default."""
    lines = [f"[[{name}]]"]
    for field in msgspec.structs.fields(entry):
        own = getattr(entry, field.name)
        if own == field.default:
            continue
        lines.append(f"{field.name} = {array(own, 0) if isinstance(own, tuple) else value(own)}")
    return "\n".join(lines) + "\n"

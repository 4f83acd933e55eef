"""Finds secret values in artifacts, and takes them out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

MARK = b"[redacted]"
SHORTEST = 4
"""Values below this length are in every text; they are no secrets."""


def spellings(value: str) -> set[bytes]:
    """Return the ways in which a value stands in plain text, JSON, XML and addresses."""
    forms = set()
    for text in (value, value.strip()):  # clients take off the line break of a secret that was read from a file
        forms |= {
            text,
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
            escape(text),
            escape(text, {'"': "&quot;"}),
            quote(text, safe="", errors="surrogateescape"),
        }
    return {form.encode("utf-8", "surrogateescape") for form in forms}


def redact(folder: Path, secrets: Mapping[str, str]) -> list[str]:
    """Take every secret value out of the files of a folder and return where they were.

    Args:
        folder: searched with its subfolders.
        secrets: values by name.
    """
    wanted = {name: spellings(value) for name, value in secrets.items() if len(value.strip()) >= SHORTEST}
    if not wanted:
        return []
    # The longest first: a value may be part of another, whose rest would stay.
    forms = sorted({form for own in wanted.values() for form in own}, key=len, reverse=True)
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        content = clean = path.read_bytes()
        found += [
            f"{name} in {path.relative_to(folder)}" for name, own in wanted.items() if any(f in content for f in own)
        ]
        for form in forms:
            clean = clean.replace(form, MARK)
        if clean != content:
            path.write_bytes(clean)
    return found

"""Finds secret values in artifacts, and takes them out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

MARK = b"[redacted]"
SHORTEST = 4
"""Values below this length are in every text; they are no secrets."""


def spellings(value: str) -> set[bytes]:
    """Return the ways in which a value stands in plain text, JSON and XML."""
    quoted = json.dumps(value)[1:-1]
    return {form.encode() for form in (value, quoted, escape(value), escape(value, {'"': "&quot;"}))}


def redact(folder: Path, secrets: Mapping[str, str]) -> list[str]:
    """Take every secret value out of the files of a folder and return where they were.

    Args:
        folder: searched with its subfolders.
        secrets: values by name.
    """
    wanted = {name: spellings(value) for name, value in secrets.items() if len(value.strip()) >= SHORTEST}
    found = []
    if not wanted:
        return []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        content = clean = path.read_bytes()
        for name, forms in wanted.items():
            if any(form in clean for form in forms):
                found.append(f"{name} in {path.relative_to(folder)}")
                for form in forms:
                    clean = clean.replace(form, MARK)
        if clean != content:
            path.write_bytes(clean)
    return found

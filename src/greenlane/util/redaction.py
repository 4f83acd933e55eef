"""Finds secret values, however they are written, and takes them out: of output, journals and artifacts alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

MARK = b"[redacted]"
SHORTEST = 4
"""Characters of the shortest value that is taken for a secret: what is shorter stands in every text."""

SHORTEST_LINE = 32
"""Characters of the shortest line of a secret of several lines that is looked for by itself."""


class Redactor:
    """Takes secrets out of bytes.

    Args:
        secrets: values by name.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._forms = {name: spellings(value) for name, value in secrets.items() if len(value.strip()) >= SHORTEST}
        # The longest first: a value may be part of another, whose rest would stay.
        self._longest_first = sorted({form for own in self._forms.values() for form in own}, key=len, reverse=True)

    def found(self, content: bytes) -> list[str]:
        """Return the names of the secrets that stand in some text."""
        return [name for name, forms in self._forms.items() if any(form in content for form in forms)]

    def clean(self, content: bytes) -> bytes:
        """Return a text with a mark in the place of each secret."""
        for form in self._longest_first:
            content = content.replace(form, MARK)
        return content


def spellings(value: str) -> set[bytes]:
    """Return the ways in which a value stands in plain text, Python, JSON, XML and addresses.

    Of a value of several lines (a private key), each long line is a secret, too: output is looked at line by line.
    """
    # Clients take off the line break of a secret that was read from a file.
    texts = {value, value.strip(), *(line.strip() for line in value.splitlines() if len(line) >= SHORTEST_LINE)}
    return {form.encode("utf-8", "surrogateescape") for text in texts for form in _spellings(text)}


def _spellings(text: str) -> Iterator[str]:
    yield text
    yield repr(text)[1:-1]
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    in_xml = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield in_xml
    yield in_xml.replace('"', "&quot;")
    for address in (
        quote(text, safe="", errors="surrogateescape"),
        quote(text, errors="surrogateescape"),
        quote_plus(text, errors="surrogateescape"),
    ):
        yield address
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), address)


def redact(folder: Path, secrets: Mapping[str, str]) -> list[str]:
    """Take every secret value out of the files of a folder and return where they were.

    Args:
        folder: searched with its subfolders.
        secrets: values by name.
    """
    redactor = Redactor(secrets)
    places = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        content = path.read_bytes()
        names = redactor.found(content)
        if names:
            places += [f"{name} in {path.relative_to(folder)}" for name in names]
            path.write_bytes(redactor.clean(content))
    return places

"""Writes files so that no reader ever sees a half."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file beside its place and move it there; folders are made, the mode of a file that is there stays.

    Args:
        content: text is written as UTF-8, its line ends as they are.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name that nobody can have taken before us, as a link to somewhere else or for a write of their own.
    part = path.with_name(f".{path.name}.{os.urandom(6).hex()}.part")
    try:
        part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        if path.exists():
            part.chmod(path.stat().st_mode & 0o7777)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)

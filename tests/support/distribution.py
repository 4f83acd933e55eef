"""A small distribution of somebody else, as an installer leaves it: modules, and metadata with entry points."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path


def install(folder: Path, name: str, modules: Mapping[str, str], entry_points: Mapping[str, Mapping[str, str]]) -> Path:
    """Put a distribution into a folder, which is then to be on the import path; return the folder.

    Args:
        name: of the distribution, whose version is 1.0.
        modules: text by the path of the file.
        entry_points: by group, by name.
    """
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    sections = (
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in entry_points.items()
    )
    (info / "entry_points.txt").write_text("\n".join(sections))
    for path, text in modules.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(textwrap.dedent(text))
    return folder

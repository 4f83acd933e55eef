"""Keeps compiled files of the project from one run to the next, those that hold what their source says now.

Python takes a compiled file for its source's by time and size, so an edit within a second leaves it stale; and a test
can write one. So each that is kept is known by the content of both files, and was compiled where no code of a lane is.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

import greenlane.plugin
from greenlane.environment.variables import install_environment
from greenlane.evidence.artifacts import BYTECODE
from greenlane.util.files import write_atomically
from greenlane.util.work_tree import PRUNED

CACHE = "__pycache__"

RECOMPILE = Path(greenlane.plugin.__file__).with_name("recompile.py")
"""A program of the lane's interpreter; here, there may be no pytest to import it with."""

WORTH = 400_000
"""Bytes of source from which on it takes longer to compile them in a lane than to find out what of them may stay."""

PATIENCE = 120.0
"""Seconds after which nothing is kept."""

Digests = tuple[str, str]
"""Of a source and of its compiled file."""


def keep_true_bytecode(root: Path, python: str, environ: Mapping[str, str], worth: int = WORTH) -> None:
    """Remove every compiled Python file of a project that is not known to be its source's; environments' files stay.

    Args:
        root: of the project.
        python: the lane's interpreter, which tells what is true of files that are new.
        environ: of the caller.
        worth: bytes of source that are compiled in a lane, and not looked at; see `WORTH`.
    """
    index = root / BYTECODE
    known, kept, doubtful = _read(index), {}, []
    for source, compiled in _compiled(root):
        name = compiled.relative_to(root).as_posix()
        digests = (_digest(source), _digest(compiled)) if name in known else None
        if digests is not None and digests == known[name]:
            kept[name] = digests
        else:
            doubtful.append((source, compiled))
    if sum(map(_size, {source for source, _ in doubtful})) > worth:
        true = _true(doubtful, python, environ)
        kept |= {Path(name).relative_to(root).as_posix(): digests for name, digests in true.items()}
        doubtful = [pair for pair in doubtful if str(pair[1]) not in true]
    for _, compiled in doubtful:
        # Another lane of the project may be doing the same.
        with suppress(OSError):
            compiled.unlink()
    if kept != known:
        write_atomically(index, msgspec.json.encode(kept))


def _compiled(root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each file in a folder of compiled ones, behind what must be its source."""
    for folder, folders, files in os.walk(root):
        if Path(folder).name == CACHE:
            for name in files:
                yield Path(folder).with_name(f"{name.partition('.')[0]}.py"), Path(folder, name)
        keep = [name for name in folders if name == CACHE or name not in PRUNED]
        folders[:] = [] if "pyvenv.cfg" in files else keep


def _read(index: Path) -> dict[str, Digests]:
    """Return what is known; nothing where it cannot be read."""
    try:
        return msgspec.json.decode(index.read_bytes(), type=dict[str, Digests])
    except (OSError, msgspec.MsgspecError):
        return {}


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file; empty for one that cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _size(path: Path) -> int:
    """Return the bytes of a file; none for one that is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _true(doubtful: Sequence[tuple[Path, Path]], python: str, environ: Mapping[str, str]) -> dict[str, Digests]:
    """Return the digests of those files that the lane's interpreter, without any code of a lane, would write itself."""
    asked = json.dumps([[str(source), str(compiled)] for source, compiled in doubtful])
    try:
        done = subprocess.run(
            [python, "-P", "-s", str(RECOMPILE)], input=asked.encode(), env=install_environment(environ),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PATIENCE, check=True,
        )  # fmt: skip
        return msgspec.json.decode(done.stdout, type=dict[str, Digests])
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError):
        return {}

"""Compiles modules again and says which compiled files hold nothing else: a program for a lane's interpreter.

A lane's processes write compiled files, and so can its tests, with whatever in them. Here is no code of the lane: what
equals our own compilation is replaced by it, and can be trusted from then on.

Standard input is a JSON list of `[source, compiled]`, paths; standard output is a JSON object of
`{compiled: [SHA-256 of the source, SHA-256 of the compiled file]}` for those that may stay.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import importlib.util
import json
import marshal
import os
import sys
import types
import warnings
from pathlib import Path

from _pytest.assertion.rewrite import PYTEST_TAG, rewrite_asserts

HEADER = 16
TIMED, HASHED = b"\0\0\0\0", b"\3\0\0\0"
"""Flags of files that an interpreter compares with their source; what it would take unseen is never kept."""


def again(source: Path, compiled: Path) -> tuple[str, str] | None:
    """Put our own compilation in the place of a file that equals it; return the digests of both files, or None."""
    text, found = source.read_bytes(), compiled.read_bytes()
    if found[:4] != importlib.util.MAGIC_NUMBER or found[4:8] not in (TIMED, HASHED):
        return None
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        code = _compiled(text, str(source), compiled.name)
    # What the compiler warns of is told in every run.
    if code is None or complaints or marshal.loads(found[HEADER:]) != code:
        return None
    ours = found[:HEADER] + marshal.dumps(code)
    part = compiled.with_name(f"{compiled.name}.{os.getpid()}")
    part.write_bytes(ours)
    os.replace(part, compiled)
    return hashlib.sha256(text).hexdigest(), hashlib.sha256(ours).hexdigest()


def _compiled(text: bytes, source: str, name: str) -> types.CodeType | None:
    """Return a module's code as the interpreter, or as pytest, has it; None for the file of anybody else."""
    tail = name.removesuffix(".pyc").partition(".")[2]
    if tail == sys.implementation.cache_tag:
        return compile(text, source, "exec", dont_inherit=True)
    if tail != PYTEST_TAG:
        return None
    tree = ast.parse(text, filename=source)
    rewrite_asserts(tree, text, source, None)
    return compile(tree, source, "exec", dont_inherit=True)


def main() -> None:
    """Answer for everything that is asked for."""
    gc.disable()
    kept = {}
    for source, compiled in json.load(sys.stdin):
        try:
            digests = again(Path(source), Path(compiled))
        except Exception:  # noqa: BLE001  whatever is wrong with a file: it is not kept
            continue
        if digests is not None:
            kept[compiled] = digests
    json.dump(kept, sys.stdout)


if __name__ == "__main__":
    main()

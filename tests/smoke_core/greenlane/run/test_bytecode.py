"""Which compiled files of a project may stay for the next run."""

from __future__ import annotations

import ast
import importlib.util
import marshal
import os
import py_compile
import sys
import types
import warnings
from pathlib import Path

import pytest
from _pytest.assertion.rewrite import rewrite_asserts

from greenlane.evidence.artifacts import BYTECODE
from greenlane.run.bytecode import keep_true_bytecode

TAG = sys.implementation.cache_tag
PYTEST = f"{TAG}-pytest-{pytest.__version__}"
SOURCE = "def answer():\n    assert 41 < 42\n    return 42\n"
OTHER = SOURCE.replace("return 42", "return 43")
UNCHECKED = b"\1\0\0\0"


class Project:
    """A folder of modules and compiled files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def source(self, name: str, text: str = SOURCE) -> Path:
        """Write a module."""
        path = self.root / "tests" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def compiled(self, name: str, tail: str, code: types.CodeType | bytes, flags: bytes = b"\3\0\0\0") -> Path:
        """Write a compiled file that an interpreter takes for that of the module as it is."""
        source = self.root / "tests" / f"{name}.py"
        path = source.parent / "__pycache__" / f"{name}.{tail}.pyc"
        path.parent.mkdir(exist_ok=True)
        head = importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(source.read_bytes())
        path.write_bytes(head + (code if isinstance(code, bytes) else marshal.dumps(code)))
        return path

    def look(self, python: str = sys.executable) -> set[str]:
        """Let it be decided what may stay; return its names."""
        keep_true_bytecode(self.root, python, os.environ, worth=0)
        return {path.name for path in self.root.glob("tests/__pycache__/*")}


def rewritten(source: Path, text: str) -> types.CodeType:
    """Return the code that pytest makes of a module."""
    tree = ast.parse(text)
    rewrite_asserts(tree, text.encode(), str(source), None)
    return compile(tree, str(source), "exec", dont_inherit=True)


@pytest.fixture
def kept(tmp_path: Path) -> Project:
    """A project whose two compiled files were looked at, among all that may not stay."""
    project = Project(tmp_path)
    py_compile.compile(str(project.source("plain")), doraise=True)
    project.compiled("asserts", PYTEST, rewritten(project.source("asserts"), SOURCE))
    for name, code, flags in (
        ("another", compile(OTHER, "another.py", "exec"), b"\3\0\0\0"),
        ("unseen", compile(SOURCE, "unseen.py", "exec"), UNCHECKED),
        ("broken", marshal.dumps(compile(SOURCE, "broken.py", "exec"))[:-9], b"\3\0\0\0"),
        ("no_code", marshal.dumps((1, 2)), b"\3\0\0\0"),
    ):
        project.source(name)
        project.compiled(name, TAG, code, flags)
    project.compiled("asserts", TAG, rewritten(tmp_path / "tests" / "asserts.py", SOURCE))
    project.compiled("plain", PYTEST, compile(SOURCE, "plain.py", "exec"))
    project.compiled("plain", f"{TAG}.opt-typing", compile(SOURCE, "plain.py", "exec"))
    with warnings.catch_warnings(action="ignore"):
        py_compile.compile(str(project.source("warns", "answer = 1 is 1\n")), doraise=True)
    project.source("gone")
    project.compiled("gone", TAG, compile(SOURCE, "gone.py", "exec")).with_name("no.pyc").write_text("x")
    (tmp_path / "tests" / "gone.py").unlink()
    assert project.look() == {f"plain.{TAG}.pyc", f"asserts.{PYTEST}.pyc"}
    return project


def test_what_is_true_stays_and_is_not_looked_at_again(kept: Project) -> None:
    """Of what was found true, content alone tells that it still is: no interpreter is asked, and files stay."""
    before = {path: path.stat().st_ino for path in kept.root.glob("tests/__pycache__/*")}
    assert kept.look("no-interpreter") == {path.name for path in before}
    assert {path: path.stat().st_ino for path in before} == before
    spec = importlib.util.spec_from_file_location("plain", kept.root / "tests" / "plain.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.answer() == 42


def test_what_is_no_longer_true_goes(kept: Project) -> None:
    """An edit that leaves time and size as they were, and a compiled file that was written again, are found."""
    source = kept.root / "tests" / "plain.py"
    times = source.stat()
    source.write_text(OTHER)
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    kept.compiled("asserts", PYTEST, rewritten(source, OTHER))
    assert kept.look() == set()
    assert (kept.root / BYTECODE).read_bytes() == b"{}"


def test_a_damaged_list_keeps_nothing_unseen(kept: Project) -> None:
    """Without what is known, everything is looked at again; and without an interpreter, nothing stays."""
    (kept.root / BYTECODE).write_text('{"tests/__pycache__/plain')
    assert len(kept.look()) == 2
    (kept.root / BYTECODE).unlink()
    assert kept.look("no-interpreter") == set()


def test_a_little_is_compiled_again(tmp_path: Path) -> None:
    """What takes a lane no time is not looked at."""
    project = Project(tmp_path)
    py_compile.compile(str(project.source("plain")), doraise=True)
    keep_true_bytecode(tmp_path, "no-interpreter", os.environ)
    assert not list(tmp_path.glob("tests/__pycache__/*"))
    assert not (tmp_path / BYTECODE).exists()

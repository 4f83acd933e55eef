"""What is told of a pytest that ended by an error of its own: the line that says what it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.run.record import complaint

WORKER = """\
.....INTERNALERROR> def worker_internal_error(
INTERNALERROR>         self, node: WorkerController, formatted_error: str
INTERNALERROR> >           assert False, formatted_error
INTERNALERROR> E           AssertionError: Traceback (most recent call last):
INTERNALERROR> E               File "/x/_pytest/main.py", line 333, in wrap_session
INTERNALERROR> E                 session.exitstatus = doit(config, session) or 0
INTERNALERROR> E             SystemError: AST constructor recursion depth mismatch
INTERNALERROR> E           assert False
"""
HOOK = """\
INTERNALERROR> Traceback (most recent call last):
INTERNALERROR>   File "/x/conftest.py", line 3, in pytest_collection_modifyitems
INTERNALERROR>     raise ValueError("no")
INTERNALERROR> ValueError: no
"""


@pytest.mark.parametrize(
    ("text", "told"), [(WORKER, "SystemError: AST constructor recursion depth mismatch"), (HOOK, "ValueError: no")]
)
def test_an_internal_error_is_told_by_what_was_raised(tmp_path: Path, text: str, told: str) -> None:
    """In a hook, and in a hook of a worker, whose report xdist shows as a failed assertion of its own."""
    log = tmp_path / "output.log"
    log.write_text(text)
    assert complaint(log, 3) == told

"""What history knows when a run is judged, asked with what is installed where that is done."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from greenlane.config.context import Context
from greenlane.config.load import load
from greenlane.evidence.history import DAY
from greenlane.evidence.ledger import Ledger
from greenlane.history.database import connect
from greenlane.history.recall import Recalled, recall
from greenlane.history.store import record
from support.remembered import CONFIGURATION, NOON, STEADY, TEST, runs_of

ASK = """
import sys
from pathlib import Path

{before}
import greenlane.history.recall
from greenlane.config.context import Context
from greenlane.config.load import load
from greenlane.evidence.ledger import Ledger

known = greenlane.history.recall.recall(
    Context(load(Path(sys.argv[1]), {{}}), {{}}, print), tree="tree-1", run_id="run-9", lanes=["nd"],
    repeatable=["nd"], ledger=Ledger(), now={now},
)
(flaky,) = known.flaky
print(known.past["nd"].failed, known.past["nd"].passed, flaky.test, flaky.runs, len(flaky.flakes))
print("sqlalchemy" in sys.modules)
"""
ABSENT = "sys.modules['sqlalchemy'] = None  # as where it is not installed"


def recalled(project: Path, say: Callable[[str], None]) -> Recalled:
    """Return what is known of a project's lane an hour after its last run."""
    return recall(
        Context(load(project, {}), {}, say), tree="tree-1", run_id="run-9", lanes=["nd"], repeatable=["nd"],
        ledger=Ledger(), now=NOON + DAY,
    )  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose history has a test that failed, and passed an hour later on the same tree."""
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION)
    engine: sa.Engine = connect(f"sqlite:///{tmp_path}/.greenlane/history.sqlite")
    record(engine, runs_of("fp"))
    return tmp_path


@pytest.mark.parametrize(("before", "imported"), [("", "False"), (ABSENT, "True")], ids=["there", "absent"])
def test_a_file_is_asked_without_sqlalchemy(project: Path, before: str, imported: str) -> None:
    """The project's own file answers where SQLAlchemy is not installed, and where it is nobody imports it for that."""
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(before=before, now=NOON + DAY), str(project)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    known, asked_for = done.stdout.splitlines()
    failed, passed = {TEST: "run-0000/nd"}, {STEADY: "run-0001/nd", TEST: "run-0001/nd"}
    assert known == f"{failed} {passed} {TEST} 2 1"
    assert asked_for == imported  # what is told to be absent has a place among the modules, too


def test_the_database_says_the_same(project: Path) -> None:
    """The file and SQLAlchemy give one answer: whoever names the file as a database is told what the file tells."""
    from_file = recalled(project, pytest.fail)
    configured = project / "pyproject.toml"
    url = f"sqlite:///{project}/.greenlane/history.sqlite"
    configured.write_text(configured.read_text().replace('ingest = "later"', f'ingest = "later", url = "{url}"'))
    assert recalled(project, pytest.fail) == from_file
    assert len(from_file.flaky) == 1


def test_a_file_of_another_schema_is_no_answer(project: Path) -> None:
    """A file that a newer greenlane has written is not read: that is said, and the verdict rests on its run alone."""
    with closing(sqlite3.connect(project / ".greenlane" / "history.sqlite")) as other:
        other.executescript("UPDATE alembic_version SET version_num = '9999'")
    said: list[str] = []
    assert recalled(project, said.append).flaky == ()
    assert len(said) == 1
    assert "has schema 9999" in said[0]


def test_an_older_file_is_brought_up_to_date(project: Path) -> None:
    """A file of an older schema is migrated, and then answers."""
    with closing(sqlite3.connect(project / ".greenlane" / "history.sqlite")) as other:
        other.executescript(
            "DROP TABLE queues; DROP TABLE claims; DROP TABLE claimers;"
            "UPDATE alembic_version SET version_num = '0001'"
        )  # fmt: skip
    assert len(recalled(project, pytest.fail).flaky) == 1

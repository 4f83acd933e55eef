"""`greenlane verdict` over folders that were made elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from greenlane.cli.main import main
from greenlane.evidence.journal import Collected, Event, Finished, Started, TestFinished
from greenlane.evidence.outcome import Outcome
from greenlane.evidence.reader import digest_of, seal_record
from greenlane.sharding.assignment import digest
from greenlane.util.work_tree import tree_state
from greenlane.version import VERSION
from support.evidence import PYTHON, nd

TESTS = ("tests/test_a.py::test_one", "tests/test_b.py::test_two")
CONFIGURATION = """
[tool.greenlane]
history = { enabled = false }

[tool.greenlane.lanes.nd]
kind = "nondeterministic"
tests = ["tests"]
shards = ["shard_a", "shard_b"]

[tool.greenlane.policies.dev]
lanes = ["nd"]
"""
OWN = (".artifacts", ".nox/greenlane", "PROJECT_READY.md")
JUNIT = '<testsuite><testcase classname="{0}" name="{1}"/></testsuite>'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose policy needs two shards, without any variable that users may have set."""
    for name in ("READINESS_EXPECT", "STRICT_READY", "READINESS_FAIL_ON_SKIP", "READINESS_LIVE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    (folder / "locks").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(CONFIGURATION)
    (folder / "locks" / "nd.txt").write_text("")
    return folder


def made_elsewhere(
    project: Path, shard: str, test: str, *, collected: tuple[str, ...] = TESTS, name: str = "", **record: Any
) -> Path:
    """Write what a shard leaves on another machine, and return its folder."""
    folder = project.parent / "downloads" / (name or shard)
    folder.mkdir(parents=True)
    common: dict[str, Any] = {"worker": "main", "at": 1.0}
    events: list[Event] = [
        Started(run_id="elsewhere", plugin=VERSION, python="3.11.9", interpreter=PYTHON, **common),
        Collected(tests=collected, digest=digest(collected), selected=(test,), plan="p", **common),
        TestFinished(nodeid=test, outcome=Outcome.PASSED, duration=0.1, **common),
        Finished(exit_status=0, **common),
    ]
    (folder / "journal.jsonl").write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    file, case = test.split("::")
    (folder / "junit.xml").write_text(JUNIT.format(file.removesuffix(".py").replace("/", "."), case))
    state = tree_state(project, OWN)
    fields: dict[str, Any] = {
        "run_id": "elsewhere", "shard": shard, "shards": ("shard_a", "shard_b"), "tree": state, "tree_after": state,
        "lock": digest_of(project / "locks" / "nd.txt"),
        "digests": {name: digest_of(folder / name) for name in ("journal.jsonl", "junit.xml")},
    }  # fmt: skip
    evidence = nd(**{**fields, **record})
    (folder / "lane.json").write_bytes(msgspec.json.encode(seal_record(evidence.record)))
    return folder


def judged(project: Path, *folders: Path) -> tuple[int, list[str]]:
    """Run the command; return its exit code and the codes of the violations in the written report."""
    code = main(["verdict", "--project", str(project), *map(str, folders)])
    report = json.loads((project / ".artifacts" / "verdict.json").read_text())
    assert report["exit_code"] == code
    assert (project / "PROJECT_READY.md").read_text().startswith(f"# {report['word']}\n")
    return code, sorted(violation["code"] for violation in report["violations"])


def test_shards_from_two_machines_make_one_ready(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Folder by folder, in any order, or as the one folder that holds both."""
    a = made_elsewhere(project, "shard_a", TESTS[0])
    b = made_elsewhere(project, "shard_b", TESTS[1])

    assert judged(project, b, a) == (0, [])
    assert judged(project, a.parent) == (0, [])
    assert capsys.readouterr().out.splitlines()[-1] == "READY (policy dev)"


def test_a_folder_that_is_named_twice_counts_once(project: Path) -> None:
    """`downloads downloads/*` is no second run."""
    a = made_elsewhere(project, "shard_a", TESTS[0])
    b = made_elsewhere(project, "shard_b", TESTS[1])

    assert judged(project, a.parent, a, b) == (0, [])


def test_a_missing_shard_is_a_gap(project: Path) -> None:
    """The check has no evidence, and its tests are in no shard."""
    assert judged(project, made_elsewhere(project, "shard_a", TESTS[0])) == (1, ["SHARD_GAP", "SHARD_GAP"])


def test_no_evidence_at_all_is_red(project: Path, tmp_path: Path) -> None:
    """An empty download is not a green one."""
    (tmp_path / "empty").mkdir()

    assert judged(project, tmp_path / "empty") == (1, ["SHARD_GAP", "SHARD_GAP"])


def test_a_test_in_both_shards_is_an_overlap(project: Path) -> None:
    """And the one that nobody ran is a gap."""
    a = made_elsewhere(project, "shard_a", TESTS[0])
    b = made_elsewhere(project, "shard_b", TESTS[0])

    assert judged(project, a, b) == (1, ["SHARD_GAP", "SHARD_OVERLAP"])


@pytest.mark.parametrize(
    ("other", "codes"),
    [
        pytest.param({"collected": TESTS[1:]}, ["SHARD_MISMATCH"], id="another-collection"),
        pytest.param({"shards": ("shard_b", "shard_c")}, ["SHARD_MISMATCH"], id="another-list"),
        pytest.param({"tree": "0" * 64, "tree_after": "0" * 64}, ["STALE"], id="another-tree"),
        pytest.param({"lock": "0" * 64}, ["STALE"], id="another-lock"),
        pytest.param({"plugin": "0.0.1"}, [], id="record-of-another-version-with-our-plugin"),
    ],
)
def test_shards_that_do_not_fit_are_red(project: Path, other: dict[str, Any], codes: list[str]) -> None:
    """Cut from something else, or made from another state."""
    a = made_elsewhere(project, "shard_a", TESTS[0])
    b = made_elsewhere(project, "shard_b", TESTS[1], **other)

    assert judged(project, a, b) == (int(bool(codes)), codes)


def test_an_edit_after_the_run_makes_evidence_stale(project: Path) -> None:
    """Evidence is for one state of the tree; our own reports are no part of it."""
    a = made_elsewhere(project, "shard_a", TESTS[0])
    b = made_elsewhere(project, "shard_b", TESTS[1])
    assert judged(project, a, b)[0] == 0

    (project / "new.py").write_text("")

    assert judged(project, a, b) == (1, ["STALE", "STALE"])


def test_two_runs_of_one_shard_are_not_one(project: Path) -> None:
    """The red one must not be hidden behind the green one."""
    a = made_elsewhere(project, "shard_a", TESTS[0])
    b = made_elsewhere(project, "shard_b", TESTS[1])
    again = made_elsewhere(project, "shard_b", TESTS[1], name="again")

    code, codes = judged(project, a, b, again)

    assert code == 1
    assert "STALE" in codes


def test_a_forged_journal_is_seen(project: Path) -> None:
    """The record holds the digests of what the lane wrote."""
    a = made_elsewhere(project, "shard_a", TESTS[0])
    b = made_elsewhere(project, "shard_b", TESTS[1])
    (b / "journal.jsonl").write_bytes((b / "journal.jsonl").read_bytes().replace(b"3.11.9", b"3.11.8"))

    assert judged(project, a, b) == (1, ["TRUNCATED"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["nowhere"], "no such folder: nowhere", id="folder"),
        pytest.param(["--policy", "prod"], "unknown policy 'prod'; known: dev, deploy, matrix", id="policy"),
    ],
)
def test_a_wrong_word_is_a_configuration_error(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    """Exit code 2, one line on standard error, no report."""
    assert main(["verdict", "--project", str(project), *words]) == 2
    assert capsys.readouterr().err.startswith(f"CONFIG_ERROR: {message}\n")
    assert not (project / "PROJECT_READY.md").exists()


def test_a_damaged_record_is_a_configuration_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is named, and what to do; there is no traceback."""
    a = made_elsewhere(project, "shard_a", TESTS[0])
    (a / "lane.json").write_bytes(b'{"schema": 1')

    assert main(["verdict", "--project", str(project), str(a)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"CONFIG_ERROR: {a}/lane.json is no lane record: ")
    assert error.endswith("  next: run the lane again\n")

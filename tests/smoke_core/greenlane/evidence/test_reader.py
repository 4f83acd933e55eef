"""What a lane left behind, read into evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from greenlane.errors import ConfigError
from greenlane.evidence.evidence import JunitCase, LaneRecord
from greenlane.evidence.journal import (
    Collected,
    CollectError,
    Crashed,
    Event,
    Finished,
    Hermetic,
    Started,
    TestFinished,
    TestStarted,
)
from greenlane.evidence.outcome import Outcome
from greenlane.evidence.reader import collect, digest_of, read_journal, read_junit, seal_record
from support.evidence import codes, lane, verdict_on

CASE = '<testsuites><testsuite><testcase classname="c" name="n"/></testsuite></testsuites>'


def event(kind: type[Event], worker: str = "main", **fields: Any) -> bytes:
    """Return one line of a journal."""
    return msgspec.json.encode(kind(worker=worker, at=1.0, **fields)) + b"\n"


def started(worker: str = "main", **fields: Any) -> bytes:
    """Return the line with which a process begins."""
    told = {"run_id": "run", "plugin": "0.1.0", "python": "3.11.9", "interpreter": "/p"}
    return event(Started, worker, **{**told, **fields})


def finished(nodeid: str, outcome: Outcome, worker: str = "main", **fields: Any) -> bytes:
    """Return the line with which a test ends."""
    return event(TestFinished, worker, nodeid=nodeid, outcome=outcome, duration=0.1, **fields)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where a journal lies."""
    return tmp_path / "journal.jsonl"


@pytest.mark.parametrize(
    ("tail", "damage"),
    [
        pytest.param(b"", [], id="whole"),
        pytest.param(b"{}\n", ["line 2"], id="no-event"),
        pytest.param(b'{"event": "unheard-of", "worker": "main", "at": 1}\n', ["line 2"], id="unknown-event"),
        pytest.param(b'{"event": "test_started", "worker": "main"}\n', ["line 2"], id="field-missing"),
        pytest.param(b"\n", ["line 2"], id="empty-line"),
        pytest.param(b"\x00\x00\x00\n", ["line 2"], id="zeros-of-a-full-disk"),
        pytest.param(b'{"event": "test_started", "nodeid": "\xff"}\n', ["line 2"], id="no-unicode"),
        pytest.param(b'{"event":' + b"[" * 100_000 + b"\n", ["line 2"], id="nested-without-end"),
        pytest.param(event(TestStarted, nodeid="t")[:-1], ["ends in the middle"], id="newline-missing"),
        pytest.param(event(TestStarted, nodeid="t")[:-9], ["ends in the middle", "line 2"], id="cut-off"),
    ],
)
def test_a_damaged_line_is_named_and_the_others_are_read(journal: Path, tail: bytes, damage: list[str]) -> None:
    """Partial writes are survived, and never silently."""
    journal.write_bytes(started() + tail)

    facts = read_journal(journal)

    assert facts.run_ids == ("run",)
    assert len(facts.damage) == len(damage)
    assert all(part in told for part, told in zip(damage, facts.damage, strict=True))


def test_a_missing_journal_is_damage(journal: Path) -> None:
    """No file is not an empty one."""
    assert read_journal(journal).damage == ("journal.jsonl is missing",)


def test_processes_without_end_are_told(journal: Path) -> None:
    """A worker that was killed began and did not end."""
    journal.write_bytes(started("gw0") + started("gw1") + event(Finished, "gw0", exit_status=0))

    assert read_journal(journal).unfinished == ("gw1",)


def test_only_the_controller_speaks_for_the_session(journal: Path) -> None:
    """Workers end with statuses of their own; without workers the one process speaks."""
    worker = started("gw0") + event(Finished, "gw0", exit_status=5)
    journal.write_bytes(started(controller=True) + worker + event(Finished, exit_status=1, stopped="maxfail"))
    assert read_journal(journal).exit_statuses == (1,)
    assert read_journal(journal).stopped == ("maxfail",)

    journal.write_bytes(started() + event(Finished, exit_status=1))
    assert read_journal(journal).exit_statuses == (1,)


@pytest.mark.parametrize("order", [(Outcome.PASSED, Outcome.FAILED), (Outcome.FAILED, Outcome.PASSED)], ids=str)
def test_of_two_outcomes_the_bad_one_counts_and_both_are_told(journal: Path, order: tuple[Outcome, Outcome]) -> None:
    """A pass after a failure does not make it good, in whichever order they come."""
    journal.write_bytes(b"".join(finished("t", outcome) for outcome in order))

    facts = read_journal(journal)

    assert [test.outcome for test in facts.outcomes] == [Outcome.FAILED]
    assert facts.repeats == ("t",)


def test_the_same_outcome_from_several_workers_is_one(journal: Path) -> None:
    """Every worker collects, and so sees a module that skips itself, or that cannot be imported."""
    skips = [finished("m.py", Outcome.SKIPPED, worker, reason="r", ran=False) for worker in ("gw0", "gw1")]
    broken = [event(CollectError, worker, nodeid="b.py", cause="c") for worker in ("gw0", "gw1")]
    journal.write_bytes(b"".join(skips + broken))

    facts = read_journal(journal)

    assert ([test.nodeid for test in facts.outcomes], facts.repeats) == (["m.py"], ())
    assert [(test.nodeid, test.outcome, test.ran) for test in facts.collect_errors] == [("b.py", Outcome.ERROR, False)]


def test_what_began_and_did_not_end_is_open(journal: Path) -> None:
    """The test that a killed worker was running is known by name."""
    lines = [event(TestStarted, nodeid=name) for name in ("a", "b")] + [finished("a", Outcome.PASSED)]
    journal.write_bytes(b"".join(lines))

    assert read_journal(journal).open_tests == ("b",)


def test_what_workers_saw_differently_stays_visible(journal: Path) -> None:
    """Two digests are a mismatch for the judge; node ids are joined."""
    lines = [
        event(Collected, "gw0", tests=("a",), digest="1", selected=("a",), plan="p", providers={"a": "gemini"}),
        event(Collected, "gw1", tests=("a", "b"), digest="2", selected=("b",), dropped=("c",)),
    ]
    journal.write_bytes(b"".join(lines))

    facts = read_journal(journal)

    assert (facts.collected, facts.selected, facts.collections) == (("a", "b"), ("a", "b"), ("1", "2"))
    assert (facts.plans, facts.dropped, facts.providers) == (("p",), ("c",), {"a": "gemini"})


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"nodeid": "t", "cause": "killed"}, "worker gw0 died while running t: killed"),
        ({"nodeid": "t"}, "worker gw0 died while running t"),
        ({"cause": "killed"}, "worker gw0 died: killed"),
        ({}, "worker gw0 died"),
    ],
)
def test_a_dead_worker_is_one_line(journal: Path, fields: dict[str, str], line: str) -> None:
    """With what is known of it."""
    journal.write_bytes(event(Crashed, name="gw0", **fields))

    assert read_journal(journal).crashes == (line,)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("", Outcome.PASSED),
        ("<failure/>", Outcome.FAILED),
        ("<error/>", Outcome.ERROR),
        ("<skipped/>", Outcome.SKIPPED),
        ("<system-out>&lt;failure/></system-out>", Outcome.PASSED),
        ("<failure/><error/>", Outcome.ERROR),
        ("<system-out>&lt;!DOCTYPE html></system-out>", Outcome.PASSED),
    ],
)
def test_a_junit_case_says_the_worst_of_its_children(tmp_path: Path, body: str, outcome: Outcome) -> None:
    """Output that looks like XML is output."""
    path = tmp_path / "junit.xml"
    path.write_text(f'<testsuite><testcase classname="c" name="n">{body}</testcase></testsuite>')

    assert read_junit(path) == (JunitCase("c", "n", outcome),)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param(b"", id="empty"),
        pytest.param(CASE.encode()[:-5], id="cut-off"),
        pytest.param(b"<html/>", id="something-else"),
        pytest.param(b'<!DOCTYPE x [<!ENTITY a "b">]>' + CASE.encode(), id="doctype"),
        pytest.param(b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + CASE.encode(), id="external-doctype"),
        pytest.param(b'<?xml version="1.0" encoding="utf-7"?>' + CASE.encode(), id="odd-encoding"),
        pytest.param(b'<?xml version="1.0" encoding="nonesuch"?>' + CASE.encode(), id="unknown-encoding"),
        pytest.param(CASE.encode().replace(b'"c"', b'"\xff"'), id="no-unicode"),
        pytest.param(('<!DOCTYPE x [<!ENTITY a "b">]>' + CASE).encode("utf-16"), id="doctype-in-another-encoding"),
    ],
)
def test_what_is_no_junit_file_is_none(tmp_path: Path, content: bytes | None) -> None:
    """Broken files and files with entities are not read at all; nothing raises."""
    path = tmp_path / "junit.xml"
    if content is not None:
        path.write_bytes(content)

    assert read_junit(path) is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a green lane of one test, sealed."""
    (tmp_path / "junit.xml").write_text(CASE.replace('"c"', '"tests.t"').replace('"n"', '"a"'))
    whole = [
        started(interpreter="/envs/core/bin/python", plugin="0.1.0"),
        event(Hermetic, level="kernel", proof="connect: Network is unreachable"),
        event(Collected, tests=("tests/t.py::a",), digest="d", selected=("tests/t.py::a",)),
        finished("tests/t.py::a", Outcome.PASSED),
        event(Finished, exit_status=0),
    ]
    (tmp_path / "journal.jsonl").write_bytes(b"".join(whole))
    seal(tmp_path)
    return tmp_path


def seal(folder: Path, **fields: Any) -> None:
    """Write the record of a lane over what lies in its folder."""
    digests = {name: digest_of(folder / name) for name in ("journal.jsonl", "junit.xml")}
    record = lane(run_id="run", digests=digests, **fields).record
    (folder / "lane.json").write_bytes(msgspec.json.encode(seal_record(record)))


def test_a_folder_is_read_into_evidence(folder: Path) -> None:
    """What was written is what the judge sees, and it is green."""
    evidence = collect(folder)

    assert codes(verdict_on(evidence)) == []
    assert (evidence.damage, evidence.source) == ((), str(folder))
    assert [test.nodeid for test in evidence.journal.outcomes] == ["tests/t.py::a"]


@pytest.mark.parametrize("name", ["journal.jsonl", "junit.xml"])
def test_an_artifact_that_was_touched_later_is_damage(folder: Path, name: str) -> None:
    """A forged line is seen even when it is a good one."""
    with (folder / name).open("ab") as file:
        file.write(b"\n" if name == "junit.xml" else finished("tests/t.py::a", Outcome.PASSED))

    assert collect(folder).damage == (f"{name} is not as it was when the lane ended",)


def test_a_record_that_was_edited_is_damage(folder: Path) -> None:
    """Also when it stays a record."""
    text = (folder / "lane.json").read_text()
    (folder / "lane.json").write_text(text.replace('"budget":600.0', '"budget":900.0'))

    assert collect(folder).damage == ("lane.json was edited after the lane had ended",)


@pytest.mark.parametrize("name", ["journal.jsonl", "junit.xml"])
def test_an_artifact_that_is_gone_is_damage(folder: Path, name: str) -> None:
    """And makes the verdict red as TRUNCATED."""
    (folder / name).unlink()

    assert "TRUNCATED" in codes(verdict_on(collect(folder)))


def test_a_lane_that_never_started_owes_no_files(tmp_path: Path) -> None:
    """Its failure is the reason, and no damage is made of what it could not write."""
    record = lane(run_id="run", failure="no environment", exit_status=None).record
    (tmp_path / "lane.json").write_bytes(msgspec.json.encode(seal_record(record)))

    evidence = collect(tmp_path)

    assert (evidence.damage, evidence.journal.damage, evidence.junit) == ((), (), None)


@pytest.mark.parametrize("state", ["timed_out", "interrupted"])
def test_a_lane_that_was_stopped_owes_a_journal_only(folder: Path, state: str) -> None:
    """Pytest writes JUnit at its end."""
    (folder / "junit.xml").unlink()
    stopped: dict[str, Any] = {state: True}
    seal(folder, **stopped)
    record = msgspec.json.decode((folder / "lane.json").read_bytes(), type=LaneRecord)
    del record.digests["junit.xml"]
    (folder / "lane.json").write_bytes(msgspec.json.encode(seal_record(record)))

    evidence = collect(folder)

    assert (evidence.damage, evidence.junit) == ((), None)
    assert evidence.journal.run_ids == ("run",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "is no lane record", id="missing"),
        pytest.param(b"", "is no lane record", id="empty"),
        pytest.param(b"[]", "is no lane record", id="a-list"),
        pytest.param(b'{"schema": 2}', "is no lane record: Object missing required field", id="fields-missing"),
        pytest.param(b"{}", "is no lane record: Object missing required field `schema`", id="no-schema"),
        pytest.param(b'{"schema": 1}', "has schema 1; this greenlane reads 2", id="another-schema"),
        pytest.param(b'{"schema": 1, "lane": 7}', "has schema 1; this greenlane reads 2", id="with-other-types"),
        pytest.param(b'{"schema": 2, "lane": ' + b"[" * 100_000, "is no lane record", id="nested-without-end"),
    ],
)
def test_a_record_that_cannot_be_read_is_an_error_naming_the_file(
    folder: Path, content: bytes | None, message: str
) -> None:
    """Without a record nothing is known of the lane: no verdict is made of it."""
    (folder / "lane.json").unlink()
    if content is not None:
        (folder / "lane.json").write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        collect(folder)

    assert caught.value.message.startswith(str(folder / "lane.json"))
    assert message in caught.value.message

"""Reads what a lane left behind into evidence. It interprets nothing: the judge does."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar
from xml.etree import ElementTree

import msgspec

from greenlane.config.load import Settings
from greenlane.errors import ConfigError
from greenlane.evidence.artifacts import JOURNAL, JUNIT, RECORD, VOUCHED
from greenlane.evidence.evidence import RECORD_SCHEMA, JournalFacts, JunitCase, LaneEvidence, LaneRecord, Vouched
from greenlane.evidence.journal import (
    Answered,
    AnyEvent,
    Collected,
    CollectError,
    Crashed,
    FilesRead,
    Finished,
    Hermetic,
    Leaked,
    Marked,
    NetworkAttempt,
    Pulled,
    RouteRefused,
    SecretRead,
    Settled,
    Started,
    TestFinished,
    TestStarted,
    Unhandled,
)
from greenlane.evidence.journal_reader import UNREADABLE, JournalReader
from greenlane.evidence.ledger import Facts
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.samples import SampleGroup

E = TypeVar("E")

CAPTURED = ("system-out", "system-err")
KEPT = 12_000
"""Characters that evidence keeps of what a failed test said."""


class _Versioned(msgspec.Struct):
    """What every version of a lane record holds."""

    schema: int


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file; empty when it is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def seal_record(record: LaneRecord) -> LaneRecord:
    """Return a record with a digest over all the rest of it: an edit by hand is seen, a new record is not."""
    bare = msgspec.structs.replace(record, seal="")
    return msgspec.structs.replace(bare, seal=hashlib.sha256(msgspec.json.encode(bare)).hexdigest())


def last_run(settings: Settings, lanes: Collection[str] = (), *, needed: bool = True) -> list[LaneEvidence]:
    """Return what the last run of some lanes left behind; of every lane when none is named.

    Raises:
        ConfigError: none of them has run, though it is needed.
    """
    folder = settings.root / settings.configuration.artifacts
    found = collect_all([folder]) if folder.is_dir() else []
    chosen = [one for one in found if not lanes or one.record.lane in lanes]
    if needed and not chosen:
        raise ConfigError(f"no lane has run: nothing in {settings.configuration.artifacts}", "run one: nox -s core")
    return chosen


def collect_all(folders: Collection[Path]) -> list[LaneEvidence]:
    """Return the evidence below some folders, each once: one may be named twice, or with one that it lies in.

    Raises:
        ConfigError: one of them is not there, or a lane record cannot be read.
    """
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        raise ConfigError(f"no such folder: {', '.join(missing)}", "name the folders that hold lane.json")
    records = dict.fromkeys(path.resolve() for folder in folders for path in sorted(folder.rglob(RECORD)))
    return [collect(path.parent) for path in records]


def collect(folder: Path) -> LaneEvidence:
    """Return the evidence in the folder of one lane or shard.

    Raises:
        ConfigError: the folder holds no readable lane record.
    """
    record = _record(folder / RECORD)
    damage = [
        f"{name} is not as it was when the lane ended"
        for name, digest in record.digests.items()
        if digest != digest_of(folder / name)
    ]
    if record != seal_record(record):
        damage.append(f"{RECORD} was edited after the lane had ended")
    started, result = not record.result.failure, record.result
    junit = (
        read_junit(folder / JUNIT)
        if started and not record.result.timed_out and not record.result.interrupted
        else None
    )
    if junit is None and started and not result.timed_out and not result.interrupted:
        damage.append(f"{JUNIT} is missing or is no JUnit file")
    journal = read_journal(folder / JOURNAL) if started else JournalFacts()
    return LaneEvidence(
        record=record, journal=journal, junit=junit, damage=tuple(damage), source=str(folder), vouched=_vouched(folder)
    )


def _vouched(folder: Path) -> Vouched | None:
    """Return what control found when it took evidence of an earlier run; None for that of a run of its own."""
    try:
        return msgspec.json.decode((folder / VOUCHED).read_bytes(), type=Vouched)
    except (OSError, *UNREADABLE):
        return None


def _record(path: Path) -> LaneRecord:
    """Return a lane record; its schema is looked at first, because another one may have other fields.

    Raises:
        ConfigError: it is missing, damaged or of another schema.
    """
    try:
        content = path.read_bytes()
        schema = msgspec.json.decode(content, type=_Versioned).schema
        if schema != RECORD_SCHEMA:
            raise ConfigError(
                f"{path} has schema {schema}; this greenlane reads {RECORD_SCHEMA}",
                "run the lane again, or judge it with the greenlane that ran it",
            )
        return msgspec.json.decode(content, type=LaneRecord)
    except (OSError, *UNREADABLE) as error:
        raise ConfigError(f"{path} is no lane record: {error}", "run the lane again") from error


def read_junit(path: Path) -> tuple[JunitCase, ...] | None:
    """Return the cases of a JUnit file; None when it is missing, broken, or declares entities."""
    try:
        content = path.read_bytes()
        # pytest writes UTF-8; in UTF-16 a declaration would pass unseen.
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content or b"\0" in content:
            return None
        root = ElementTree.fromstring(content)
    except (OSError, ElementTree.ParseError, ValueError, LookupError):  # the last two: encodings that nobody knows
        return None
    if root.tag not in ("testsuites", "testsuite"):
        return None
    return tuple(_case(element) for element in root.iter("testcase"))


def _case(element: ElementTree.Element) -> JunitCase:
    """Return one case with the worst that it says."""
    name, classname = element.get("name", ""), element.get("classname", "")
    for tag, outcome in (("error", Outcome.ERROR), ("failure", Outcome.FAILED)):
        if element.find(tag) is not None:
            parts = [child.text for child in element if child.tag in (tag, *CAPTURED) and child.text]
            return JunitCase(classname, name, outcome, shortened("\n\n".join(part.strip("\n") for part in parts)))
    skipped = element.find("skipped") is not None
    return JunitCase(classname, name, Outcome.SKIPPED if skipped else Outcome.PASSED)


def shortened(text: str) -> str:
    """Return text without its middle when it is long: the trace stands at its beginning, the last words at its end."""
    if len(text) <= KEPT:
        return text
    left_out = len(text) - KEPT
    return f"{text[: KEPT // 2]}\n\n… {left_out} characters left out; junit.xml has them …\n\n{text[-(KEPT // 2) :]}"


def read_journal(path: Path) -> JournalFacts:
    """Return the facts of a journal. A damaged line is named and left out."""
    reader = JournalReader(path)
    events = reader.read_to_end()
    return _facts(events, reader.damage)


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    """Return values in order, each once."""
    return tuple(dict.fromkeys(values))


class _Sorted:
    """The events of a journal by what they are."""

    def __init__(self, events: Iterable[AnyEvent]) -> None:
        self._by_kind: dict[type[Any], list[Any]] = defaultdict(list)
        for event in events:
            self._by_kind[type(event)].append(event)

    def of(self, kind: type[E]) -> tuple[E, ...]:
        """Return the events of one kind, in order."""
        return tuple(self._by_kind[kind])


def _exit_statuses(started: Iterable[Started], finished: Iterable[Finished]) -> tuple[int, ...]:
    """Return the exit statuses of the processes that answer for the lane: controllers where there are any."""
    controllers = {event.worker for event in started if event.controller}
    return tuple(event.exit_status for event in finished if event.worker in controllers or not controllers)


def _unfinished(started: Iterable[Started], finished: Iterable[Finished]) -> tuple[str, ...]:
    """Return the processes that began and did not end in an orderly way."""
    ended = {event.worker for event in finished}
    return tuple(event.worker for event in started if event.worker not in ended)


def _collection(collected: Iterable[Collected], pulled: Iterable[str]) -> JournalFacts:
    """Return what was found before tests ran; and of those that a shard pulled, which."""
    return JournalFacts(
        collected=_unique(nodeid for event in collected for nodeid in event.tests),
        selected=_unique((*(n for event in collected for n in event.selected), *pulled)),
        collections=_unique(event.digest for event in collected),
        plans=_unique(event.plan for event in collected if event.plan),
        dropped=_unique(nodeid for event in collected for nodeid in event.dropped),
        left=_unique(nodeid for event in collected for nodeid in event.left),
        gaps=_unique(nodeid for event in collected for nodeid in event.gaps),
        twice={nodeid: lanes for event in collected for nodeid, lanes in event.twice.items()},
        providers={nodeid: name for event in collected for nodeid, name in event.providers.items()},
        needs={nodeid: names for event in collected for nodeid, names in event.needs.items()},
        refused={nodeid: n for event in collected for nodeid, n in event.refused.items()},
        samples=_unique_groups(group for event in collected for group in event.samples),
    )


def _facts(events: list[AnyEvent], damage: list[str]) -> JournalFacts:
    """Return the events sorted by what they are about."""
    by_kind = _Sorted(events)
    started = by_kind.of(Started)
    finished = by_kind.of(Finished)
    outcomes, repeats = _outcomes(by_kind.of(TestFinished))
    settled = {test.nodeid for test in outcomes}
    return msgspec.structs.replace(
        _collection(by_kind.of(Collected), _pulled(by_kind.of(Pulled))),
        facts=_facts_of(started),
        run_ids=_unique(event.run_id for event in started),
        plugins=_unique(event.plugin for event in started),
        interpreters=_unique(event.interpreter for event in started),
        narrowing=_unique(option for event in started for option in event.narrowing),
        collect_errors=_collect_errors(by_kind.of(CollectError)),
        outcomes=outcomes,
        repeats=repeats,
        open_tests=_unique(event.nodeid for event in by_kind.of(TestStarted) if event.nodeid not in settled),
        crashes=_unique(map(_crash, by_kind.of(Crashed))),
        answers=by_kind.of(Answered),
        leaks=by_kind.of(Leaked),
        settled=by_kind.of(Settled),
        unhandled=by_kind.of(Unhandled),
        network=by_kind.of(NetworkAttempt),
        suspects=_unique(event.nodeid for event in by_kind.of(RouteRefused)),
        hermetic=by_kind.of(Hermetic),
        reads=by_kind.of(FilesRead),
        exit_statuses=_exit_statuses(started, finished),
        marks={nodeid: names for event in by_kind.of(Marked) for nodeid, names in event.marks.items()},
        secret_reads=by_kind.of(SecretRead),
        stopped=_unique(event.stopped for event in finished if event.stopped),
        unfinished=_unfinished(started, finished),
        missing=_unique(name for event in finished for name in event.missing),
        shadows=_unique(name for event in finished for name in event.shadows),
        damage=tuple(damage),
    )


def _facts_of(started: Iterable[Started]) -> Facts:
    """Return what the processes of a lane are; nothing where they differ, for then nothing can be said of a skip."""
    found = {
        Facts(
            platform=event.platform, python=event.python, implementation=event.implementation, privilege=event.privilege
        )
        for event in started
    }
    return found.pop() if len(found) == 1 else Facts()


def _unique_groups(groups: Iterable[SampleGroup]) -> tuple[SampleGroup, ...]:
    """Return the samples of each test once, however many workers collected them."""
    return tuple({group.test: group for group in groups}.values())


def _pulled(events: Iterable[Pulled]) -> Iterable[str]:
    """Yield the tests of files that were taken from a queue."""
    return (nodeid for event in events for nodeid in event.tests)


def _crash(event: Crashed) -> str:
    """Return a dead worker as one line."""
    running = f" while running {event.nodeid}" if event.nodeid else ""
    return f"worker {event.name} died{running}{': ' if event.cause else ''}{event.cause}"


def _collect_errors(events: Iterable[CollectError]) -> tuple[TestOutcome, ...]:
    """Return files that could not be collected, each once however many workers saw it."""
    return tuple(
        {
            event.nodeid: TestOutcome(
                nodeid=event.nodeid, outcome=Outcome.ERROR, cause=event.cause, path=event.path, line=event.line,
                worker=event.worker, ran=False,
            )
            for event in events
        }.values()
    )  # fmt: skip


_FIELDS = TestOutcome.__struct_fields__
_values = attrgetter(*_FIELDS)


def _outcomes(events: Iterable[TestFinished]) -> tuple[tuple[TestOutcome, ...], tuple[str, ...]]:
    """Return the final outcome of each test, the worst where there are several, and who had two that differ."""
    found: dict[str, TestOutcome] = {}
    repeats: list[str] = []
    for event in events:
        test = TestOutcome(**dict(zip(_FIELDS, _values(event), strict=True)))
        known = found.get(event.nodeid)
        if known is not None and known.outcome is not test.outcome:
            repeats.append(event.nodeid)
        if known is None or not known.outcome.bad:
            found[event.nodeid] = test
    return tuple(found.values()), _unique(repeats)

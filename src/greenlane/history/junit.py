"""Reads JUnit files of any runner, as a stream: neither their size nor what they declare can hurt."""

from __future__ import annotations

import datetime
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.parsers import expat

import msgspec

from greenlane.errors import ConfigError
from greenlane.evidence.history import RecordedRun, RecordedTest
from greenlane.evidence.outcome import Outcome

CHUNK_BYTES = 1 << 16
MOST_BYTES = 1 << 29
"""A larger file is no report that anybody reads."""

MOST_CASES = 1_000_000
DEEPEST = 100
LONGEST_NAME = 4096
CAUSE = 500
"""Characters that are kept of what went wrong."""

BAD = {"failure": Outcome.FAILED, "error": Outcome.ERROR, "skipped": Outcome.SKIPPED}
AGAIN = ("flakyFailure", "flakyError")
"""How Maven says that a test failed and passed when it was run again."""

SKIPPED = ("notrun", "disabled", "skipped", "suppressed", "ignored")
"""How googletest and others say in an attribute that a test was not run."""


class _Refused(Exception):
    """Why a file is not taken, in one line."""


def read_junit(
    paths: Sequence[Path], *, lane: str, known: Mapping[tuple[str, str], str], run_id: str = "", tree: str = "",
    machine: str = "",
) -> RecordedRun:  # fmt: skip
    """Return the files of one run of another runner.

    Args:
        paths: one file, or the many that a runner wrote for one run.
        lane: the lane that the run is recorded under.
        known: node ids of the lane by JUnit's class name and name.
        run_id: name of the run; by default one that follows from the content, so that importing twice changes nothing.
        tree: state of the work tree; unknown when empty.
        machine: where it ran, when the files do not say it.

    Raises:
        ConfigError: a file cannot be read, is not JUnit, is broken, or is made to do harm.
    """
    content = hashlib.sha256()
    readers = [_Reader(path) for path in paths]
    for reader in readers:
        reader.read(content)
    cases = [case for reader in readers for case in reader.cases]
    if not cases:
        raise ConfigError(f"{', '.join(map(str, paths))}: holds no test case", "see whether the run wrote its report")
    return RecordedRun(
        run_id=run_id or f"import-{content.hexdigest()[:16]}",
        lane=lane,
        tree=tree,
        machine=machine or next((reader.machine for reader in readers if reader.machine), ""),
        source="junit",
        started_at=min(reader.started_at for reader in readers),
        seconds=sum(case.seconds for case in cases),
        tests=settled(cases, known),
    )


class _Reader:
    """One file on its way through the parser."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cases: list[Case] = []
        self.machine = ""
        self.started_at = 0.0
        self._open: list[str] = []
        self._suites: list[str] = []
        self._case: dict[str, str] | None = None
        self._outcome = Outcome.PASSED
        self._both = False
        self._cause = ""
        self._pieces: list[str] | None = None

    def read(self, content: hashlib._Hash) -> None:
        """Parse the file and add its bytes to a digest.

        Raises:
            ConfigError: it cannot be read or is refused.
        """
        parser = self._parser()
        size = 0
        try:
            with self.path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    size += len(chunk)
                    if size > MOST_BYTES:
                        raise _Refused(f"it is larger than {MOST_BYTES >> 20} MiB")
                    content.update(chunk)
                    parser.Parse(chunk, False)
            parser.Parse(b"", True)
            self.started_at = self.started_at or self.path.stat().st_mtime
        except OSError as error:
            raise ConfigError(f"{self.path}: {error.strerror}", "name a JUnit file that you may read") from error
        except (_Refused, expat.ExpatError, LookupError, ValueError) as error:
            where = f"line {parser.CurrentLineNumber}: " if size else ""
            what = expat.ErrorString(error.code) if isinstance(error, expat.ExpatError) else error
            raise ConfigError(f"{self.path}: {where}{what}; nothing was imported", "give a JUnit XML file") from error

    def _parser(self) -> expat.XMLParserType:
        """Return a parser that calls us. Documents that declare anything of their own are refused, not expanded."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.ExternalEntityRefHandler = self._refuse
        return parser

    def _refuse(self, *_: object) -> int:
        raise _Refused("it declares a document type or entities, which JUnit has none of")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._open and tag not in ("testsuites", "testsuite"):
            raise _Refused(f"its root is <{tag[:50]}>; JUnit's is <testsuites> or <testsuite>")
        if len(self._open) >= DEEPEST:
            raise _Refused(f"its elements are nested more than {DEEPEST} deep")
        self._open.append(tag)
        if tag in ("testsuites", "testsuite"):
            self._suite(attributes)
        elif tag == "testcase":
            self._begin_case(attributes)
        elif self._case is not None and (tag in BAD or tag in AGAIN):
            self._bad(tag, attributes)

    def _suite(self, attributes: Mapping[str, str]) -> None:
        """Remember a suite, the machine and the earliest time."""
        self._suites.append(attributes.get("name", ""))
        self.machine = self.machine or attributes.get("hostname", "")
        started = moment(attributes.get("timestamp", ""))
        if started:
            self.started_at = min(self.started_at or started, started)

    def _begin_case(self, attributes: dict[str, str]) -> None:
        """Begin a case."""
        if len(self.cases) >= MOST_CASES:
            raise _Refused(f"it holds more than {MOST_CASES} test cases")
        longest = max((len(attributes.get(key, "")) for key in ("name", "classname", "file")), default=0)
        if longest > LONGEST_NAME:
            raise _Refused(f"a name in it has {longest} characters")
        if not attributes.get("name") and not attributes.get("classname"):
            raise _Refused("a test case in it has no name")
        self._case, self._both, self._cause = attributes, False, ""
        idle = {attributes.get("status", "").lower(), attributes.get("result", "").lower()} & set(SKIPPED)
        self._outcome = Outcome.SKIPPED if idle else Outcome.PASSED

    def _bad(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Note how a case went wrong; the worst of several counts."""
        if tag in AGAIN:
            self._both = True
        elif self._outcome is not Outcome.ERROR and not (self._outcome.bad and tag == "skipped"):
            self._outcome = BAD[tag]
        message = attributes.get("message", "")
        self._pieces = None if message or tag == "skipped" else []
        if message and tag != "skipped" and not self._cause:
            self._cause = _first_line(message)

    def _text(self, text: str) -> None:
        if self._pieces is not None and sum(map(len, self._pieces)) < CAUSE:
            self._pieces.append(text[:CAUSE])

    def _end(self, tag: str) -> None:
        self._open.pop()
        if tag in ("testsuites", "testsuite"):
            self._suites.pop()
        elif tag == "testcase" and self._case is not None:
            case, self._case = self._case, None
            self.cases.append(
                Case(
                    suite=next((name for name in reversed(self._suites) if name), ""),
                    classname=case.get("classname", ""), name=case.get("name", ""), file=case.get("file", ""),
                    outcome=self._outcome, seconds=duration(case.get("time", "")), both=self._both, cause=self._cause,
                )
            )  # fmt: skip
        elif self._pieces is not None:
            self._cause = self._cause or _first_line("".join(self._pieces))
            self._pieces = None


def _first_line(text: str) -> str:
    """Return the first line that says something, without control characters."""
    for line in text.splitlines():
        clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line).strip()
        if clean:
            return clean[:CAUSE]
    return ""


def duration(text: str) -> float:
    """Return seconds as runners write them, `1,234.5` included; 0 for anything else."""
    try:
        seconds = float(text.replace(",", ""))
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


def moment(text: str) -> float:
    """Return an ISO time as Unix seconds, UTC where it names no zone; 0 for anything else."""
    try:
        parsed = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        return 0.0
    known = parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC)
    try:
        return max(0.0, known.timestamp())
    except (OverflowError, ValueError):
        return 0.0


_WORST = (Outcome.ERROR, Outcome.FAILED, Outcome.PASSED, Outcome.SKIPPED)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One `testcase` as it is written, with the suite that it stands in.

    Attributes:
        seconds: what the case says that it took.
        both: whether the case itself says that it failed and was run again until it passed, as Maven writes it.
    """

    suite: str = ""
    classname: str = ""
    name: str = ""
    file: str = ""
    outcome: Outcome = Outcome.PASSED
    seconds: float = 0.0
    both: bool = False
    cause: str = ""


def name_of(case: Case, known: Mapping[tuple[str, str], str]) -> str:
    """Return the name of a case: pytest's node id where it is one of pytest's, else `class::name`.

    Args:
        known: node ids that the lane has already, by class name and name as pytest writes them into JUnit.
    """
    ours = known.get((case.classname, case.name))
    if ours:
        return ours
    if case.suite == "pytest" and case.classname:
        return _node_id(case)
    # Some runners repeat the whole name in both places, or leave the class out.
    owner = case.classname if case.classname != case.name else case.suite
    return "::".join(filter(None, (owner or case.file or case.suite, case.name)))


def _node_id(case: Case) -> str:
    """Return pytest's node id: `a.test_b.TestC` and `test_d` are `a/test_b.py::TestC::test_d`."""
    parts = case.classname.split(".")
    first_class = next((i for i, part in enumerate(parts) if part[:1].isupper()), len(parts))
    path = case.file or "/".join(parts[:first_class]) + ".py"
    return "::".join((path, *parts[first_class:], case.name))


def settled(cases: Iterable[Case], known: Mapping[tuple[str, str], str]) -> tuple[RecordedTest, ...]:
    """Return one outcome for each name.

    A name that is there twice was run again: the last run counts, and two that differ are both outcomes at once. An
    `error` beside another case is a failed tear-down, as pytest writes it, and counts alone.
    """
    by_name: dict[str, list[Case]] = {}
    for case in cases:
        by_name.setdefault(name_of(case, known), []).append(case)
    return tuple(_settle(name, same) for name, same in by_name.items())


def _settle(name: str, cases: list[Case]) -> RecordedTest:
    """Return what the cases of one name add up to."""
    cause = next((case.cause for case in cases if case.cause), "")
    seconds = sum(case.seconds for case in cases)
    outcomes = {case.outcome for case in cases}
    if Outcome.ERROR in outcomes:
        return RecordedTest(name, Outcome.ERROR, seconds, False, cause)
    both = any(case.both for case in cases) or outcomes >= {Outcome.PASSED, Outcome.FAILED}
    final = cases[-1].outcome if cases[-1].outcome is not Outcome.SKIPPED else min(outcomes, key=_WORST.index)
    return RecordedTest(name, final, seconds, both, cause)

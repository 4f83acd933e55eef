"""Evidence: everything that the judge may look at, and nothing else."""

from __future__ import annotations

import msgspec

from greenlane.config.lanes import Provider
from greenlane.evidence.history import Past
from greenlane.evidence.identity import LaneIdentity
from greenlane.evidence.journal import (
    Answered,
    FilesRead,
    Hermetic,
    Leaked,
    NetworkAttempt,
    SecretRead,
    Settled,
    Unhandled,
)
from greenlane.evidence.ledger import Facts, Ledger
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.evidence.quarantine import FlakyTest
from greenlane.evidence.samples import Declared, SampleGroup

RECORD_SCHEMA = 2
"""Version of `lane.json`; a record of another version is refused."""


class ServiceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a service during a lane run.

    Attributes:
        base: address that it reported, empty when it never did.
        started: whether it became ready; failure: why it did not, or how it died; empty for neither.
        startup: seconds until it was ready.
        absent: why the lane ran without it; off: whether that is because nobody switched it on, or
            the machine cannot have it.
        model: name of the model that answers; empty for a service that is none.
        generated: tokens that it counted while the lane ran; None where it counts none.
        refused: requests that it refused as wrong while the lane ran; None where it does not count them.
        gated: whether it is a check of its own.
    """

    name: str
    base: str = ""
    started: bool = False
    startup: float = 0.0
    failure: str = ""
    absent: str = ""
    off: bool = False
    model: str = ""
    generated: int | None = None
    refused: int | None = None
    gated: bool = False


class GateState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a provider may be called, and if not, why."""

    provider: str
    open: bool
    reason: str = ""


class Uncollected(msgspec.Struct, frozen=True, kw_only=True):
    """A test that a file of the lane defines and that pytest did not make a test of; `why` completes its name."""

    nodeid: str
    why: str
    path: str
    line: int


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """An environment that a lane ran in.

    Attributes:
        location: its folder; python: absolute path of its interpreter, whose version is `version`.
        lock: SHA-256 of its lock; wheel: of the project's and harness's wheels.
        drift: differences from lock and wheels, found before or after the run.
    """

    location: str = ""
    python: str = ""
    version: str = ""
    lock: str = ""
    wheel: str = ""
    drift: tuple[str, ...] = ()


class LaneResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a process in a lane's environment ended, as the supervisor saw it. Times are Unix seconds.

    Attributes:
        exit_status: of the lane's pytest; None when it was killed or never started.
        failure: why it could not be run to its end; empty when it was.
        timed_out: whether the deadline killed it; running: the tests that were running then.
        hermetic: level that was achieved, and `hermetic_reason` when it is lower than it should be.
        services: what became of each; endpoints: variables that said where the system under test is.
        survivors: processes that outlived the lane.
        refused: attempts to leave the loopback that the kernel counted over the whole run, whoever made them.
        secrets_found: names of secrets whose values were found and redacted, with the artifact.
    """

    started_at: float
    finished_at: float
    exit_status: int | None = None
    failure: str = ""
    timed_out: bool = False
    interrupted: bool = False
    running: tuple[str, ...] = ()
    hermetic: str = "none"
    hermetic_reason: str = ""
    services: tuple[ServiceRecord, ...] = ()
    endpoints: dict[str, str] = {}
    survivors: tuple[str, ...] = ()
    refused: int = 0
    secrets_found: tuple[str, ...] = ()


class LaneRecord(LaneIdentity, frozen=True, kw_only=True):
    """What control saw of one lane run; `lane.json` of its folder.

    Attributes:
        plan: SHA-256 of the plan that the lane was cut by; plan_source: what that was made from; empty without shards.
        result: how it ended; environment: what it ran in.
        complaint: what pytest said where it did not get as far as running tests.
        budget: seconds that it had.
        tree: state of the work tree before the run; tree_after: after it; tree_changes: paths that differ.
        machine: name of the machine that ran it; variables: those of its environment that settle outcomes.
        coverage: percent of lines and branches; None when not measured.
        digests: SHA-256 of the artifacts as they were when the lane ended, by file name.
        journal_bytes: size of the journal when the lane ended.
        uncollected: tests that are defined in the lane's files and were not collected, read outside of the lane.
        samples: the marks `samples` in the text of the lane's files, read outside of the lane.
        imports: top-level import names of what the environment holds.
        switches: names of the switches of its services that were on.
        seal: SHA-256 of the record without it.
        damage: what the lane itself had done to its artifacts by the time it ended.
        seen: digest of everything that the lane could see; empty where something outside could have changed it.
    """

    schema: int = RECORD_SCHEMA
    result: LaneResult
    environment: Environment = Environment()
    plan: str = ""
    plan_source: str = ""
    budget: float = 0.0
    complaint: str = ""
    tree: str = ""
    tree_after: str = ""
    tree_changes: tuple[str, ...] = ()
    plugin: str = ""
    gates: tuple[GateState, ...] = ()
    workers: str = ""
    seed: int = 0
    machine: str = ""
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    coverage: float | None = None
    digests: dict[str, str] = msgspec.field(default_factory=dict)
    imports: tuple[str, ...] = ()
    uncollected: tuple[Uncollected, ...] = ()
    samples: tuple[Declared, ...] = ()
    switches: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()
    seen: str = ""
    seal: str = ""

    @property
    def duration(self) -> float:
        """Seconds from start to end."""
        return self.result.finished_at - self.result.started_at


class JunitCase(msgspec.Struct, frozen=True):
    """One test case of a JUnit file: its class name and name as written, how it ended, and what it says of a failure.

    `text` is the trace and the captured output, its middle left out when it is long.
    """

    classname: str
    name: str
    outcome: Outcome
    text: str = ""


class JournalFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The journal, read.

    Attributes:
        facts: what the process is that ran the lane; the import names are on the record.
        left: tests that its files hold and that belong to other lanes; gaps: of these those that belong to none.
        twice: tests that belong to several lanes, with their names.
        collected: all node ids of the lane; selected: those that this shard must run.
        collections: digests of the collections that the processes saw; more than one is a mismatch.
        outcomes: final outcome of each test, by node id, in the order in which they ended.
        open_tests: tests that began and never ended.
        damage: what was wrong with the file; empty when nothing was.
        unfinished: processes that began and did not end in an orderly way.
        missing: plugins of the harness that were switched off while the lane ran.
        shadows: modules that were imported in the place of the environment's, `name from path`.
        repeats: node ids with more than one final outcome that differ.
        refused: requests by node id that a test lets a service refuse.
        needs: services by node id that a test cannot do without.
        answers: what models answered, as the tests show it.
        samples: tests that are run several times here.
        suspects: tests that had children while the kernel refused somebody a way out.
        marks: marks by node id; secret_reads: secrets that were asked for; both only where a suite is surveyed.
        reads: what test files read of the project; only where it is watched.
    """

    facts: Facts = Facts()
    run_ids: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    narrowing: tuple[str, ...] = ()
    collected: tuple[str, ...] = ()
    selected: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    twice: dict[str, tuple[str, ...]] = {}
    providers: dict[str, str] = {}
    needs: dict[str, tuple[str, ...]] = {}
    refused: dict[str, int] = {}
    answers: tuple[Answered, ...] = ()
    samples: tuple[SampleGroup, ...] = ()
    collect_errors: tuple[TestOutcome, ...] = ()
    outcomes: tuple[TestOutcome, ...] = ()
    repeats: tuple[str, ...] = ()
    open_tests: tuple[str, ...] = ()
    crashes: tuple[str, ...] = ()
    leaks: tuple[Leaked, ...] = ()
    settled: tuple[Settled, ...] = ()
    unhandled: tuple[Unhandled, ...] = ()
    network: tuple[NetworkAttempt, ...] = ()
    suspects: tuple[str, ...] = ()
    marks: dict[str, tuple[str, ...]] = {}
    secret_reads: tuple[SecretRead, ...] = ()
    hermetic: tuple[Hermetic, ...] = ()
    reads: tuple[FilesRead, ...] = ()
    exit_statuses: tuple[int, ...] = ()
    stopped: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    shadows: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()


class Vouched(msgspec.Struct, frozen=True, kw_only=True):
    """What control found when it took evidence of an earlier run; `vouched.json` beside that.

    Attributes:
        seen: digest of everything that the lane could see then.
        tree: state of the work tree then.
    """

    seen: str
    tree: str


class LaneEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What proves one check: the record, the journal and the JUnit file of a lane or shard.

    Attributes:
        damage: artifacts that are missing, unreadable or not as they were when the lane ended.
        vouched: what control found when it took the evidence; None for that of a run of its own.
        junit: cases of the JUnit file; None when it could not be read.
    """

    record: LaneRecord
    journal: JournalFacts = JournalFacts()
    junit: tuple[JunitCase, ...] | None = None
    damage: tuple[str, ...] = ()
    source: str = ""
    vouched: Vouched | None = None

    @property
    def still_true(self) -> bool:
        """Whether the evidence is of an earlier run, and nothing that the lane can see has changed since."""
        return self.vouched is not None and self.vouched.seen == self.record.seen != ""


class DeclaredLane(msgspec.Struct, frozen=True, kw_only=True):
    """A lane as the configuration has it, for reports: what ran, and what the policy did without.

    Attributes:
        tests: its files and folders; shards: its parts.
        budget: seconds that it, or one shard of it, may take; 0 for no limit.
        providers: live providers that it calls, with the host of each, empty where the caller names it.
        services: those that it uses and can do without.
        policies: names of the policies that need it.
    """

    name: str
    kind: str
    tests: tuple[str, ...] = ()
    shards: tuple[str, ...] = ()
    budget: float = 0.0
    providers: dict[str, str] = {}
    services: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()


class Requirements(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge is asked to decide.

    Attributes:
        policy: name of the policy, for the report; lane: of the lane, when it is judged by itself.
        checks: lane checks that must be green (`core`, `nd/shard_a`, …), in order.
        strict: whether warnings become violations.
        expected: checks, lanes or providers that must run and pass.
        fail_on_skip: whether skips fail in every lane.
        providers: lane of each provider, for what is expected of it; declared: what the configuration says of each.
        services: lanes that use each service that is a check of its own.
        fail_under: lowest coverage in percent, by lane.
        tree: current state of the work tree; empty when it is not compared (artifacts made elsewhere).
        locks: current SHA-256 of the lock, by lane; run_id: the run that artifacts must be from, empty for any.
        plugin: version of the harness.
        gates: state of every live provider.
        unclaimed: test files of the project that no lane takes.
        lanes: every declared lane; declared_lanes: the same in detail.
        variants: the declared lane of each that was made for another interpreter.
        reaching: lanes with a network that their guard keeps on what they may reach.
        ledger: what is known and excused; quarantine_kinds: lane kinds in which an entry excuses a failure.
        today: the day of UTC on which entries are looked at, `2026-01-31`.
        advisory: tests whose failure is told and makes nothing red, by node id without a sample's number.
        past: what ended how on the same tree before, by lane.
        flaky: tests that flaked lately, for the report.
    """

    policy: str
    lane: str = ""
    checks: tuple[str, ...]
    strict: bool = False
    expected: tuple[str, ...] = ()
    fail_on_skip: bool = False
    providers: dict[str, str] = {}
    services: dict[str, tuple[str, ...]] = {}
    declared: dict[str, Provider] = {}
    kinds: dict[str, str] = {}
    fail_under: dict[str, float] = {}
    tree: str = ""
    locks: dict[str, str] = {}
    run_id: str = ""
    plugin: str = ""
    gates: tuple[GateState, ...] = ()
    lanes: tuple[str, ...] = ()
    unclaimed: tuple[str, ...] = ()
    declared_lanes: tuple[DeclaredLane, ...] = ()
    variants: dict[str, str] = {}
    reaching: tuple[str, ...] = ()
    ledger: Ledger = Ledger()
    advisory: tuple[str, ...] = ()
    quarantine_kinds: tuple[str, ...] = ()
    today: str = ""
    past: dict[str, Past] = {}
    flaky: tuple[FlakyTest, ...] = ()

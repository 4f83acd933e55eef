"""The journal: what a lane wrote while it ran, one JSON object a line.

Every process of the lane appends whole lines to one file. The `event` field names the kind.
"""

from __future__ import annotations

import msgspec

from greenlane.evidence.outcome import Attempt, Outcome
from greenlane.evidence.samples import SampleGroup


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """A line of the journal.

    Attributes:
        worker: the process that wrote it; at: wall clock (Unix seconds).
        seq: number of the line among those of the process, from 0. A seal follows as the last field, see `rules/seals`.
    """

    worker: str
    at: float
    seq: int = 0


class Started(Event, frozen=True, tag="started"):
    """A pytest process began.

    Attributes:
        narrowing: options that make it run less than the whole lane.
        platform: `sys.platform`; implementation: `sys.implementation.name`; privilege: `root` or `user`.
    """

    run_id: str
    plugin: str
    python: str
    interpreter: str
    narrowing: tuple[str, ...] = ()
    controller: bool = False
    seed: int | None = None
    platform: str = ""
    implementation: str = ""
    privilege: str = ""


class Collected(Event, frozen=True, tag="collected"):
    """What a process found: every test of the lane, and those it keeps for this shard.

    Attributes:
        tests: all collected node ids, sorted; empty when another process has written the same `digest`.
        digest: SHA-256 of `tests`.
        selected: node ids that this shard must run, sorted.
        plan: SHA-256 of the assignment of tests to shards; empty without shards.
        dropped: node ids that disappeared after collection for a reason other than the shard.
        left: what other lanes take of what its files hold, or none does.
        gaps: of these those that no lane takes; twice: tests that several lanes take, with their names.
        providers: live provider by node id, from `@pytest.mark.provider`.
        needs: services by node id, from `@pytest.mark.needs`.
        refused: requests by node id that a service refuses in it, from `@pytest.mark.refused`.
        samples: tests that are run several times, from `@pytest.mark.samples`.
    """

    tests: tuple[str, ...]
    digest: str
    selected: tuple[str, ...]
    plan: str = ""
    dropped: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    twice: dict[str, tuple[str, ...]] = {}
    providers: dict[str, str] = {}
    needs: dict[str, tuple[str, ...]] = {}
    refused: dict[str, int] = {}
    samples: tuple[SampleGroup, ...] = ()


class Pulled(Event, frozen=True, tag="pulled"):
    """A shard has taken a file from the queue, and must run these tests of it."""

    file: str
    tests: tuple[str, ...]


class CollectError(Event, frozen=True, tag="collect_error"):
    """A file or folder could not be collected."""

    nodeid: str
    cause: str
    path: str = ""
    line: int = 0


class TestStarted(Event, frozen=True, tag="test_started"):
    """A test is about to run."""

    __test__ = False

    nodeid: str


class TestFinished(Event, frozen=True, tag="test_finished"):
    """A test has ended; see `TestOutcome` for the fields."""

    __test__ = False

    nodeid: str
    outcome: Outcome
    duration: float
    reason: str = ""
    cause: str = ""
    path: str = ""
    line: int = 0
    raised: str = ""
    attempts: int = 1
    ran: bool = True
    earlier: tuple[Attempt, ...] = ()


class Answered(Event, frozen=True, tag="answered"):
    """A model answered a test, which shows the answer as evidence.

    Attributes:
        service: who answered, a service or live provider.
        model: name of the model in the answer; request: id of the answer, empty for none.
        prompt: what was asked; text: what was answered; both shortened.
        tokens: that the answer cost, those of the prompt not counted.
        host: name (and port, where it is not the usual one) of the server that was asked; empty where nobody says.
    """

    nodeid: str
    service: str
    model: str
    prompt: str
    text: str
    tokens: int
    request: str = ""
    host: str = ""


class Crashed(Event, frozen=True, tag="crashed"):
    """A worker process died. `nodeid` is the test that it was running, if any."""

    name: str
    nodeid: str = ""
    cause: str = ""


class Leaked(Event, frozen=True, tag="leaked"):
    """A test or a fixture left state behind.

    Attributes:
        watcher: which kind of state.
        what: what changed, as `module.attribute` or a path.
        before: the value that was there, shortened; after: the value found.
        where: `file:line` of the change, where it could be found.
        restored: whether the next test finds it as it was before.
        level: `error`, `warn`, or `known` for one that the ledger lists.
        advice: what to write instead, in one line.
        owner: the fixture that did it, empty for the test itself.
        blame: `leak` where there is evidence of the test's side, `uncertain` otherwise.
        sure: whether `where` is the line that did it; otherwise it is one that can have done it.
    """

    nodeid: str
    watcher: str
    what: str
    before: str = ""
    after: str = ""
    where: str = ""
    restored: bool = True
    level: str = "error"
    advice: str = ""
    owner: str = ""
    blame: str = "leak"
    sure: bool = True


class Settled(Event, frozen=True, tag="settled"):
    """The product or a library changed state of its own while it was used: no leak, told once for each thing.

    Attributes:
        nodeid: the test during which it was seen first.
        watcher: which kind of state; what: what changed; before: what was there; after: what was found.
    """

    nodeid: str
    watcher: str
    what: str
    before: str = ""
    after: str = ""


class Unhandled(Event, frozen=True, tag="unhandled"):
    """Something went wrong where no test can catch it: in a thread, a finalizer, or a coroutine that nobody awaited.

    Attributes:
        nodeid: the test that caused it; empty where that is not known.
        what: what happened, in one line.
        where: `file:line` of the project; empty for none.
        excused: whether the test says that it does so on purpose.
    """

    nodeid: str
    what: str
    where: str = ""
    excused: bool = False


class NetworkAttempt(Event, frozen=True, tag="network"):
    """Something tried to leave the loopback.

    Attributes:
        nodeid: the test, or the file that was being collected; empty elsewhere.
        operation: what was tried (`connect`, `getaddrinfo`, …), or `child process or compiled code`.
        address: where it wanted to go.
        where: `file:line` of the user's code, where it came from Python.
        refused: how many attempts the kernel counted, where it did.
    """

    nodeid: str
    operation: str
    address: str
    where: str = ""
    refused: int = 0


class RouteRefused(Event, frozen=True, tag="route_refused"):
    """The kernel refused somebody a way out while a test had children; workers share a network, so who is not known."""

    nodeid: str


class Marked(Event, frozen=True, tag="marked"):
    """The marks of each test that has any, by node id; written only where a suite is surveyed."""

    marks: dict[str, tuple[str, ...]]


class SecretRead(Event, frozen=True, tag="secret_read"):
    """A secret that was not there was asked for by its name, in a test or while a file was collected."""

    nodeid: str
    name: str


class Hermetic(Event, frozen=True, tag="hermetic"):
    """How far the lane was cut off: `kernel`, `python` or `none`, what the proof saw, and made the kernel count."""

    level: str
    proof: str = ""
    refused: int = 0


class FilesRead(Event, frozen=True, tag="files_read"):
    """What a test file, or with an empty node id any of them, read of the project; only where it is watched.

    Attributes:
        paths: relative to the project, folders that were listed with a slash behind them.
        processes: whether it began processes, of which nobody knows what they read.
    """

    nodeid: str
    paths: tuple[str, ...] = ()
    processes: bool = False


class Finished(Event, frozen=True, tag="finished"):
    """A pytest process ended in an orderly way with this exit status.

    Attributes:
        stopped: why the session ended early.
        missing: plugins of the harness that were no longer there.
        shadows: modules that stand in the place of the environment's or the standard library's, `name from path`.
    """

    exit_status: int
    stopped: str = ""
    missing: tuple[str, ...] = ()
    shadows: tuple[str, ...] = ()


AnyEvent = (
    Started
    | Collected
    | Pulled
    | CollectError
    | TestStarted
    | TestFinished
    | Answered
    | Crashed
    | Leaked
    | Settled
    | Unhandled
    | NetworkAttempt
    | RouteRefused
    | Marked
    | SecretRead
    | Hermetic
    | FilesRead
    | Finished
)

"""What the supervisor is told (on standard input, because it holds secrets) and what it answers (in a file)."""

from __future__ import annotations

import enum

import msgspec

from greenlane.config.lanes import Address, Service
from greenlane.evidence.evidence import ServiceRecord
from greenlane.supervisor.view import View


class ServicePlan(msgspec.Struct, frozen=True, kw_only=True):
    """A service to start, or, with `external`, one that somebody else runs and that is only examined.

    Attributes:
        service: what is declared of it, with what is asked of the server that is used in its place.
        command: words that start it, the first an absolute path.
        model: the model that is wanted of those that it lists; empty for the first.
        port: that it must listen on, where it is started when nobody is at `external`; 0 for one that it chooses.
    """

    name: str
    service: Service
    command: tuple[str, ...]
    environment: dict[str, str]
    cwd: str
    log: str
    external: str = ""
    model: str = ""
    port: int = 0


class GivenFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a lane is given, and the variables that carry it.

    Attributes:
        line: what the user is told; `{path}` in it and in the variables is the path of the file.
        variables: by name.
        path: absolute path, of a file that is there already or, with `text`, of one that this run writes.
        text: content of a file that is written when the base is known, `{base}` in it is filled in; a lane that has no
            base is not given the file. Empty for one that is there already.
        name: of a written file among the lane's artifacts: lanes that run at once have bases of their own.
        latest: path where people find the file of whichever lane was started last, relative to the project or absolute.
    """

    line: str
    variables: dict[str, str]
    path: str = ""
    text: str = ""
    name: str = ""
    latest: str = ""


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """One victim, and what is known of it.

    Attributes:
        victim: the test that ends otherwise after others.
        suspects: tests that are tried first.
        before: tests that ran before the victim when it failed; empty for unknown.
        helping: tests that ran before the victim when it passed; empty for unknown.
    """

    victim: str
    suspects: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    helping: tuple[str, ...] = ()


class SearchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to find out through the lane.

    Attributes:
        sought: the victims, in order; what is found of one is tried first with the next.
        patience: seconds after which nothing further is tried; 0 for no limit.
        cores: how many copies of the lane may run at once.
        answer: file of the list of `Findings`, one for each victim that there was patience for.
    """

    sought: tuple[Sought, ...]
    patience: float = 0.0
    cores: int = 1
    answer: str


class PullPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Which queue a shard pulls files from.

    Attributes:
        url: of the database that holds it, as SQLAlchemy writes it; it may carry a password.
        queue: name of the queue; shard: of this shard; life: of this run of it.
        tree: state of the work tree: what others ran of another says nothing about this one.
        seconds: expected work by file: the longest are given away first.
        patience: seconds after which a shard that shows no life has lost its files.
    """

    url: str
    queue: str
    shard: str
    life: str
    tree: str = ""
    seconds: dict[str, float]
    patience: float = 30.0


class OutputMode(enum.StrEnum):
    """Who is heard on the terminal; the log has everything. `LIVE`: everybody until pytest sums up."""

    ALL = "all"
    LIVE = "live"
    OWN = "own"
    NONE = "none"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One lane run.

    Attributes:
        label: what output lines are prefixed with.
        command: the lane's pytest; environment: all that it sees.
        budget: seconds for the tests; 0 for no limit.
        isolate: whether the lane must be cut off from the network.
        services: what is started or examined, in order; absent: what the run does without.
        address: the base variables, which follow the service of that name.
        base_source: what gave `base`; empty when the service does.
        files: that the lane is given.
        output_mode: whether the lane's lines, only our own or none are printed.
        view: what the lane is shown of the work tree where the kernel cuts it off; None for all of it.
        pull: the queue that the lane pulls files from; None for a fixed list.
        search: what to find out in place of running the lane once; None for a run.
        secrets: values that must not be printed, by name.
        log: file of the whole output; journal: file that tells which test is running; result: file of the answer.
    """

    label: str
    command: tuple[str, ...]
    environment: dict[str, str]
    cwd: str
    budget: float
    isolate: bool
    services: tuple[ServicePlan, ...]
    absent: tuple[ServiceRecord, ...] = ()
    address: Address
    base: str
    base_source: str
    files: tuple[GivenFile, ...] = ()
    secrets: dict[str, str]
    log: str
    journal: str
    contract: str
    result: str
    output_mode: OutputMode = OutputMode.ALL
    search: SearchPlan | None = None
    pull: PullPlan | None = None
    view: View | None = None

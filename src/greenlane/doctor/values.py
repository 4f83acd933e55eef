"""What `greenlane doctor` finds: what would happen and why, without running anything."""

from __future__ import annotations

import msgspec

from greenlane.config.variables import Variable
from greenlane.evidence.violation import Code

DIAGNOSIS_SCHEMA = 1
"""Version of the JSON form of a diagnosis."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it should be.

    Attributes:
        code: the reason for red that it would become; message: what it is, in one line.
        next_step: what to do about it; stands: whether it stands in the way of a green run.
    """

    code: Code
    message: str
    next_step: str
    stands: bool = True


class LaneState(msgspec.Struct, frozen=True, kw_only=True):
    """One lane.

    Attributes:
        checks: what it is judged as; needed: whether the policy needs it.
        budget: seconds, 0 for none; workers: processes that it would run in.
        environment: `built`, or `not built yet`; absent: test paths that do not exist.
    """

    name: str
    kind: str
    checks: tuple[str, ...]
    needed: bool
    budget: float
    workers: int
    services: tuple[str, ...]
    environment: str
    absent: tuple[str, ...] = ()


class LockState(msgspec.Struct, frozen=True, kw_only=True):
    """One lock: `fresh`, `stale`, `missing` or `refused` (it names a compromised release), and why."""

    path: str
    state: str
    reason: str = ""
    lanes: tuple[str, ...] = ()


class InterpreterState(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter that lanes need; `path` is empty when it is not there."""

    version: str
    path: str
    lanes: tuple[str, ...]


class HermeticState(msgspec.Struct, frozen=True, kw_only=True):
    """The level of isolation that the kernel allows here, and how long it took to find out, in milliseconds."""

    level: str
    reason: str = ""
    fix: str = ""
    milliseconds: float = 0.0


class BaseState(msgspec.Struct, frozen=True, kw_only=True):
    """The one base.

    Attributes:
        url: normalised address; empty when the started service gives it.
        source: variable, option or service that gives it.
        variables: what each variable of the base says and where that comes from: the environment, or that it follows.
        answer: what the address says now; empty when there is none to ask.
        reachable: whether something answers there.
        starts: whether nobody listens there and the service would be started there.
    """

    url: str
    source: str
    variables: dict[str, str]
    answer: str = ""
    reachable: bool = True
    starts: bool = False


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """A live provider's gate; `secrets` says of each name whether it is `present`, `blank` or `absent`."""

    provider: str
    lane: str
    open: bool
    reason: str
    secrets: dict[str, str]


class ServiceState(msgspec.Struct, frozen=True, kw_only=True):
    """A service: who needs it, where it would listen, why a run would do without it, who answers in its place."""

    name: str
    lanes: tuple[str, ...]
    port: str
    absent: str = ""
    instead: str = ""


class ModelServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server of local models: its address, the variable that names it, and what it says."""

    address: str
    source: str
    models: tuple[str, ...] = ()
    version: str = ""
    reason: str = ""


class Demanded(msgspec.Struct, frozen=True, kw_only=True):
    """A name that must run and pass: which lanes it brings, and why it could not run now; empty when it could."""

    name: str
    source: str
    lanes: tuple[str, ...]
    blocked: str = ""


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """An option that is not at its default, and where its value comes from."""

    key: str
    value: str
    source: str


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the doctor has to say.

    Attributes:
        policy: the one that was asked about; strict: whether it is.
        guards: what each guard says.
        unanswered: probes that gave no answer in their time.
        problems: first those that stand in the way.
    """

    schema: int = DIAGNOSIS_SCHEMA
    project: str
    version: str
    python: str
    policy: str
    strict: bool
    lanes: tuple[LaneState, ...]
    locks: tuple[LockState, ...]
    interpreters: tuple[InterpreterState, ...]
    hermetic: HermeticState
    base: BaseState
    guards: dict[str, tuple[str, ...]]
    gates: tuple[GateReport, ...]
    services: tuple[ServiceState, ...]
    models: tuple[ModelServer, ...]
    expected: tuple[Demanded, ...]
    environment: tuple[Variable, ...]
    options: tuple[Option, ...]
    unanswered: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

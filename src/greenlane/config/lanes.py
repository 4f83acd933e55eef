"""What a user declares: lanes, services, providers, policies."""

from __future__ import annotations

import enum
from typing import Literal

import msgspec


class LaneKind(enum.StrEnum):
    """What a lane's tests may depend on; everything else about a lane follows from it."""

    DETERMINISTIC = "deterministic"
    NONDETERMINISTIC = "nondeterministic"
    RELEASE = "release"


class Coverage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a lane is measured with coverage.py.

    Attributes:
        packages: import names that are measured.
        fail_under: lowest acceptable share of lines and branches, percent, 0 to 100.
        policies: the only policies that measure, as measuring doubles the time of small tests; none for all. A lane
            that is run by itself is measured always.
    """

    packages: tuple[str, ...]
    fail_under: float = 0.0
    policies: tuple[str, ...] = ()


class Lane(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One set of tests with an environment of its own.

    Attributes:
        kind: `deterministic`, `nondeterministic` or `release`; decides on network, skips, secrets and budget.
        tests: files and folders given to pytest, relative to the project; the lane of the deepest path owns a file.
        marks: expression of marks that its tests must meet, as pytest's `-m`; default is a `-m` of the suite's addopts.
        exclude: patterns of files that it leaves to other lanes, as `tests/stress/**`.
        lock: hashed requirements file, relative to the project; default `locks/<lane>.txt`.
        extras: optional dependencies of the project that the lock contains.
        groups: dependency groups of the project that the lock contains: PEP 735's, Poetry's or PDM's.
        requirements: further things that the lock contains: files of requirements, relative to the project, and
            requirements as packaging writes them, such as `respx>=0.22`.
        project: whether the project is installed; without it the lane has its lock and the harness alone, so that a
            change of the package is none of what it can see.
        editable: whether the project is installed as its files lie in the work tree, not as the wheel that users get.
        python: interpreter as `3.12`; default is the one that runs nox.
        pythons: further interpreters; each makes a lane `<name>-<version>` of its own, which shares the lock.
        budget: seconds for the whole lane or one shard; 0 or less disables.
        test_timeout: seconds for one test; 0 disables.
        workers: processes inside the lane; `auto` is one per core, 0 runs without xdist.
        preload: import names of modules that are dear to import: one process imports them, and workers are its forks.
        shards: names of the parts that a lane is cut into.
        services: names of the services that the lane needs.
        env: `NAME` lets a variable of the caller through, `NAME=value` sets one.
        providers: live providers whose secrets the lane may see when their gate is open.
        coverage: what is measured with coverage.py; none by default.
        reach: the only addresses beyond its loopback, `host:port`, that the Python of a lane with a network may
            reach; child processes and compiled code are not held back. None for all.
        inputs: patterns of the files that a deterministic lane may see of the work tree, beside its tests and the
            configuration of pytest; none for the whole tree.
        order: `random` shuffles tests with a recorded seed, `file` keeps the order of the files.
        aliases: other names of the lane, wherever its name can be given; one that several lanes have means them all.
        shard_aliases: other names of its shards, by shard.
        variant_of: the lane that this one was made from for another interpreter; nobody writes it.
    """

    kind: LaneKind
    tests: tuple[str, ...]
    name: str = ""
    marks: str = ""
    exclude: tuple[str, ...] = ()
    lock: str = ""
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    project: bool = True
    editable: bool = False
    python: str = ""
    pythons: tuple[str, ...] = ()
    budget: float | None = None
    test_timeout: float = 60.0
    workers: int | str = 0
    preload: tuple[str, ...] = ()
    shards: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    coverage: Coverage | None = None
    order: str = "file"
    inputs: tuple[str, ...] = ()
    reach: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    shard_aliases: dict[str, tuple[str, ...]] = {}
    variant_of: str = ""

    @property
    def deterministic(self) -> bool:
        """Whether the lane must be hermetic and repeatable."""
        return self.kind is LaneKind.DETERMINISTIC


class Instead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody else's server, which takes the place of a service while it answers.

    Attributes:
        variable: environment name of its base.
        ready: path that answers 200 when it is there.
        models: as `Service.models`, of that server.
        model_variable: environment name of the model that is wanted of it; the first that it lists otherwise.
    """

    variable: str
    ready: str
    models: str = ""
    model_variable: str = ""


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A process that lanes need while they run.

    Attributes:
        command: argument vector; `{port}` becomes 0, so that the service picks a free port and prints its
            address, `http://host:port`. A first word without a slash is looked up in the service's environment only.
        ready: path that answers 200 when the service can be used; empty for programs that tests start themselves: of
            the command only the first word counts then, as `{program}` in `gives`.
        identity: path that answers a JSON object; its `port` and `instance_id`, when present, must be ours.
        instance_variables: further environment names of the identity that it is given in `GREENLANE_INSTANCE_ID`, for a
            service that knows it by a name of its own.
        start_timeout: seconds until it must be ready.
        env: `NAME` or `NAME=value`, as for a lane.
        environment: name in `locks` of the environment that it lives in; empty for that of the lane.
        shards: the only shards that start it; none for all.
        when: environment name of the switch without which it is not started; empty for always.
        optional: whether a lane goes on without it where its environment cannot be installed.
        probe: argument vector that ends with 0 where this machine can have it, within `start_timeout`; its first word
            is looked up on the caller's PATH. Otherwise a lane goes on without it, for the reason that it says last.
        gives: `NAME=value` for later services and for the lane while it runs; `{base}`, `{model}` and `{program}`
            are filled in.
        models: path that lists models, as `data[].id` or `models[].name`; the first is the one that answers. Empty for
            no model.
        meter: path and name of the counter of tokens that it generated, as `/metrics name`; empty for none.
        refused: path and counter of the requests that it refused as wrong, as `/metrics name{status="400"}`, whose
            series are added up; empty for none. What it counts beyond what tests announce is BAD_REQUEST_SEEN.
        instead: whose server is used in its place.
        aliases: other names by which it can be expected.
    """

    command: tuple[str, ...]
    ready: str = "/ready"
    identity: str = ""
    instance_variables: tuple[str, ...] = ()
    start_timeout: float = 20.0
    env: tuple[str, ...] = ()
    environment: str = ""
    shards: tuple[str, ...] = ()
    when: str = ""
    optional: bool = False
    probe: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    models: str = ""
    meter: str = ""
    refused: str = ""
    instead: Instead | None = None
    aliases: tuple[str, ...] = ()

    @property
    def gated(self) -> bool:
        """Whether a lane can do without it, so that it is a check of its own that can be expected."""
        return bool(self.when or self.optional or self.probe)


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A live provider; it is called only while its gate is open.

    Attributes:
        secrets: environment names that must all be present and non-blank.
        variables: further names that must be, which are no secrets, such as an address.
        model: the model that release tests ask for; empty for whichever answers.
        kind: `model` or `memory`.
        host: name of the only host whose answers are evidence, over TLS; empty where `variables` give the address.
        tokens: that one answer may cost, at most.
        seconds: that one call may take, at most.
        calls: that one run may make, at most.
        aliases: other names by which it can be expected.
    """

    secrets: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    model: str = ""
    kind: str = "model"
    host: str = ""
    tokens: int = 16
    seconds: float = 30.0
    calls: int = 2
    aliases: tuple[str, ...] = ()


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lanes a verdict needs, and how strictly.

    Attributes:
        lanes: names of the lanes that must be green.
        strict: whether warnings become violations.
        expect: checks, lanes or providers that must run and pass, beside those of `READINESS_EXPECT`.
        evidence: `reuse` takes evidence of an earlier run of a deterministic lane while nothing that the lane can see
            has changed, `fresh` runs every lane.
    """

    lanes: tuple[str, ...]
    strict: bool = False
    expect: tuple[str, ...] = ()
    evidence: Literal["reuse", "fresh"] = "reuse"


class Router(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model groups that must resolve, and what stands in for a router configuration that lacks them.

    Attributes:
        variable: environment name of the path of a LiteLLM router configuration; empty switches the guard off.
        group_variable: environment name of the group that tests ask for; when the caller sets it, it must resolve, too.
        groups: model groups that must resolve.
        stub: the configuration that is written when there is none, relative to the project; default
            `<artifacts>/router_stub.yaml`; each lane is given a copy among its own artifacts.
        model: what each group of the stub calls at the base; `{group}` is the group's name.
    """

    variable: str = ""
    group_variable: str = ""
    groups: tuple[str, ...] = ()
    stub: str = ""
    model: str = "openai/{group}"


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one base address of the system under test and the variables that carry it, as the project names them.

    Attributes:
        variable: environment name of the base; empty where a project has none.
        host_variable: environment name of the host alone.
        port_variable: environment name of the port alone.
        default: base when neither variables nor a service give one.
        same: further variables that must carry the same base.
        service: the service whose real address the base follows.
    """

    variable: str = ""
    host_variable: str = ""
    port_variable: str = ""
    default: str = ""
    same: tuple[str, ...] = ()
    service: str = ""

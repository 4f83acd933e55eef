"""What a configuration must keep to beyond its types."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.config.lanes import Address, Coverage, Lane, LaneKind, Policy, Provider, Router, Service
from greenlane.config.leaks import WATCHERS, LeakPolicy
from greenlane.config.schema import Configuration, History, Quarantine, Report
from greenlane.config.validate import problems
from greenlane.plugin.leaks.table import KINDS


def core(**fields: Any) -> Lane:
    """Return a deterministic lane."""
    return Lane(**{"kind": LaneKind.DETERMINISTIC, "tests": ("tests",), **fields})


def one(**fields: Any) -> Configuration:
    """Return a configuration with one lane, `core`, whose fields are given."""
    return Configuration(lanes={"core": core(**fields)})


def whole(**sections: Any) -> Configuration:
    """Return a configuration with other sections beside `core`."""
    return Configuration(**{"lanes": {"core": core()}, **sections})


def live(**fields: Any) -> Configuration:
    """Return a configuration with one provider, `p`, whose fields are given."""
    return whole(providers={"p": Provider(**{"secrets": ("P_KEY",), **fields})})


GATEWAY = Service(command=("gw",))
OPENAI = {"openai": Provider(secrets=("OPENAI_API_KEY",))}


@pytest.mark.parametrize(
    "configuration",
    [
        pytest.param(one(), id="smallest"),
        pytest.param(one(workers="auto", python="3.12", order="random", test_timeout=0, budget=-1.0), id="options"),
        pytest.param(one(workers=0), id="one-process"),
        pytest.param(one(workers=256), id="many-workers"),
        pytest.param(one(workers="auto", preload=("json", "xml.sax")), id="preload"),
        pytest.param(one(coverage=Coverage(packages=("x",), fail_under=100)), id="full-coverage"),
        pytest.param(one(coverage=Coverage(packages=("x",), policies=("matrix",))), id="coverage-of-a-policy"),
        pytest.param(one(shards=("a", "b")), id="shards"),
        pytest.param(one(env=("PYTHON_GC_THRESHOLD=9",)), id="variable-of-an-application"),
        pytest.param(
            whole(services={"gateway": GATEWAY}, address=Address(variable="B", service="gateway")), id="service"
        ),
        pytest.param(whole(artifacts="out/lanes", environments="/var/cache/envs"), id="folders"),
        pytest.param(whole(leaks=LeakPolicy(level="warn", levels={"environ": "off"})), id="leaks"),
        pytest.param(
            whole(providers=OPENAI, lanes={"live": core(kind=LaneKind.RELEASE, providers=("openai",))}), id="provider"
        ),
    ],
)
def test_a_good_configuration_has_no_problem(configuration: Configuration) -> None:
    """Limits themselves are allowed."""
    assert problems(configuration) == []


@pytest.mark.parametrize(
    ("configuration", "problem"),
    [
        (Configuration(), "lanes: at least one lane is needed, as [tool.greenlane.lanes.core]"),
        (one(tests=()), "lanes.core.tests: at least one file or folder is needed"),
        (one(test_timeout=-1.0), "lanes.core.test_timeout: -1 is not a number of seconds from 0, which disables"),
        (one(test_timeout=float("nan")), "lanes.core.test_timeout: nan is not a number of seconds from 0, which"),
        (one(budget=float("inf")), "lanes.core.budget: inf is not a number of seconds; 0 or less disables"),
        (one(workers="many"), "lanes.core.workers: 'many' is neither a number nor 'auto'"),
        (one(workers=257), "lanes.core.workers: 257 is not between 0 and 256"),
        (one(workers=-1), "lanes.core.workers: -1 is not between 0 and 256"),
        (
            one(preload=("json",)),
            "lanes.core.preload: there is nobody to preload for; set lanes.core.workers, to a number or 'auto'",
        ),
        (
            one(workers=2, preload=("my-package",)),
            "lanes.core.preload: 'my-package' is not an import name such as my_package.client",
        ),
        (
            one(editable=True, project=False),
            "lanes.core.editable: the project is not installed at all, by lanes.core.pr",
        ),
        (one(python="python3"), "lanes.core.python: 'python3' is not a version such as 3.12"),
        (one(order="up"), "lanes.core.order: 'up' is not one of file, random"),
        (one(coverage=Coverage(packages=("x",), fail_under=101)), "lanes.core.coverage.fail_under: 101 is not between"),
        (one(coverage=Coverage(packages=("x",), policies=("deplyo",))), "lanes.core.coverage.policies: unknown name"),
        (
            one(coverage=Coverage(packages=("x",)), shards=("a",)),
            "lanes.core.coverage: a lane with shards cannot have a threshold of its own; measure it in one lane",
        ),
        (one(shards=("a", "b", "a")), "lanes.core.shards: a is named more than once"),
        (one(env=("PYTHONPATH=fake",)), "lanes.core.env: PYTHONPATH decides which code runs, and is fixed by the"),
        (one(env=("PYTHON_PRESITE=fake",)), "lanes.core.env: PYTHON_PRESITE decides which code runs"),
        (one(env=("PYTHON_GIL=0",)), "lanes.core.env: PYTHON_GIL decides which code runs"),
        (one(env=("PYTHON_FROZEN_MODULES=off",)), "lanes.core.env: PYTHON_FROZEN_MODULES decides which code runs"),
        (one(env=("PYTHONOPTIMIZE=1",)), "lanes.core.env: PYTHONOPTIMIZE decides which code runs"),
        (one(env=("LD_PRELOAD",)), "lanes.core.env: LD_PRELOAD decides which code runs"),
        (one(env=("PATH=/x",)), "lanes.core.env: PATH decides which code runs"),
        (one(env=("1BAD",)), "lanes.core.env: '1BAD' is not the name of a variable"),
        (one(shards=("../a",)), "lanes.core.shards: '../a' is not a shard name"),
        (one(services=("gateway",)), "lanes.core.services: unknown name 'gateway'; known: none"),
        (
            Configuration(lanes={"live": core(kind=LaneKind.RELEASE, providers=("x",))}, providers=OPENAI),
            "lanes.live.providers: unknown name 'x'; known: openai",
        ),
        (
            Configuration(lanes={"core": core(providers=("openai",))}, providers=OPENAI),
            "lanes.core.providers: only a lane of kind 'release' may call live providers",
        ),
        (
            Configuration(lanes={"core": core(env=("OPENAI_API_KEY",))}, providers=OPENAI),
            "lanes.core.env: OPENAI_API_KEY is a secret of a provider; only an open gate of the release lane passes it",
        ),
        (
            Configuration(lanes={"core": core(env=("OPENAI_API_KEY=x",))}, providers=OPENAI),
            "lanes.core.env: OPENAI_API_KEY is a secret of a provider",
        ),
        (
            whole(services={"g": Service(command=("g",), env=("OPENAI_API_KEY",))}, providers=OPENAI),
            "services.g.env: OPENAI_API_KEY is a secret of a provider",
        ),
        (whole(services={"g": Service(command=())}), "services.g.command: at least one word is needed"),
        (
            whole(services={"g": Service(command=("g",), start_timeout=0)}),
            "services.g.start_timeout: 0 is not between 0 and 3600 seconds",
        ),
        (whole(policies={"p": Policy(lanes=("core", "nd"))}), "policies.p.lanes: unknown name 'nd'; known: core"),
        (whole(address=Address(variable="B", service="gw")), "address.service: unknown name 'gw'; known: none"),
        (whole(services={"g": GATEWAY}, address=Address(service="g")), "address.variable: the name of the variable"),
        (
            whole(address=Address(default="http://h")),
            "address.variable: the name of the variable that carries the base",
        ),
        (whole(address=Address(variable="a b")), "address.variable: 'a b' is not the name of a variable"),
        (whole(address=Address(variable="A", same=("b-c",))), "address.same: 'b-c' is not the name of a variable"),
        (
            whole(
                lanes={"core": core(env=("ALSO_BASE=http://x",))}, address=Address(variable="BASE", same=("ALSO_BASE",))
            ),
            "lanes.core.env: ALSO_BASE follows the one base, and is set by the harness",
        ),
        (
            whole(lanes={"core": core(env=("ROUTES",))}, router=Router(variable="ROUTES")),
            "lanes.core.env: ROUTES follows the one base, and is",
        ),
        (whole(router=Router(groups=("fast",))), "router.variable: the name of the variable is needed"),
        (whole(router=Router(variable="R", groups=("",))), "router.groups: '' is not the name of a model group"),
        (
            whole(router=Router(model="gpt")),
            "router.model: 'gpt' is not a provider and a model, such as openai/",
        ),
        (whole(router=Router(stub="../x.yaml")), "router.stub: '../x.yaml' is not a .yaml file below the project"),
        (whole(router=Router(variable="a b")), "router.variable: 'a b' is not the name of a variable"),
        (live(kind="search"), "providers.p.kind: 'search' is not one of model, memory"),
        (live(host="https://x.example/"), "providers.p.host: 'https://x.example/' is not the name of a host"),
        (live(calls=1000), "providers.p.calls: 1000 is not between 1 and 20"),
        (live(tokens=0), "providers.p.tokens: 0 is not between 1 and 1024"),
        (live(seconds=9000.0), "providers.p.seconds: 9000 is not between 0 and 300"),
        (live(variables=("P_KEY",)), "providers.p.variables: P_KEY is a secret"),
        (live(variables=("A B",)), "providers.p.variables: 'A B' is not the name of a variable"),
        (whole(leaks=LeakPolicy(level="loud")), "leaks.level: 'loud' is not one of error, warn, off"),
        (
            whole(leaks=LeakPolicy(levels={"environ": "no"})),
            "leaks.levels.environ: 'no' is not one of error, warn, off",
        ),
        (
            whole(leaks=LeakPolicy(levels={"enviro": "off"})),
            f"leaks.levels: unknown watcher 'enviro'; known: {', '.join(WATCHERS)}",
        ),
        (
            whole(leaks=LeakPolicy(watch=("src/pkg",))),
            "leaks.watch: 'src/pkg' is not an import name such as my_package.client",
        ),
        (whole(leaks=LeakPolicy(allow={"environ:X": " "})), "leaks.allow: 'environ:X' has no reason"),
        (whole(artifacts="tests"), "artifacts: 'tests' is emptied before each run, and holds or lies in the tests of"),
        (whole(report=Report(markdown="src/a.py")), "report.markdown: 'src/a.py' is not a .md file below the project"),
        (whole(report=Report(json="../x.json")), "report.json: '../x.json' is not a .json file below the project"),
        (whole(history=History(path="/tmp/h.sqlite")), "history.path: '/tmp/h.sqlite' is not a .sqlite file below the"),
        (whole(history=History(durations="")), "history.durations: a .json file below the project is needed"),
        (whole(history=History(ingest="now")), "history.ingest: 'now' is not one of detached, later"),
        (whole(history=History(url="env:no name")), "history.url: 'no name' is not the name of a variable"),
        (whole(history=History(url="postgresql://me:secret@db/x")), "history.url: it holds a password"),
        (whole(history=History(url="postgresql://db/x?password=secret")), "history.url: it holds a password"),
        (whole(history=History(url="history")), "history.url: 'history' is neither env:NAME nor an address"),
        (whole(quarantine=Quarantine(ledger="../q.toml")), "quarantine.ledger: '../q.toml' is not a .toml file below"),
        (whole(quarantine=Quarantine(drafts="/tmp")), "quarantine.drafts: '/tmp' is not a folder of its own"),
        (whole(quarantine=Quarantine(days=0)), "quarantine.days: 0 is not between 1 and 3650"),
        (whole(quarantine=Quarantine(rate=1.0)), "quarantine.rate: 1 is not between 0 and 1"),
        (whole(quarantine=Quarantine(repository="me")), "quarantine.repository: 'me' is not owner/name"),
        (whole(quarantine=Quarantine(api="ftp://x")), "quarantine.api: 'ftp://x' is not an address of http or https"),
        (whole(quarantine=Quarantine(token="a-b")), "quarantine.token: 'a-b' is not the name of a variable"),
        (whole(artifacts="."), "artifacts: '.' is not a folder of its own below the project; it is emptied before"),
        (whole(artifacts=""), "artifacts: '' is not a folder of its own below the project"),
        (whole(artifacts="a/../.."), "artifacts: 'a/../..' is not a folder of its own below the project"),
        (whole(artifacts="/srv"), "artifacts: '/srv' is absolute; a path relative to the project is needed"),
        (whole(environments="./"), "environments: './' is not a folder of its own below the project"),
        (
            Configuration(lanes={"1st": core()}),
            "lanes.1st: '1st' is not a lane name; letters, digits, '_', '.', '-' are allowed, a letter first",
        ),
        (Configuration(lanes={"../core": core()}), "lanes.../core: '../core' is not a lane name"),
        (
            Configuration(lanes={"ready": core()}),
            "lanes.ready: 'ready' is a name of the harness itself, as are control, coverage, greenlane, lock, pip",
        ),
    ],
    ids=lambda value: value.split(":")[0] if isinstance(value, str) else "",
)
def test_each_problem_names_its_key_and_what_is_allowed(configuration: Configuration, problem: str) -> None:
    """Exactly the one thing that is wrong, found where it stands."""
    (found,) = problems(configuration)

    assert found.startswith(problem)


def test_every_watcher_can_be_named() -> None:
    """The names that the configuration knows are those of the table of watchers."""
    assert tuple(kind.name for kind in KINDS) == WATCHERS

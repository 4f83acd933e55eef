"""Which services a lane starts, what they give, and what a configuration of them must keep to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from greenlane.config.lanes import Address, Instead, Lane, LaneKind, Service
from greenlane.config.schema import Configuration, ExtraLock
from greenlane.config.services import (
    absence_line,
    choose_model,
    gated_services,
    given,
    model_names,
    problems,
    services_here,
    switched_off,
)
from greenlane.environment.lock_file import installation_failure, mismatched
from greenlane.sharding.assignment import follow_services


def service(**fields: Any) -> Service:
    """Return a service."""
    return Service(**{"command": ("serve",), **fields})


def configuration(**services: Service) -> Configuration:
    """Return a configuration whose one lane has two shards and names every service."""
    lane = Lane(
        kind=LaneKind.NONDETERMINISTIC, tests=("tests",), name="nd", shards=("a", "b"), services=tuple(services)
    )
    return Configuration(lanes={"nd": lane}, services=services, locks={"house": ExtraLock(groups=("house",))})


def test_a_shard_starts_its_own() -> None:
    """A service of one shard is no business of the others; a lane that is run whole starts all."""
    found = configuration(everywhere=service(), there=service(shards=("b",)))
    lane = found.lanes["nd"]
    started = {shard: list(services_here(found, lane, shard)) for shard in ("a", "b", "")}
    both = ["everywhere", "there"]
    assert started == {"a": ["everywhere"], "b": both, "": both}


def test_only_what_a_lane_can_do_without_is_a_check() -> None:
    """A switch or `optional` makes a service a check of its own; the others are part of their lane."""
    found = configuration(plain=service(), switched=service(when="ND_REAL"), optional=service(optional=True))
    assert gated_services(found) == {"switched": ("nd",), "optional": ("nd",)}


def test_a_switch_is_on_or_off() -> None:
    """The reason names the variable; a model's absence says what answers instead."""
    model = service(when="ND_REAL", models="/v1/models")
    assert switched_off(model, {}) == switched_off(model, {"ND_REAL": "0"}) == "ND_REAL is not 1"
    assert switched_off(model, {"ND_REAL": "1"}) == switched_off(service(), {}) == ""
    assert absence_line("proxy", service(when="X"), "X is not 1") == "SKIP proxy: X is not 1"
    told = "SKIP model: ND_REAL is not 1; no model is met, answers are echoed or scripted"
    assert absence_line("model", model, "ND_REAL is not 1") == told


def test_what_a_service_gives() -> None:
    """Base, model and program are filled in wherever they stand; a value may hold further equal signs."""
    gives = ("BASE={base}/v1", "MODEL=openai/{model}", "MODE=a=b", "PROGRAM={program}")
    assert given(gives, "http://127.0.0.1:1", "m", "/venv/bin/x") == {
        "BASE": "http://127.0.0.1:1/v1", "MODEL": "openai/m", "MODE": "a=b", "PROGRAM": "/venv/bin/x",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("listing", "names"),
    [
        ({"data": [{"id": "a"}, {"id": "b"}]}, ["a", "b"]),
        ({"models": [{"name": "a:latest"}]}, ["a:latest"]),
        ({"data": [{"id": ""}, "x", {}]}, []),
        ({"models": None}, []),
        ([], []),
    ],
)
def test_lists_of_models(listing: object, names: list[str]) -> None:
    """The lists of OpenAI and Ollama are read; what is no list of models has none."""
    assert model_names(listing) == names


def test_which_model_is_asked() -> None:
    """The wished one, its tag left out or not; the first without a wish; never another than was wished."""
    names = ["a:latest", "b"]
    found = [choose_model(names, wish) for wish in ("", "a", "a:latest", "b")]
    assert found == ["a:latest", "a:latest", "a:latest", "b"]
    with pytest.raises(ValueError, match="does not have the model 'c'; it lists a:latest, b"):
        choose_model(names, "c")
    with pytest.raises(ValueError, match="lists no model"):
        choose_model([], "")


PROBLEMS = {
    "no words": (service(command=()), "services.s.command: at least one word is needed"),
    "no time": (service(start_timeout=0), "services.s.start_timeout: 0 is not between 0 and 3600 seconds"),
    "no lock": (service(environment="x"), "services.s.environment: unknown lock 'x'; known: house"),
    "nothing to install": (service(optional=True), "services.s.optional: only a service with an environment of its"),
    "a strange switch": (service(when="ND REAL"), "services.s: 'ND REAL' is not the name of a variable"),
    "a strange place": (
        service(instead=Instead(variable="1", ready="/")), "services.s: '1' is not the name of a variable",
    ),
    "no such shard": (service(shards=("c",)), "services.s.shards: no lane that uses it has a shard 'c'; known: a, b"),
    "no value": (service(gives=("BASE",)), "services.s.gives: 'BASE' is not NAME=value; {base}, {model}, {program}"),
    "nobody starts it": (service(ready=""), "services.s.ready: only a service with an environment of its own"),
    "no address": (
        service(ready="", environment="house", gives=("B={base}",)),
        "services.s.gives: 'B={base}' names an address, and without `ready` nothing is started",
    ),
    "nobody to ask": (
        service(ready="", environment="house", refused="/metrics refused"),
        "services.s.refused: without `ready` nothing is started that could be asked",
    ),
    "nobody to prove": (
        service(ready="", environment="house", identity="/identity"),
        "services.s.identity: without `ready` nothing is started that could be asked",
    ),
    "no model": (service(gives=("M={model}",)), "services.s.gives: 'M={model}' names a model, and `models` says"),
}  # fmt: skip


@pytest.mark.parametrize(("declared", "problem"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_problems(declared: Service, problem: str) -> None:
    """Each is told with its key path and what is allowed."""
    (told,) = problems(configuration(s=declared))
    assert told.startswith(problem)


def test_a_base_needs_somebody_who_is_started() -> None:
    """A base cannot follow programs that only tests start."""
    declared = configuration(s=service(ready="", environment="house"))
    (told,) = problems(msgspec.structs.replace(declared, address=Address(variable="BASE", service="s")))
    assert told == "address.service: 's' has no address, as without `ready` nothing is started"


def test_names_of_their_own() -> None:
    """What can be expected cannot share a name with a lane, nor a lock with a lane's."""
    assert list(problems(configuration(good=service(environment="house", optional=True)))) == []
    (told,) = problems(configuration(nd=service(when="X")))
    assert told == "services.nd: 'nd' is also a lane or a provider; what can be expected needs a name of its own"
    lanes = {"core": Lane(kind=LaneKind.DETERMINISTIC, tests=("t",))}
    (told,) = problems(Configuration(lanes=lanes, locks={"core": ExtraLock(groups=("g",))}))
    assert told == "locks.core: core is a lane, whose lock has the same name"


def test_tests_follow_services() -> None:
    """A test goes where all that it needs is; its own mark stays; nowhere is an error."""
    homes = {"everywhere": (), "b": ("shard_b",), "both": ("shard_a", "shard_b"), "c": ("shard_c",)}
    needs = {"t1": ("everywhere",), "t2": ("both", "b"), "t3": ("both",), "t4": ("both",)}
    assert follow_services(needs, {"t4": "shard_b"}, homes) == {"t2": "shard_b", "t3": "shard_a", "t4": "shard_b"}
    with pytest.raises(ValueError, match="t needs b, c: b runs in shard_b only; c runs in shard_c only"):
        follow_services({"t": ("b", "c")}, {}, homes)


def test_why_an_installation_failed() -> None:
    """The first error is told in one line; a distribution with another hash is recognised, uv's way and pip's."""
    output = "Using Python\nerror: Failed to fetch: x\n  cause: y"
    told = installation_failure("installing m.txt failed", output)
    assert told == "installing m.txt failed: error: Failed to fetch: x"
    assert installation_failure("making the environment m: no space", "") == "making the environment m: no space"
    assert mismatched("Hash mismatch for `x`")
    assert mismatched("THESE PACKAGES DO NOT MATCH THE HASHES FROM")
    assert not mismatched(output)

"""What the user asks for: a policy, or one lane, with what the environment expects on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from greenlane.config.lanes import Lane
from greenlane.config.load import Settings
from greenlane.config.names import canonical, nearest
from greenlane.errors import ConfigError
from greenlane.judge.requirements import checks_of, needed_lanes
from greenlane.sharding.keywords import choose_shards


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for.

    Attributes:
        policy: name of the policy that the verdict is for.
        lanes: names of the lanes that are needed.
        shards: names of the only shards that are wanted, empty for all.
        seed: of a random order; None draws one.
        queue: name of the queue that the one named shard pulls files from; empty for none.
        plan: path of a plan that shards are cut by, made for this run elsewhere; empty for none.
        lane: the lane that is judged by itself; empty for a verdict of the project, which tells of every provider.
        only: node ids that are run instead of the whole lane.
        reuse: whether evidence of an earlier run will do where nothing that its lane can see has changed.
        reads: whether it is recorded which files each test file reads, for whoever watches.
    """

    policy: str
    lanes: tuple[str, ...]
    shards: tuple[str, ...] = ()
    strict: bool = False
    expected: tuple[str, ...] = ()
    seed: int | None = None
    lane: str = ""
    plan: str = ""
    queue: str = ""
    only: tuple[str, ...] = ()
    reuse: bool = False
    reads: bool = False


def lane_as_asked(settings: Settings, request: RunRequest, name: str) -> Lane:
    """Return a lane as a request runs it: not measured for a policy that its coverage leaves out.

    Raises:
        ConfigError: there is no such lane.
    """
    lane = settings.lane(name)
    # A lane that is run by itself may be judged for any policy later, by whoever merges its evidence.
    if request.policy and lane.coverage and request.policy not in (lane.coverage.policies or (request.policy,)):
        return msgspec.structs.replace(lane, coverage=None)
    return lane


def request_of_policy(
    settings: Settings, name: str, seed: int | None = None, plan: str = "", *, fresh: bool = False
) -> RunRequest:
    """Return what a policy asks for, with what the environment expects on top.

    Raises:
        ConfigError: the policy, or a name that it expects, is unknown.
    """
    policy = settings.policy(name)
    wanted = canonical(settings.configuration, policy.expect, f"policies.{name}.expect")
    expected = tuple(dict.fromkeys((*wanted, *_expected(settings))))
    return RunRequest(
        policy=name,
        lanes=needed_lanes(settings.configuration, policy.lanes, expected, settings.live),
        strict=policy.strict or settings.strict,
        expected=expected,
        seed=seed,
        plan=plan,
        reuse=not fresh and policy.evidence == "reuse",
    )


def request_of_lane(
    settings: Settings, name: str, shards: Sequence[str] = (), seed: int | None = None, plan: str = "",
    only: Sequence[str] = (),
) -> RunRequest:  # fmt: skip
    """Return what running one lane, some of its shards or single tests of one of them, asks for.

    Raises:
        ConfigError: the lane or a shard is unknown, or single tests are asked for and no shard to run them in.
    """
    lane = settings.lane(name)
    name = lane.name
    chosen = _shards(lane, shards)
    if only and lane.shards and len(chosen) != 1:
        raise ConfigError(f"--only needs the one shard of {name} to run in; known: {', '.join(lane.shards)}")
    own = {name, *checks_of(lane), *lane.providers, *lane.services}
    expected = tuple(word for word in _expected(settings) if word in own)
    return RunRequest(
        policy="", lane=name, lanes=(name,), shards=chosen, strict=settings.strict,
        expected=expected, seed=seed, plan=plan, only=tuple(only),
    )  # fmt: skip


def _expected(settings: Settings) -> tuple[str, ...]:
    """Return the checks that the caller's environment expects."""
    return canonical(settings.configuration, settings.expected, "READINESS_EXPECT")


def chosen_shards(
    lane: Lane, words: Sequence[str], keyword: str, environ: Mapping[str, str]
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Return the shards that names and `-k` choose, and the environment that the lane then gets.

    Args:
        words: shards that were named; keyword: expression of `-k` on the command line, empty for none.
        environ: the caller's environment; options of pytest are in PYTEST_ADDOPTS.

    Raises:
        ConfigError: the lane has no such shard, or none is left.
    """
    named = _shards(lane, words)
    addopts = environ.get("PYTEST_ADDOPTS", "")
    shards, rest, expression = choose_shards(addopts, keyword, named, _shard_names(lane))
    if expression and not shards:
        left = ", ".join(named or lane.shards)
        raise ConfigError(f"-k {expression!r} leaves no shard of {lane.name}; it chooses among {left}")
    return shards, {**environ, "PYTEST_ADDOPTS": rest} if rest != addopts else environ


def _shard_names(lane: Lane) -> dict[str, str]:
    """Return each name of a shard, its own and aliases, with the shard."""
    aliases = {alias: shard for shard, others in lane.shard_aliases.items() for alias in others}
    return {**{shard: shard for shard in lane.shards}, **aliases}


def _shards(lane: Lane, words: Sequence[str]) -> tuple[str, ...]:
    """Return the shards that names and aliases mean.

    Raises:
        ConfigError: the lane has no such shard.
    """
    known = _shard_names(lane)
    unknown = [word for word in words if word not in known]
    if unknown:
        listed = ", ".join(map(repr, unknown)) + nearest(unknown[0], tuple(known))
        names = ", ".join(lane.shards) or "none, the lane is not sharded"
        raise ConfigError(f"lane {lane.name} has no shard {listed}; known: {names}")
    return tuple(dict.fromkeys(known[word] for word in words))

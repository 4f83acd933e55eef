"""Names and aliases: what can be expected, what a word means, and what is said of a word that means nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlane.config.lanes import Lane, LaneKind, Provider, Service
from greenlane.config.load import load
from greenlane.config.names import canonical, problems
from greenlane.config.schema import Configuration
from greenlane.errors import ConfigError

ROOT = Path(__file__).parents[4]
CONFIGURATION = Configuration(
    lanes={
        "core": Lane(kind=LaneKind.DETERMINISTIC, tests=("core",), aliases=("all_core", "all")),
        "nd": Lane(
            kind=LaneKind.NONDETERMINISTIC, tests=("nd",), aliases=("all",), shards=("a", "b"), services=("model",),
            shard_aliases={"b": ("slow",)},
        ),
    },
    services={"model": Service(command=("x",), when="REAL", aliases=("llm",))},
    providers={"gemini": Provider(aliases=("google",))},
)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "checks"),
    {
        "all_core": "core",
        "all": "core nd",
        "slow": "nd/b",
        "llm": "model",
        "google": "gemini",
        "nd/b slow google core all": "nd/b gemini core nd",
    }.items(),
)
def test_an_alias_means_every_check_that_declares_it(words: str, checks: str) -> None:
    """An alias of a lane, shard, service or provider becomes its name, each check once, in the order of the words."""
    assert canonical(CONFIGURATION, words.split(), "X") == tuple(checks.split())


@pytest.mark.parametrize(
    ("word", "near"),
    {"gemmini": "gemini", "Core": "core", "nd/c": "nd/b", "all_cor": "all_core", "zebra": ""}.items(),
)
def test_an_unknown_name_proposes_the_nearest_and_lists_all(word: str, near: str) -> None:
    """A slip must not turn into an expectation of nothing, and the message helps to mend it."""
    with pytest.raises(ConfigError) as caught:
        canonical(CONFIGURATION, ["core", word], "READINESS_EXPECT")
    proposal = f" (did you mean {near!r}?)" if near else ""
    known = "core, nd, nd/a, nd/b, gemini, model, all_core, all, slow, google, llm"
    assert caught.value.message == f"READINESS_EXPECT: unknown name {word!r}{proposal}; known: {known}"


WRONG = {
    "lanes.core": (Lane(kind=LaneKind.DETERMINISTIC, tests=("t",), aliases=("gemini",)), "is the name of something"),
    "policies": (Lane(kind=LaneKind.DETERMINISTIC, tests=("t",), aliases=("a,b",)), "separated by commas"),
    "shards": (
        Lane(kind=LaneKind.DETERMINISTIC, tests=("t",), shards=("one",), shard_aliases={"two": ("x",)}),
        "lanes.core.shard_aliases: unknown shard 'two'; known: one",
    ),
}


@pytest.mark.parametrize(("lane", "message"), WRONG.values(), ids=WRONG.keys())
def test_an_alias_that_could_mean_two_things_is_refused(lane: Lane, message: str) -> None:
    """An alias is no other name, has no comma, and belongs to a shard that is there."""
    (found,) = problems(Configuration(lanes={"core": lane}, providers={"gemini": Provider()}))
    assert message in found


def test_a_service_that_is_no_check_has_no_alias() -> None:
    """Nobody can expect a service that every run starts, so that it can have no further name to be expected by."""
    (found,) = problems(Configuration(services={"web": Service(command=("x",), aliases=("www",))}))
    assert found == "services.web.aliases: only a service with `when`, `optional` or `probe` can be expected by name"


@pytest.mark.parametrize(
    ("word", "checks"),
    {
        "all_smokes_core": "core agent", "all_smokes_nd": "nd", "all_smokes": "core agent nd",
        "codex-agent": "codex-agent", "ollama": "ollama",
    }.items(),
)  # fmt: skip
def test_the_names_that_people_use_of_this_project(word: str, checks: str) -> None:
    """The names of the scripts that this project was made for mean its lanes and providers."""
    assert canonical(load(ROOT, {}).configuration, [word], "X") == tuple(checks.split())

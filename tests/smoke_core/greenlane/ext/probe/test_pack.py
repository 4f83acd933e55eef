"""The pack as data: every check says what it stands on, how much it weighs and who breaks."""

from __future__ import annotations

import pytest

from greenlane.ext.probe.asked import Asked, Target
from greenlane.ext.probe.grade import Found, fitness_of, limits
from greenlane.ext.probe.pack.images import COLOURS, png
from greenlane.ext.probe.pack.structured import SCHEMA, wrong
from greenlane.ext.probe.pack.table import CAPABILITIES, PACK, checks_for
from greenlane.ext.probe.values import Check, Dialect, Profile, Severity
from mutants.brain import colour_of

WANTED = (
    "models plain stream usage finish stop max_tokens system turns tools structured images errors limits cancel "
    "concurrency chance canned unicode long connection latency embeddings agent mcp"
).split()


@pytest.mark.parametrize("check", PACK, ids=lambda check: f"{check.name}-{check.dialects[0].value}")
def test_a_check_says_what_it_stands_on(check: Check) -> None:
    """A check has a sentence, its place, who breaks, what it does, and what it costs."""
    assert all((check.sentence, check.source, check.breaks, check.run.__doc__, check.dialects))
    assert 1 <= check.calls <= 20
    assert check.severity is not Severity.MUST or not check.sampled


def test_every_capability_is_there() -> None:
    """The pack covers what a client may take for granted; one check of a name in each dialect."""
    names = [(check.name, dialect) for check in PACK for dialect in check.dialects]

    assert sorted({check.capability for check in PACK}) == sorted(WANTED)
    assert len(names) == len(set(names))
    assert all(module.__doc__ for module in CAPABILITIES)


@pytest.mark.parametrize("dialect", list(Dialect))
def test_each_profile_contains_the_one_before(dialect: Dialect) -> None:
    """A larger profile asks everything that a smaller one asks."""
    basic, agent, full = ({check.name for check in checks_for(dialect, profile)} for profile in Profile)

    assert basic
    assert basic <= agent <= full


def found(check: str, severity: Severity, profile: Profile, *, gates: bool = False) -> Found:
    """Return a finding."""
    return Found(
        check=check, dialect="chat", model="m", severity=severity, profile=profile, gates=gates, finding="it is so",
        sentence="", source="", breaks="",
    )  # fmt: skip


CHAT = Target(Dialect.CHAT, "m")


@pytest.mark.parametrize(
    ("one", "ready"),
    [
        pytest.param(None, "full", id="nothing-is-found"),
        pytest.param(found("stream.order", Severity.MUST, Profile.BASIC), "", id="a-must-of-basic"),
        pytest.param(found("tools.forced", Severity.MUST, Profile.AGENT), "basic", id="a-must-of-agent"),
        pytest.param(found("structured.plain", Severity.MUST, Profile.FULL), "agent", id="a-must-of-full"),
        pytest.param(found("chance.seed", Severity.SHOULD, Profile.FULL), "full", id="a-should"),
    ],
)
def test_a_dialect_is_good_for_the_largest_profile_whose_musts_hold(one: Found | None, ready: str) -> None:
    """The largest profile counts; a should takes none away."""
    asked = Asked(url="http://x", targets=(CHAT,))
    seen = [f"chat:m:{check.name}" for _, check in asked.checks()]

    (fitness,) = fitness_of(asked, [one] if one else [], seen)

    assert fitness.ready == ready
    assert fitness.passed == fitness.checks - bool(one)


def test_what_was_not_seen_is_not_passed() -> None:
    """A dialect none of whose checks has an outcome is good for nothing."""
    (fitness,) = fitness_of(Asked(url="http://x", targets=(CHAT,)), [], [])

    assert (fitness.ready, fitness.passed) == ("", 0)


def test_the_needed_profile_decides_what_gates() -> None:
    """A must of a profile that is needed gates; what is beyond it, and what only should hold, are limits."""
    checks = {check.name: check for check in checks_for(Dialect.CHAT, Profile.FULL)}
    basic, full = (Asked(url="http://x", targets=(CHAT,), needed=needed) for needed in (Profile.BASIC, Profile.FULL))

    assert basic.gates(checks["stream.order"])
    assert not basic.gates(checks["tools.forced"])
    assert full.gates(checks["tools.forced"])
    assert not full.gates(checks["chance.seed"])
    assert limits([found("chance.seed", Severity.SHOULD, Profile.FULL)]) == ("chat chance.seed: it is so",)
    assert limits([found("models.one", Severity.MAY, Profile.FULL)]) == ()


@pytest.mark.parametrize("colour", list(COLOURS))
def test_a_picture_has_its_colour(colour: str) -> None:
    """The pictures that are sent are pictures, of the colour that is asked for."""
    assert colour_of(png(COLOURS[colour])) == colour


@pytest.mark.parametrize(
    ("value", "what"),
    [
        pytest.param({"name": "A", "age": 3, "mood": "glad", "pets": [{"kind": "cat"}]}, "", id="good"),
        pytest.param({"name": "A", "age": "3", "mood": "glad", "pets": []}, "the answer.age is '3'", id="type"),
        pytest.param({"name": "A", "age": 3, "mood": "so", "pets": []}, "the answer.mood is 'so'", id="enum"),
        pytest.param({"name": "A", "age": 3, "mood": "sad"}, "the answer lacks ['pets']", id="missing"),
        pytest.param(
            {"name": "A", "age": 3, "mood": "sad", "pets": [{"kind": "a", "x": 1}]}, "the answer.pets[0] has ['x']",
            id="nested",
        ),
        pytest.param([], "the answer is [], not of type object", id="list"),
    ],
)  # fmt: skip
def test_a_schema_is_kept_or_not(value: object, what: str) -> None:
    """What does not satisfy the schema is told by its path."""
    assert wrong(value, SCHEMA).startswith(what) if what else wrong(value, SCHEMA) == ""

"""Values that cross a process border come out as they went in."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from greenlane.config.leaks import LeakPolicy
from greenlane.evidence.claims import Claim, Claims
from greenlane.evidence.contract import Contract, Task
from greenlane.evidence.evidence import GateState, LaneRecord, ServiceRecord
from greenlane.evidence.journal import (
    AnyEvent,
    Collected,
    CollectError,
    Crashed,
    Event,
    Finished,
    Hermetic,
    Leaked,
    NetworkAttempt,
    Started,
    TestFinished,
    TestStarted,
)  # fmt: skip
from greenlane.evidence.outcome import Outcome
from support.evidence import lane

CONTRACT = Contract(
    run_id="r", lane="nd", kind="nondeterministic", project="/p", artifacts="/a", arguments=("-ra",), tests=("t",),
    plugin="0.1.0", shard="b", shards=("a", "b"), hermetic="kernel", network=False,
    leaks=LeakPolicy(level="warn", levels={"environ": "off"}, watch=("pkg",), allow={"environ:X": "why"}),
    known=(("environ:*", "tests/*"),), claims=Claims(own="core", lanes=(Claim(lane="core", tests=("tests",)),)),
    closed={"gemini": "GEMINI_API_KEY is not set"}, key="/k",
    plan={"t.py": "b"}, task=Task.PROBE, order="random", seed=2**32 - 1,
    reach=("127.0.0.1:1",), reads=True, preload=("litellm",),
    only=True, observe=True, services={"model": ("b",)}, absent={"model": "ND_REAL is not 1"},
)  # fmt: skip
RECORD = lane(
    services=(ServiceRecord(name="g", base="http://127.0.0.1:1", started=True),),
    gates=(GateState(provider="gemini", open=False, reason="r"),), coverage=91.5, running=("t",),
).record  # fmt: skip


@pytest.mark.parametrize("value", [CONTRACT, RECORD], ids=["contract", "record"])
def test_a_file_says_what_was_written(value: msgspec.Struct) -> None:
    """Every field is other than its default here, or has none, and survives."""
    assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value


def test_the_contract_of_this_test_leaves_no_field_at_its_default() -> None:
    """A field that is added later is added to the round trip, too."""
    same = [
        field.name for field in msgspec.structs.fields(Contract)
        if not field.required and getattr(CONTRACT, field.name) == field.default
    ]  # fmt: skip

    assert same == []


def test_a_contract_of_a_newer_harness_can_be_read() -> None:
    """Unknown fields are left alone: an older lane must say that it is older, not fail to start."""
    plain = {**msgspec.to_builtins(CONTRACT), "invented_later": 1}

    assert msgspec.convert(plain, Contract) == CONTRACT


EVENTS: dict[type[Event], dict[str, Any]] = {
    Started: {"run_id": "r", "plugin": "1", "python": "3", "interpreter": "/p", "narrowing": ("-k",), "seed": 3},
    Collected: {"tests": ("a",), "digest": "d", "selected": ("a",), "providers": {"a": "g"}},
    CollectError: {"nodeid": "a", "cause": "c", "path": "p", "line": 3},
    TestStarted: {"nodeid": "a"},
    TestFinished: {"nodeid": "a", "outcome": Outcome.XFAILED, "duration": 0.5, "attempts": 2, "ran": False},
    Crashed: {"name": "gw0", "nodeid": "a", "cause": "c"},
    Leaked: {"nodeid": "a", "watcher": "environ", "what": "X", "restored": False},
    NetworkAttempt: {"nodeid": "a", "operation": "connect", "address": "h:1"},
    Hermetic: {"level": "kernel", "proof": "p"},
    Finished: {"exit_status": 1, "stopped": "s"},
}


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_each_event_is_read_as_what_it_is(kind: type[Event]) -> None:
    """The tag in the line tells the kinds apart, and nothing is lost."""
    event = kind(worker="gw0", at=1.5, **EVENTS[kind])

    assert msgspec.json.decode(msgspec.json.encode(event), type=AnyEvent) == event


def test_a_record_knows_its_check_and_duration() -> None:
    """`lane/shard` where there are shards."""
    assert (RECORD.check, RECORD.duration) == ("core", 2.5)
    assert msgspec.structs.replace(RECORD, shard="a").check == "core/a"
    assert isinstance(RECORD, LaneRecord)

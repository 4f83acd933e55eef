"""What counts as evidence that a live provider answered."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.config.lanes import Provider
from greenlane.evidence.evidence import Requirements
from greenlane.evidence.journal import Answered
from greenlane.evidence.violation import Code
from greenlane.ext.llm.examiners import live
from support.evidence import nd, outcome

HOST = "api.real.example"
REAL = Provider(secrets=("REAL_KEY",), model="big-1", host=HOST)
STRICT = Requirements(policy="", checks=(), strict=True, declared={"real": REAL})


def shown(prompt: str = "1+1?", text: str = "2", **fields: Any) -> Answered:
    """Return an answer that the provider's test shows."""
    known = {"model": "big-1-2026", "tokens": 1, "host": HOST, "service": "real", "worker": "main", "at": 1.0}
    return Answered(nodeid="tests/test_a.py::test_real", prompt=prompt, text=text, **known | fields)


def found(demand: Requirements, *answers: Answered) -> list[tuple[Code, str, bool]]:
    """Return code, message and weight of what is said of a provider whose test passed with these answers."""
    journal = {"answers": answers, "providers": {"tests/test_a.py::test_real": "real"}}
    return [(v.code, v.message, v.gating) for v in live(nd(outcome("test_real"), journal=journal), demand)]


SECOND = shown("2+2?", "4")


def test_two_answers_of_the_model_at_its_host() -> None:
    """Different answers to different questions, from the host and in the name of the model, are evidence."""
    assert found(STRICT, shown(), SECOND) == []


NO_EVIDENCE = {
    "nothing shown": ((), "no test showed an answer of it (fixture `answered`)"),
    "a server on loopback": (
        (shown(host="http://127.0.0.1:8788"), SECOND), f"http://127.0.0.1:8788 answered, not {HOST}",
    ),
    "the host without TLS": ((shown(host=f"http://{HOST}"), SECOND), f"http://{HOST} answered, not {HOST}"),
    "a host that only looks so": ((shown(host=f"{HOST}.evil.example"), SECOND), f"{HOST}.evil.example answered, not"),
    "nobody knows where": ((shown(host=""), SECOND), f"nobody knows who answered, not {HOST}"),
    "another model": ((shown(model="tiny-1"), SECOND), "tiny-1 answered, big-1 was to be asked"),
    "a dummy": ((shown(model="dummy-1"), SECOND), "dummy-1 is no model"),
    "an echo mode": ((shown(request="shim-1"), SECOND), "its id shim-1 is that of an echoed answer"),
    "an echo": ((shown("tell me about a fox", "tell me about a fox"), SECOND), "it echoes its prompt"),
    "canned": ((shown(), shown("2+2?")), "2 different prompts got the same answer"),
    "one answer": ((shown(),), "one prompt proves nothing"),
    "no tokens": ((shown(tokens=0), SECOND), "it cost no tokens"),
}  # fmt: skip


@pytest.mark.parametrize(("answers", "message"), NO_EVIDENCE.values(), ids=NO_EVIDENCE.keys())
def test_what_is_no_evidence(answers: tuple[Answered, ...], message: str) -> None:
    """Though its test passed, the provider is CANNED: red when strict or expected, otherwise a warning."""
    ((code, told, gating),) = found(STRICT, *answers)
    assert (code, gating) == (Code.CANNED, True)
    assert told.startswith(f"real: {message}")
    loose = Requirements(policy="", checks=(), declared={"real": REAL})
    expected = Requirements(policy="", checks=(), declared={"real": REAL}, expected=("real",))
    assert [gating for demand in (loose, expected) for _, _, gating in found(demand, *answers)] == [False, True]


def test_the_caller_names_the_address() -> None:
    """Without a host any address counts, and a gateway there may name another model; canned is canned."""
    agent = Provider(variables=("CODEX_AGENT_API_BASE",), model="codex-agent-1")
    demand = Requirements(policy="", checks=(), strict=True, declared={"real": agent})
    here = {"host": "http://127.0.0.1:8788", "model": "gpt-x"}
    assert found(demand, shown(**here), shown("2+2?", "4", **here)) == []
    assert len(found(demand, shown(**here), shown("2+2?", **here))) == 1


def test_a_memory_has_no_model_to_name() -> None:
    """A memory proves itself by what it stored: its tests need show nothing."""
    memory = Provider(secrets=("MEMORY_KEY",), kind="memory", host=HOST)
    assert found(Requirements(policy="", checks=(), strict=True, declared={"real": memory})) == []

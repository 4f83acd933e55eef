"""`greenlane probe` as users run it: exit code, output, reports, history, redaction, and the address it may reach."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from mutants.healthy import Exchange, Seams, running
from mutants.mutant import KEY, Thought
from mutants.speaking import RefusedError
from support.tiny import Ran, TinyProject

REPORTS = ("verdict.json", "probe/contract.json")
BASIC = ("--dialect", "chat", "--profile", "basic")


@pytest.fixture
def base() -> Iterator[str]:
    """The address of a healthy gateway."""
    with running() as (address, _):
        yield address


def probed(tiny: TinyProject, *words: str, **variables: str) -> Ran:
    """Run `greenlane probe WORDS…` where there is no project."""
    return tiny.greenlane("probe", *words, **variables)


def told(ran: Ran) -> dict[str, Any]:
    """Return what was printed as JSON."""
    made: dict[str, Any] = json.loads(ran.output[ran.output.index("{") :])
    return made


def forgetful(thought: Thought, x: Exchange) -> Thought:
    """Return an answer that says the same for every seed."""
    return thought.but(text="It is so.") if "story" in str(x.raw) else thought


def test_a_healthy_endpoint_is_ready(make_tiny: Any, base: str) -> None:
    """Everything holds: READY, exit 0, one line for a README, and evidence, reports and history of an ordinary lane.

    The lane was kept on the endpoint's address.
    """
    tiny = make_tiny()

    # What a project's own suite is told is not for a probe.
    foreign = {"READINESS_EXPECT": "nd", "PYTEST_ADDOPTS": "-k nothing", "STRICT_READY": "1"}
    ran = probed(tiny, base, *BASIC, "--summary", **foreign)

    folder = tiny.path / ".greenlane" / "probe"
    verdict, contract = (json.loads((folder / ".artifacts" / name).read_text()) for name in REPORTS)
    assert ran.code == 0, ran.output
    assert ran.output.splitlines()[-1].startswith(
        "![probe: READY](https://img.shields.io/badge/probe-READY-green) chat "
    )
    assert (verdict["word"], verdict["exit_code"], verdict["limits"]) == ("READY", 0, [])
    assert "READY" in (folder / "PROJECT_READY.md").read_text()
    assert len(list((folder / ".greenlane" / "history.spool").glob("*.json"))) == 1
    assert list(tiny.path.iterdir()) == [tiny.path / ".greenlane"]
    assert (contract["network"], contract["reach"]) == (False, [base.removeprefix("http://")])


def test_what_only_should_hold_is_a_limit(make_tiny: Any) -> None:
    """An endpoint that ignores seeds is READY WITH LIMITS, says which, and ends with 1 where that is not allowed."""
    tiny = make_tiny()
    with running(Seams(thought=forgetful)) as (address, _):
        ran = probed(tiny, address, "--dialect", "chat", "--samples", "1", "--json")

    found = told(ran)
    assert (ran.code, found["word"]) == (1, "READY WITH LIMITS")
    assert [one["check"] for one in found["found"]] == ["chance.seeds"]
    assert found["found"][0]["finding"] == "four seeds draw one answer: 'It is so.'"
    assert found["fitness"][0]["ready"] == "full"


def silent(thought: Thought, x: Exchange) -> Thought:
    """Return an answer without the calls that were demanded."""
    return thought.but(text="I would rather not.", calls=(), ended="stop") if thought.calls else thought


def test_the_profile_that_is_named_must_hold(make_tiny: Any) -> None:
    """Without tools an endpoint is NOT READY for agents, and READY WITH LIMITS for whoever names no profile."""
    tiny = make_tiny()
    with running(Seams(thought=silent)) as (address, _):
        agent = ("--profile", "agent", "--samples", "1", "--allow-limits")
        named = probed(tiny, address, "--dialect", "chat", *agent)
        asked = probed(tiny, address, "--dialect", "chat", "--samples", "1", "--allow-limits")

    assert (named.code, named.output.splitlines()[-1]) == (1, "NOT READY")
    assert "MUST tools.forced" in named.output
    assert (asked.code, asked.output.splitlines()[-1]) == (0, "READY WITH LIMITS")
    assert "chat (healthy-1): ready for basic; " in asked.output


def leaking(error: RefusedError | None, x: Exchange) -> RefusedError | None:
    """Return a refusal that repeats the key that it was given."""
    key = x.headers.get("authorization", "")
    return error and RefusedError(500, error.kind, f"{error.message} ({key} in /srv/app/keys.py)")


def test_the_key_is_in_no_report(make_tiny: Any) -> None:
    """A key that the endpoint prints into its refusals is taken out of everything that a probe leaves behind."""
    tiny = make_tiny()
    with running(Seams(key=KEY, refused=leaking)) as (address, _):
        ran = probed(tiny, address, *BASIC, "--key-env", "THE_KEY", THE_KEY=KEY)
        without = probed(tiny, address, *BASIC)

    left = [path for path in tiny.path.rglob("*") if path.is_file()]
    assert "MUST errors.own_fault" in ran.output
    assert KEY not in ran.output
    assert [path for path in left if KEY.encode() in path.read_bytes()] == []
    assert len(left) > 8
    assert without.code == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        pytest.param(("ftp://x",), "'ftp://x' is no address", id="scheme"),
        pytest.param(("http://x:port",), "'http://x:port' is no address", id="port"),
        pytest.param(("http://x:70000",), "'http://x:70000' is no address", id="port-beyond"),
        pytest.param(("http://[::1",), "'http://[::1' is no address", id="brackets"),
        pytest.param(("http://x", "--out", "/dev/null"), "--out /dev/null is a file", id="out"),
        pytest.param(("http://x", "--bound", "first=inf"), "--bound first=inf: NAME=SECONDS is needed", id="no-bound"),
        pytest.param(("http://u:p@x",), "the address carries a password", id="password"),
        pytest.param(("http://x", "--key-env", "NO_KEY"), "NO_KEY is not set", id="key"),
        pytest.param(("http://x", "--budget", "1,2"), "--budget 1,2: TOKENS,SECONDS,CALLS is needed", id="budget"),
        pytest.param(("http://x", "--bound", "last=1"), "--bound last=1: NAME=SECONDS is needed", id="bound"),
        pytest.param(("http://x", "--samples", "0"), "--samples 0: a number from 1 to 100", id="samples"),
        pytest.param(("http://x", "--dialect", "basic"), "invalid choice: 'basic'", id="dialect"),
    ],
)
def test_a_wrong_option_is_told_before_anything_is_asked(make_tiny: Any, words: tuple[str, ...], line: str) -> None:
    """Usage ends with 2, and says what is allowed."""
    ran = probed(make_tiny(), *words)

    assert ran.code == 2
    assert line in ran.output
    assert "Traceback" not in ran.output


def test_a_dry_run_asks_nothing(make_tiny: Any) -> None:
    """A dry run prints the calls, and makes none: nobody listens at this address."""
    ran = probed(
        make_tiny(), "http://127.0.0.1:9", "--dialect", "chat", "--model", "m", "--profile", "basic", "--dry-run"
    )

    assert ran.code == 0
    assert "  POST /v1/chat/completions up to 1 times, one short question" in ran.output
    assert "  stream.order: 1 call, must for basic" in ran.output
    assert ran.output.splitlines()[-1].startswith("at most ")


def test_nobody_is_not_ready(make_tiny: Any) -> None:
    """An address where nobody answers is NOT READY, in one line, with exit 1."""
    ran = probed(make_tiny(), "http://127.0.0.1:9")

    assert ran.code == 1
    assert ran.output.startswith("NOT READY: nobody answers: GET /v1/models: ")
    assert len(ran.output.splitlines()) == 2


def test_a_budget_that_is_spent_is_no_green(make_tiny: Any, base: str) -> None:
    """What could not be asked is not proved: red, as one cause."""
    ran = probed(make_tiny(), base, *BASIC, "--budget", "100000,60,12")

    assert ran.code == 1
    assert "[chat] not asked: the budget of 12 calls is spent" in ran.output
    assert ran.output.splitlines()[-1] == "NOT READY"


def test_a_bound_judges_a_figure(make_tiny: Any, base: str) -> None:
    """Figures are told; a bound that is given makes one a must."""
    ran = probed(make_tiny(), base, *BASIC, "--bound", "whole=0.000001")

    assert ran.code == 1
    assert "MUST latency.told [chat] `whole` is " in ran.output


def test_a_bound_that_would_judge_nothing_is_refused(make_tiny: Any, base: str) -> None:
    """Where no conversation is asked, no figure is measured, and a bound would hold whatever it says."""
    ran = probed(make_tiny(), base, "--dialect", "embeddings", "--profile", "basic", "--bound", "whole=0.000001")

    assert ran.code == 2
    assert "--bound judges conversations, and none is asked (embeddings)" in ran.output


def test_a_folder_of_somebody_else_is_left_alone(make_tiny: Any, base: str) -> None:
    """A folder that holds other files is not written into."""
    tiny = make_tiny().write("out/notes.txt", "mine")

    ran = probed(tiny, base, *BASIC, "--out", "out")

    assert ran.code == 2
    assert "holds notes.txt" in ran.output
    assert os.listdir(tiny.path / "out") == ["notes.txt"]

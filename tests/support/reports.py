"""Verdicts of every kind and names of every kind, for the tests of the reports."""

from __future__ import annotations

from greenlane.evidence.evidence import GateState, JunitCase, LaneEvidence
from greenlane.evidence.journal import Leaked
from greenlane.evidence.outcome import Attempt, Outcome
from greenlane.evidence.quarantine import Entry, FlakyTest, Quarantined
from greenlane.evidence.samples import FailedSample, SampleResult
from greenlane.evidence.verdict import ModelAnswers, Verdict
from greenlane.evidence.violation import Code, Violation
from greenlane.judge.examiners.artifacts import junit_key
from greenlane.judge.judge import judge
from support.evidence import but, closed, demand, errored, failed, lane, nd, outcome, skipped, verdict_on

CLOSED: tuple[GateState, ...] = (closed(),)
STOPPED = Violation(code=Code.INTERRUPTED, message="stopped before its end")
DRIFTED = Violation(
    code=Code.ADDRESS_DRIFT, message="CODEX_AGENT_API_BASE is elsewhere", subject="CODEX_AGENT_API_BASE"
)

VERDICTS: dict[str, Verdict] = {
    "ready": verdict_on(lane(), gates=CLOSED, providers={"gemini": "release"}),
    "ready-strict": verdict_on(lane(), nd(outcome("test_n"), skipped()), policy="deploy", strict=True),
    "ready-with-warning": verdict_on(lane(hermetic="python", hermetic_reason="no namespaces")),
    "ready-with-endpoints": verdict_on(nd(endpoints={"BASE": "http://127.0.0.1:1"}, coverage=91.234)),
    "failed": verdict_on(lane(outcome("test_ok"), failed(), errored())),
    "no-evidence": judge(demand("core", "nd/shard_a"), []),
    "nothing-ran": verdict_on(nd(skipped())),
    "expected-not-run": verdict_on(lane(), expected=("gemini",), providers={"gemini": "release"}, gates=CLOSED),
    "wrong-setting": judge(demand("core"), [], [DRIFTED]),
    "interrupted": judge(demand("core"), [], [STOPPED]),
    "lane-green": verdict_on(nd(), lane="nd"),
    "lane-red": verdict_on(nd(failed()), lane="nd"),
    "lane-skipped": verdict_on(nd(skipped()), lane="nd"),
}
"""One verdict for each way in which a run can end."""

HOSTILE = {
    "markup": "[bold red]x[/] <script>alert(1)</script>",
    "markdown": "`code` **b** [a](http://x) # h ~~s~~ &lt; \\",
    "pipes": "a|b||c",
    "ansi": "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "control": "nul\x00 bell\x07 back\x08 del\x7f c1\x9b",
    "lines": "one\ntwo\r\nREADY (policy dev)\x0bthree\u2028four",
    "cdata": "]]> <![CDATA[ <!-- --> <?php ?>",
    "quotes": "\"'&amp;",
    "unicode": "é → \U0001f600 \u202e\u200b \ufffe\uffff",
    "surrogate": "bad \udcff byte",
    "annotation": "::error file=x::y",
}
"""Names that have broken reports somewhere."""


def hostile(name: str) -> Verdict:
    """Return a red verdict in which a hostile text stands wherever a text from outside can stand."""
    return hostile_run(name)[0]


def hostile_run(name: str) -> tuple[Verdict, list[LaneEvidence]]:
    """Return a hostile verdict with evidence that is as hostile."""
    text = HOSTILE[name]
    test = failed(
        f"tests/test_a.py::test_x[{text}]", cause=text, path=text, worker=text, at=1001.0, attempts=2,
        earlier=(Attempt(Outcome.FAILED, 0.1, text),),
    )  # fmt: skip
    leak = Leaked(
        worker=text, at=1001.0, nodeid=test.nodeid, watcher=text, what=text, before=text, after=text, where=text,
        advice=text, owner=text,
    )  # fmt: skip
    skip = outcome("test_skip", Outcome.SKIPPED, reason=text, ran=False)
    said = [JunitCase(*junit_key(test.nodeid), Outcome.FAILED, text), JunitCase(*junit_key(skip.nodeid), skip.outcome)]
    bad: LaneEvidence = lane(
        test, skip, drift=(text,), workers=text,
        run_id="r" + text, endpoints={"BASE": text}, version=text, wheel=text, digests={text: text},
        python=text, kind="deterministic", hermetic=text, hermetic_reason=text, junit=said, journal={"leaks": (leak,)},
    )  # fmt: skip
    bad = but(bad, source=text)
    verdict = judge(demand("core", providers={"gemini": "release"}, gates=(closed(reason=text),)), [bad])
    entry = Entry(test=text, lane="core", since=text, expires=text, owner=text, issue=text)
    lost = FailedSample(nodeid=text, seed=1, cause=text, replay=text)
    sampled = SampleResult(test=text, n=2, at_least=2, passed=1, low=0.1, high=0.9, met=False, failed=(lost,))
    told = ModelAnswers(service=text, model=text, tests=1, prompts=1, texts=1, tokens=1, prompt=text, text=text)
    checks = tuple(but(check, samples=(sampled,), models=(told,)) for check in verdict.checks)
    return but(
        verdict, checks=checks, tree=text, run_id=text, project=text,
        quarantined=(Quarantined(entry=entry, check=text, outcome=Outcome.FAILED, cause=text, reason=text),),
        flaky=(FlakyTest(test=text, lane=text, flakes=(1.0,), runs=2, failures=1, cause=text, together=(text,)),),
    ), [bad]  # fmt: skip


def outside_code(line: str) -> str:
    """Return what Markdown reads as markup: without escaped characters and code spans, all of which must end.

    Pipes within code count, because they split tables all the same.
    """
    live, code, position = "", False, 0
    while position < len(line):
        if line[position] == "`":
            code = not code
        elif line[position] == "\\" and not code:
            position += 1
        elif not code or line[position] == "|":
            live += line[position]
        position += 1
    assert not code, line
    return live.replace("**", "", 2)  # the code of a violation

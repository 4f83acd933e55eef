"""The page: self-contained, escaped by construction, small, and useful without a script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest

from greenlane.evidence.evidence import JunitCase, LaneEvidence
from greenlane.evidence.journal import Leaked
from greenlane.evidence.outcome import Attempt, Outcome
from greenlane.evidence.quarantine import Entry, FlakyTest, Quarantined
from greenlane.evidence.samples import FailedSample, SampleResult
from greenlane.evidence.verdict import ModelAnswers
from greenlane.report.page import as_page
from support.evidence import but, failed, lane, nd, outcome, shard, skipped, verdict_on
from support.reports import HOSTILE, VERDICTS, hostile_run


class Skeleton(HTMLParser):
    """The elements of a page with the names of their attributes, in order, and the values of some of them."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.values: dict[str, list[str]] = {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        self.elements.append((tag, tuple(name for name, _ in attributes)))
        for name, value in attributes:
            self.values.setdefault(name, []).append(value or "")


def data_of(page: str) -> dict[str, Any]:
    """Return what the script reads."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)  # type: ignore[no-any-return]


def part(page: str, name: str) -> str:
    """Return the words of a section."""
    (found,) = re.findall(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", found).split()))


def page_of(*evidence: LaneEvidence, **fields: Any) -> str:
    """Return the page of a verdict on evidence; `fields` replace some of the verdict's."""
    return as_page(but(verdict_on(*evidence), **fields), evidence)


def test_nothing_is_loaded_and_only_our_own_script_and_style_count() -> None:
    """No address of elsewhere in any attribute; the policy names the very style and script that stand in the page."""
    page = page_of(lane(failed()))
    values = Skeleton(page).values

    assert {value for name in ("src", "href", "action", "srcset") for value in values.get(name, ())} == {
        "data:,", *re.findall(r'href="(#[a-z]+)"', page),
    }  # fmt: skip
    policy = values["content"][0]
    assert policy.startswith("default-src 'none'; img-src data:;")
    for kind, name in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy
    assert "style=" not in page
    assert not [name for name in values if name.startswith("on")]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_makes_no_element(name: str) -> None:
    """The page has the very elements that it has for a harmless text, and every character of it can be shown."""
    page = as_page(*hostile_run(name))
    harmless, found = (Skeleton(text).elements for text in (as_page(*hostile_run("quotes")), page))

    assert set(found) <= set(harmless)
    # A text with a colon may be the place of a leak, which is shown as code.
    assert Counter(tag for tag, _ in found if tag != "code") == Counter(tag for tag, _ in harmless if tag != "code")
    assert all(character.isprintable() for line in page.split("\n") for character in line)
    assert len(data_of(page)["name"]) == 2
    page.encode("utf-8")


@pytest.mark.parametrize("name", VERDICTS)
def test_every_verdict_has_a_page(name: str) -> None:
    """Each anchor leads somewhere, each id is there once, each section has a heading of its own."""
    page = as_page(VERDICTS[name])
    values = Skeleton(page).values

    assert {value[1:] for value in values["href"] if value.startswith("#")} <= set(values["id"])
    assert len(values["id"]) == len(set(values["id"]))
    assert set(values.get("aria-labelledby", ())) <= set(values["id"])


def test_the_verdict_comes_first_then_its_reasons() -> None:
    """Answer, checks, causes with their next step and what the test said, folded."""
    said = JunitCase("tests.test_a", "test_bad", Outcome.FAILED, "> assert 1 == 2\n\x1b[31mE\x1b[0m  <no>\n#x1B[1mbold")
    page = page_of(lane(outcome("test_ok"), failed(path="tests/test_a.py", line=7), junit=[said]), project="/x/shop")

    assert page.index("NOT READY</h1>") < page.index('id="checks"') < page.index('id="causes"')
    told = part(page, "causes")
    assert "FAILED tests/test_a.py::test_bad assert 1 == 2 check core · at tests/test_a.py:7 Next" in told
    assert '<pre tabindex="0">&gt; assert 1 == 2\nE  &lt;no&gt;\nbold</pre></details>' in page
    assert re.findall("<title>(.*?)</title>", page)[0] == "NOT READY (policy dev) · shop"


def test_one_cause_stands_once() -> None:
    """What follows from it is folded under it."""
    page = page_of(lane(*[failed(f"test_{n}", cause="no server", path="tests/conftest.py", line=3) for n in range(30)]))

    assert page.count('<article class="cause">') == 1
    assert "in 30 tests" in part(page, "causes")
    assert "29 more that follow from it or say the same" in part(page, "causes")


def test_a_flood_of_causes_is_cut_and_counted() -> None:
    """Two hundred are shown; the number of all is told."""
    page = page_of(lane(*[failed(f"test_{n}") for n in range(230)]))

    assert page.count('<article class="cause">') == 200
    assert "Why it is red 230" in part(page, "causes")
    assert "… and 30 more causes in the JSON report." in part(page, "causes")


def test_lanes_and_workers_stand_on_one_time_line() -> None:
    """Each lane and shard has a picture that a screen reader can tell, with a track for each of its workers."""
    tests = [outcome(f"test_{n}", at=1001 + n / 2, duration=0.4, worker=f"gw{n % 2}") for n in range(4)]
    names = [test.nodeid for test in tests]
    page = page_of(
        lane(*tests, started_at=1000.0, finished_at=1004.0),
        shard("shard_a", *tests, collected=names, started_at=1004.0, finished_at=1010.0),
    )

    pictures = [label for label in Skeleton(page).values["aria-label"] if " ran from " in label]
    assert pictures == [
        "core ran from 0 s to 4.0 s; gw0 busy 800 ms; gw1 busy 800 ms",
        "nd/shard_a ran from 4.0 s to 10.0 s; gw0 busy 800 ms; gw1 busy 800 ms",
    ]
    assert page.count("<title>tests/test_a.py::test_0 passed, 400 ms</title>") == 2


def test_short_tests_are_drawn_together() -> None:
    """Twenty thousand tests are not twenty thousand shapes; a failure among them is one of its own."""
    tests = [outcome(f"test_{n}", at=1000 + n / 100, duration=0.009) for n in range(2000)]
    page = page_of(lane(*tests, failed(at=1010.0), finished_at=1021.0))

    assert page.count("<rect") < 20
    assert "tests/test_a.py::test_bad failed, 10 ms</title>" in page


def test_slow_tests_leaks_flakes_and_quarantine() -> None:
    """What one wants to know on a green day, too."""
    leak = Leaked(
        worker="main", at=1.0, nodeid="t.py::a", watcher="environ", what="LEFT", before="nothing", after="'x'",
        where="t.py:5", level="warn", advice="use monkeypatch", owner="fixture f", restored=False,
    )  # fmt: skip
    entry = Entry(test="t.py::q", lane="nd", since="2026-01-02", expires="2026-02-03", owner="kim", issue="issues/7")
    again = outcome("test_again", attempts=2, earlier=(Attempt(Outcome.FAILED, 0.5, "peer reset"),))
    page = page_of(
        nd(outcome("test_slow", duration=75.0), again, skipped(), journal={"leaks": (leak,)}),
        flaky=(FlakyTest(test="t.py::f", lane="nd", flakes=(86400.0,), runs=8, failures=2, together=("t.py::g",)),),
        quarantined=(Quarantined(entry=entry, check="nd", outcome=Outcome.FAILED, cause="late"),),
    )

    assert "tests/test_a.py::test_slow 1 min 15 s passed nd" in part(page, "slowest")
    assert "tests/test_a.py::test_again nd failed 500 ms peer reset flaky" in part(page, "again")
    assert "warn environ LEFT nothing 'x' (it has not been put back) t.py:5 t.py::a by fixture f" in part(page, "leaks")
    assert "t.py::f nd 1 2 of 8 (25.0%) 1970-01-02 t.py::g" in part(page, "flakes")
    assert "t.py::q nd failed late 2026-01-02 2026-02-03 kim issues/7 no" in part(page, "quarantine")


def test_what_varies_is_shown_with_its_interval() -> None:
    """Pass rate, interval and what is needed; what failed with the command that repeats it; models with a proof."""
    lost = FailedSample(nodeid="t.py::s[sample3]", seed=71, cause="said 41", replay="nox -s nd -- --only 't.py::s'")
    result = SampleResult(
        test="t.py::s", n=20, at_least=15, passed=19, low=0.764, high=0.991, met=True, failed=(lost,)
    )  # fmt: skip
    told = ModelAnswers(
        service="model", model="smollm2-135m", tests=3, prompts=4, texts=5, tokens=600, prompt="2+2?", text="<four>"
    )
    verdict = verdict_on(nd())
    checks = (but(verdict.checks[0], samples=(result,), models=(told,)), *verdict.checks[1:])
    page = as_page(but(verdict, checks=checks))

    assert "t.py::s 1 that failed seed 71: said 41 nox -s nd -- --only 't.py::s' nd 19 of 20" in part(page, "samples")
    assert "95 %, interval 76 to 99 %, needed 75 %" in Skeleton(page).values["aria-label"]
    assert "smollm2-135m model nd 3 4 5 600 prompt and answer 2+2? <four>" in part(page, "models")


def test_the_evidence_is_whole() -> None:
    """Lock, tree, interpreter and hermetic level of each check, unabridged."""
    page = page_of(lane(lock="1" * 64, wheel="2" * 64, tree="3" * 64, tree_after="3" * 64, hermetic="python", seed=77))
    told = part(page, "evidence")

    assert all(text in told for text in ("1" * 64, "2" * 64, "3" * 64, "/envs/core/bin/python", "python", "77"))
    assert "hermetic level python" in part(page, "checks")

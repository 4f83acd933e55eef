"""The page in Chromium: it loads nothing, and eyes, keyboards, screen readers and printers can use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from greenlane.evidence.evidence import JunitCase
from greenlane.evidence.outcome import Attempt, Outcome
from greenlane.judge.examiners.artifacts import junit_key
from greenlane.report.page import as_page
from support.browser import Visit, chromium
from support.evidence import failed, junit_of, lane, nd, outcome, skipped, verdict_on
from support.reports import HOSTILE, hostile_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TESTS = 20_000
EVIL = "<img src=http://192.0.2.1/a.png onerror=alert(1)><script src='http://192.0.2.1/b.js'></script>"
CONTRAST = """
(names) => names.map((name) => {
  const light = (color) => {
    const parts = color.match(/[0-9.]+/g).map(Number).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const own = document.querySelector(name);
  let behind = own;
  const clear = (one) => /rgba\\(0, 0, 0, 0\\)/.test(getComputedStyle(one).backgroundColor);
  while (behind && clear(behind)) behind = behind.parentElement;
  const colors = [getComputedStyle(own).color, getComputedStyle(behind).backgroundColor];
  const [a, b] = colors.map(light).sort((x, y) => y - x);
  return [name, (a + 0.05) / (b + 0.05)];
})
"""
WORDS = [
    "header h1", "header .over", "nav a", ".count", "th", ".badge.passed", ".badge.failed", ".badge.flaky",
    ".badge.skipped", ".code", ".next b", ".where", "summary", "pre", "#rows .file", "#rows small", "footer p",
]  # fmt: skip


def write_page(file: Path, size: int) -> Path:
    """Write the page of many tests, with one of each kind that can go wrong."""
    tests = [
        outcome(f"tests/area_{n % 40}/test_part_{n % 400}.py::TestGroup::test_that_it_works[{n}]",
                at=1000 + n / 100, worker=f"gw{n % 4}")
        for n in range(size)
    ]  # fmt: skip
    again = outcome("test_again", attempts=2, earlier=(Attempt(Outcome.FAILED, 0.2, "peer reset"),), at=1100.0)
    bad = failed(f"test_bad[{EVIL}]", cause=EVIL, path="tests/test_a.py", line=7, at=1190.0)
    said = JunitCase(*junit_key(bad.nodeid), Outcome.FAILED, f"> assert 1 == 2\n{EVIL}")
    evidence = [lane(*tests, bad, junit=[said, *junit_of(tests)], finished_at=1210.0), nd(again, skipped())]
    file.write_text(as_page(verdict_on(*evidence), evidence), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of everyday size."""
    return write_page(tmp_path_factory.mktemp("page") / "verdict.html", 400)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as started:
        yield started


@contextmanager
def visit(browser: Browser, file: Path, **options: Any) -> Iterator[Visit]:
    """Open a file in a new window and close it."""
    context = browser.new_context(**options)
    try:
        visited = Visit(context.new_page())
        visited.page.goto(file.as_uri())
        yield visited
    finally:
        context.close()


def test_nothing_is_asked_for_but_the_page_itself(browser: Browser, page_file: Path) -> None:
    """One request, no complaint, though names and output hold images and scripts of elsewhere."""
    with visit(browser, page_file) as visited:
        visited.page.wait_for_load_state("networkidle")
        visited.page.fill("#query", "onerror")
        assert EVIL in visited.page.inner_text("#rows")
        assert visited.page.locator("img, script[src], iframe, object").count() == 0

    assert (visited.requests, visited.complaints) == ([page_file.as_uri()], [])


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path, name: str) -> None:
    """The script reads them, the list shows them, and nothing else happens."""
    file = tmp_path / "verdict.html"
    file.write_text(as_page(*hostile_run(name)), encoding="utf-8")
    with visit(browser, file) as visited:
        assert visited.page.inner_text("h1") == "✗ NOT READY"
        assert visited.page.locator("#rows tr").count() == 2

    assert (visited.requests, visited.complaints) == ([file.as_uri()], [])


def test_twenty_thousand_tests_can_be_searched(browser: Browser, tmp_path: Path) -> None:
    """By words, outcome and check; a hundred rows at a time, the bad ones first."""
    with visit(browser, write_page(tmp_path / "verdict.html", TESTS)) as visited:
        page = visited.page
        assert page.inner_text("#shown") == "100 of 20,003 matching tests shown"
        assert page.locator("#rows tr").first.locator(".badge").inner_text() == "failed"
        page.fill("#query", "AREA_7/ [4207]")
        assert page.inner_text("#shown") == "1 of 1 matching tests shown"
        page.fill("#query", "")
        page.get_by_role("button", name="Show more").click()
        assert page.locator("#rows tr").count() == 200
        page.get_by_role("button", name="skipped 1").click()
        assert "no docker here" in page.inner_text("#rows")
        page.get_by_role("button", name="skipped 1").click()
        page.locator("#check").select_option("nd")
        assert page.inner_text("#shown") == "2 of 2 matching tests shown"

    assert visited.complaints == []


def test_the_list_is_sorted_by_a_column(browser: Browser, page_file: Path) -> None:
    """Once one way, once the other, and a screen reader hears which."""
    with visit(browser, page_file) as visited:
        page = visited.page
        head = page.get_by_role("columnheader", name="test").last
        head.get_by_role("button").click()
        first = page.locator("#rows tr code").first.inner_text()
        assert head.get_attribute("aria-sort") == "ascending"
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "descending"
        assert page.locator("#rows tr code").first.inner_text() > first


def test_the_keyboard_is_enough(browser: Browser, page_file: Path) -> None:
    """Skip link, search, filters, folded output and wide tables, without a mouse."""
    with visit(browser, page_file) as visited:
        page = visited.page
        focused = "document.activeElement"
        page.keyboard.press("Tab")
        assert page.evaluate(f"{focused}.className") == "skip"
        page.keyboard.press("/")
        assert page.evaluate(f"{focused}.id") == "query"
        page.keyboard.type("peer")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert page.evaluate(f"{focused}.getAttribute('aria-pressed')") == "true"
        page.locator("#causes summary").first.focus()
        before = page.locator("#causes details").first.get_attribute("open")
        page.keyboard.press("Enter")
        assert page.locator("#causes details").first.get_attribute("open") != before
        assert page.evaluate("[...document.querySelectorAll('.scroll, pre')].every((one) => one.tabIndex === 0)")


def test_a_screen_reader_finds_its_way(browser: Browser, page_file: Path) -> None:
    """Landmarks, headings in order, tables with names and heads, pictures with words."""
    with visit(browser, page_file) as visited:
        page = visited.page
        told = page.locator("body").aria_snapshot()
        levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((one) => +one.tagName[1])")

    for words in (
        '- heading "✗ NOT READY" [level=1]', '- navigation "Sections":', "- main:", '- region "Checks 2":',
        '- heading "Why it is red', '- img "core ran from 0 s to', "- searchbox", "- contentinfo:",
    ):  # fmt: skip
        assert words.replace("✗ ", "") in told, told[:3000]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(browser: Browser, page_file: Path, scheme: str) -> None:
    """Contrast of at least 4.5 to 1, as WCAG 2.2 level AA asks for, in either scheme."""
    with visit(browser, page_file, color_scheme=scheme) as visited:
        found = dict(visited.page.evaluate(CONTRAST, WORDS))

    assert {name: round(ratio, 2) for name, ratio in found.items() if ratio < 4.5} == {}
    assert set(found) == set(WORDS)


def test_light_and_dark_are_two(browser: Browser, page_file: Path) -> None:
    """The page follows what the reader's system prefers."""
    colors = []
    for scheme in ("light", "dark"):
        with visit(browser, page_file, color_scheme=scheme) as visited:
            colors.append(visited.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert colors == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]


@pytest.mark.parametrize("width", [320, 768, 1920])
def test_no_page_is_wider_than_its_window(browser: Browser, page_file: Path, width: int) -> None:
    """Wide tables scroll by themselves."""
    with visit(browser, page_file, viewport={"width": width, "height": 800}) as visited:
        assert visited.page.evaluate("document.documentElement.scrollWidth") == width


def test_paper_gets_what_paper_can_hold(browser: Browser, page_file: Path) -> None:
    """Verdict, causes and evidence in dark on light, also for a reader in the dark; no search and no menu."""
    with visit(browser, page_file, color_scheme="dark") as visited:
        page = visited.page
        page.emulate_media(media="print")
        shown = {name: page.locator(name).first.is_visible() for name in ("h1", "#causes", "nav", "#search", "#tests")}
        paper = page.evaluate("getComputedStyle(document.querySelector('.badge.failed')).backgroundColor")

    assert shown == {"h1": True, "#causes": True, "nav": False, "#search": False, "#tests": False}
    assert paper == "rgb(253, 234, 234)"


def test_the_essentials_need_no_script(browser: Browser, page_file: Path) -> None:
    """Verdict, checks, causes, time line and evidence are there; the search, which could not work, is not."""
    with visit(browser, page_file, java_script_enabled=False) as visited:
        page = visited.page
        assert page.inner_text("h1") == "✗ NOT READY"
        for name in ("#checks table", "#causes article", "#timeline svg", "#evidence summary"):
            assert page.locator(name).first.is_visible()
        assert "needs JavaScript" in page.inner_text("#tests")
        assert not page.locator("#search").is_visible()

"""How large is the page of many tests, how long is it written, and when does a browser show something?

    PYTHONPATH=src:tests python benchmarks/page.py [--quick]

Beside pytest-html in the same run and the same browser, where it is installed. Needs playwright, and a Chromium on the
PATH. Medians of five loads; the first of each page is not counted.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from greenlane.report.page import as_page
from support.browser import FLAGS
from support.evidence import failed, lane, outcome, verdict_on

LOADS = 5
PATIENCE = 180_000
"""Milliseconds that a page may take before it counts as never shown."""

LIMITS = {"bytes": 5_000_000, "written": 2.0, "paint": 1.0}
TIMES = """
(() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  const loaded = performance.getEntriesByType("navigation")[0].loadEventEnd;
  return paint && loaded ? [paint.startTime, loaded] : null;
})()
"""
SLOW = 5.0
"""Seconds after which one load is enough to know."""


def ours(count: int, file: Path) -> float:
    """Write our page of as many tests, one in two hundred failed; return the seconds."""
    tests = [
        (failed if n % 200 == 7 else outcome)(
            f"tests/smoke_core/area_{n % 40}/test_part_{n % 400}.py::TestGroup::test_that_it_works[{n}]",
            at=1000 + n / 100, worker=f"gw{n % 4}",
        )
        for n in range(count)
    ]  # fmt: skip
    evidence = [lane(*tests, finished_at=1000 + count / 100)]
    verdict = verdict_on(*evidence)
    start = time.perf_counter()
    file.write_text(as_page(verdict, evidence), encoding="utf-8")
    return time.perf_counter() - start


def theirs(count: int, folder: Path) -> Path:
    """Let pytest-html write its page."""
    (folder / "test_many.py").write_text(
        f"import pytest\n\n@pytest.mark.parametrize('n', range({count}))\ndef test_it(n):\n    assert n % 200 != 7\n"
    )
    words = ["-q", "--tb=no", "-p", "no:cacheprovider", "--html=page.html", "--self-contained-html", "test_many.py"]
    subprocess.run([sys.executable, "-m", "pytest", *words], cwd=folder, capture_output=True, check=False)
    return folder / "page.html"


def shown(browser: Browser, file: Path) -> tuple[float, float]:
    """Return the median seconds until a browser shows something, and until it has loaded everything."""
    times = []
    for _ in range(LOADS + 1):
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(file.as_uri())
        # Our policy forbids the page to evaluate text, so it cannot be told to wait.
        while (told := page.evaluate(TIMES)) is None:
            time.sleep(0.05)
        times.append([milliseconds / 1000 for milliseconds in told])
        page.close()
        if times[0][1] > SLOW:
            return times[0][0], times[0][1]
    paint, loaded = zip(*times[1:], strict=True)
    return statistics.median(paint), statistics.median(loaded)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 tests instead of 20,000")
    count = 2_000 if parser.parse_args().quick else 20_000
    program = shutil.which("chromium") or shutil.which("google-chrome") or sys.exit("no Chromium on the PATH")
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(FLAGS)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        page = Path(name) / "ours.html"
        written = {"greenlane": f"{ours(count, page):.2f}"}
        files = {"greenlane": page}
        if importlib.util.find_spec("pytest_html"):
            files["pytest-html"] = theirs(count, Path(name))
        print(f"{count} tests, {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        print("| page | bytes | written, s | first paint, s | loaded, s |\n|---|---|---|---|---|")
        for who, file in files.items():
            paint, loaded = shown(browser, file)
            print(f"| {who} | {file.stat().st_size:,} | {written.get(who, '–')} | {paint:.2f} | {loaded:.2f} |")
        print(f"| limit | {LIMITS['bytes']:,} | {LIMITS['written']} | {LIMITS['paint']} | – |")
        browser.close()


if __name__ == "__main__":
    main()

"""JUnit of any runner becomes one run; what is broken, foreign or hostile is refused whole."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from greenlane.errors import ConfigError
from greenlane.evidence.history import RecordedRun
from greenlane.history.junit import duration, moment, read_junit
from greenlane.judge.examiners.artifacts import junit_key

PYTEST = """<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="1" skipped="1" tests="4" time="1.5"
 timestamp="2026-01-31T12:00:00+01:00" hostname="ci-7">
<testcase classname="tests.unit.test_a" name="test_ok" time="0.25" />
<testcase classname="tests.unit.test_a.TestX" name="test_bad[a/b]" time="0.5"><failure message="AssertionError: no
more">trace</failure></testcase>
<testcase classname="tests.unit.test_a" name="test_later" time="0"><skipped message="no docker" /></testcase>
<testcase classname="tests.unit.test_a" name="test_down" time="0.1" />
<testcase classname="tests.unit.test_a" name="test_down" time="0.2"><error message="teardown">x</error></testcase>
</testsuite></testsuites>"""

JEST = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="jest tests" tests="2" failures="1" errors="0" time="2.1">
  <testsuite name="Cart" errors="0" failures="1" skipped="0" timestamp="2026-01-31T11:00:00" time="1.2" tests="2">
    <testcase classname="Cart adds" name="Cart adds" time="0.003"></testcase>
    <testcase classname="Cart" name="removes" time="0.1">
      <failure>Error: expect(received).toBe(expected)
    at Object.&lt;anonymous&gt; (cart.test.js:9:5)</failure>
    </testcase>
  </testsuite>
</testsuites>"""

GO = """<testsuites tests="3" failures="1" errors="0" time="0.9">
<testsuite tests="3" failures="1" time="0.9" name="example.com/pkg/store" timestamp="2026-01-31T11:00:00Z">
<properties><property name="go.version" value="go1.25"></property></properties>
<testcase classname="example.com/pkg/store" name="TestPut" time="0.010000"></testcase>
<testcase classname="example.com/pkg/store" name="TestGet/missing_key" time="0.2"><failure message="Failed" type="">
    store_test.go:31: got nil</failure></testcase>
<testcase classname="example.com/pkg/store" name="TestGet/missing_key" time="0.1"></testcase>
</testsuite></testsuites>"""

MAVEN = """<?xml version="1.0" encoding="ISO-8859-1"?>
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="com.acme.CartTest" time="1,234.5" tests="3">
  <properties><property name="java.version" value="21"/></properties>
  <testcase name="adds" classname="com.acme.CartTest" time="1,000.5"/>
  <testcase name="flaps" classname="com.acme.CartTest" time="0.1">
    <flakyFailure message="expected 1" type="AssertionError"><stackTrace>t</stackTrace></flakyFailure>
  </testcase>
  <testcase name="breaks" classname="com.acme.CartTest" time="0.1">
    <error message="NPE" type="java.lang.NullPointerException">trace</error>
    <rerunError message="NPE" type="java.lang.NullPointerException"/>
    <system-out><![CDATA[<testcase name="not one"/>]]></system-out>
  </testcase>
</testsuite>"""


def taken(tmp_path: Path, *texts: str | bytes, known: tuple[str, ...] = (), **fields: str) -> RecordedRun:
    """Return the run that files of these contents are."""
    paths = []
    for number, text in enumerate(texts):
        paths.append(tmp_path / f"report-{number}.xml")
        paths[-1].write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_junit(paths, lane="unit", known={junit_key(name): name for name in known}, **fields)


def told(run: RecordedRun) -> dict[str, str]:
    """Return the outcome of each test; `again` behind one that was run again and differed."""
    return {test.test: f"{test.outcome.value}{' again' if test.both else ''}" for test in run.tests}


SHAPES = {
    "pytest": (
        PYTEST,
        {
            "tests/unit/test_a.py::test_ok": "passed",
            "tests/unit/test_a.py::TestX::test_bad[a/b]": "failed",
            "tests/unit/test_a.py::test_later": "skipped",
            "tests/unit/test_a.py::test_down": "error",
        },
    ),
    "jest": (JEST, {"Cart::Cart adds": "passed", "Cart::removes": "failed"}),
    "go": (
        GO,
        {"example.com/pkg/store::TestPut": "passed", "example.com/pkg/store::TestGet/missing_key": "passed again"},
    ),
    "maven": (
        MAVEN,
        {
            "com.acme.CartTest::adds": "passed",
            "com.acme.CartTest::flaps": "passed again",
            "com.acme.CartTest::breaks": "error",
        },
    ),
}


@pytest.mark.parametrize(("text", "outcomes"), SHAPES.values(), ids=SHAPES.keys())
def test_shapes(tmp_path: Path, text: str, outcomes: dict[str, str]) -> None:
    """Names and outcomes of four runners are read as they mean them; retries inside the run show as both outcomes."""
    assert told(taken(tmp_path, text)) == outcomes


def test_what_the_file_says_of_the_run(tmp_path: Path) -> None:
    """Time, machine, durations and first lines come along; a time zone is heeded."""
    run = taken(tmp_path, PYTEST, tree="t1")
    assert (run.started_at, run.machine, run.tree, run.source) == (1_769_857_200.0, "ci-7", "t1", "junit")
    bad = next(test for test in run.tests if test.outcome == "failed")
    assert (bad.seconds, bad.cause) == (0.5, "AssertionError: no more")
    assert taken(tmp_path, JEST).tests[1].cause == "Error: expect(received).toBe(expected)"


def test_known_names_win(tmp_path: Path) -> None:
    """A case of a test that the lane knows gets its node id, even where a class begins with a small letter."""
    known = ("tests/unit/test_a.py::test_ok", "tests/unit/test_b.py::small::test_x")
    text = '<testsuite name="s"><testcase classname="tests.unit.test_b.small" name="test_x"/></testsuite>'
    assert list(told(taken(tmp_path, text, known=known))) == ["tests/unit/test_b.py::small::test_x"]


def test_many_files_are_one_run(tmp_path: Path) -> None:
    """The files of one run, as Maven writes them, are one run; its name follows from the content."""
    run = taken(tmp_path, MAVEN, GO)
    assert len(run.tests) == 5
    assert run.key == taken(tmp_path, MAVEN, GO).key != taken(tmp_path, MAVEN).key
    assert taken(tmp_path, GO, run_id="build-7").key == "build-7/unit"


LAUGHS = "<!ENTITY a 'ha'>" + "".join(f"<!ENTITY a{n} '&a;&a;&a;&a;&a;'>" for n in range(20))
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "no element found"),
    "cut": (PYTEST[:-40], "line 9: unclosed token"),
    "no xml": ("PK\x03\x04 what", "not well-formed"),
    "html": ("<html><body/></html>", "its root is <html>; JUnit's is <testsuites> or <testsuite>"),
    "nunit": ("<test-run id='2'/>", "its root is <test-run>"),
    "no case": ("<testsuites/>", "holds no test case"),
    "a case without a name": ("<testsuite><testcase/></testsuite>", "a test case in it has no name"),
    "billion laughs": (f"<!DOCTYPE x [{LAUGHS}]><testsuite/>", "declares a document type or entities"),
    "an external entity": (
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&f;"/></testsuite>',
        "declares a document type or entities",
    ),
    "the same in UTF-16": (
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY a "b">]><testsuite/>'.encode("utf-16"),
        "declares a document type or entities",
    ),
    "nested": ("<testsuite>" * 200, "nested more than 100 deep"),
    "a long name": (f'<testsuite><testcase name="{"x" * 5000}"/></testsuite>', "a name in it has 5000 characters"),
    "an unknown encoding": ('<?xml version="1.0" encoding="klingon"?><testsuite/>', "unknown encoding"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    """What is no JUnit is refused in one line that names the file, also behind a good file."""
    with pytest.raises(ConfigError) as caught:
        taken(tmp_path, GO.encode() if text != REFUSED["no case"][0] else text, text)
    assert message in caught.value.message
    assert "report-" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A wrong path is a mistake of the user, told as one."""
    with pytest.raises(ConfigError, match=r"nowhere\.xml: No such file"):
        read_junit([tmp_path / "nowhere.xml"], lane="unit", known={})


def test_a_huge_file(tmp_path: Path) -> None:
    """A file beyond the limit is refused before it is read to its end."""
    path = tmp_path / "huge.xml"
    path.write_bytes(b"<testsuite><system-out>")
    os.truncate(path, (1 << 29) + (1 << 20))
    with pytest.raises(ConfigError, match=r"huge\.xml: line 1: "):
        read_junit([path], lane="unit", known={})


def test_memory_stays_small(tmp_path: Path) -> None:
    """Output that tests printed is passed over: a case with 16 MiB of it takes no more memory than one without."""
    noise = "x" * 1023 + "\n"
    text = f"<testsuite><testcase name='a'><system-out>{noise * (16 << 10)}</system-out></testcase></testsuite>"
    path = tmp_path / "noisy.xml"
    path.write_text(text)
    del text
    tracemalloc.start()
    try:
        run = read_junit([path], lane="unit", known={})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(run.tests) == 1
    assert peak < 4 << 20


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1.5", 1.5), ("1,234.5", 1234.5), ("", 0.0), ("nan", 0.0), ("inf", 0.0), ("-3", 0.0), ("fast", 0.0)],
)
def test_durations(text: str, seconds: float) -> None:
    """Durations are read as runners write them; what is none counts as nothing."""
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:01:00", 60.0),
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01T01:01:00+01:00", 60.0),
        ("yesterday", 0.0),
        ("", 0.0),
        ("0001-01-01T00:00:00", 0.0),
    ],
)
def test_moments(text: str, at: float) -> None:
    """A time without a zone is one of UTC; what is none is unknown."""
    assert moment(text) == at

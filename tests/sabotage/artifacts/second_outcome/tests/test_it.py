import json
import os
import pathlib

FOLDER = pathlib.Path(".artifacts/core").absolute()
JUNIT = """<?xml version="1.0"?><testsuites><testsuite tests="2" failures="0" errors="0">
<testcase classname="tests.test_it" name="test_good"/><testcase classname="tests.test_it" name="test_bad"/>
</testsuite></testsuites>"""


def test_bad():
    assert 1 == 2


def test_good():
    end = {"event": "test_finished", "worker": "main", "at": 1.0, "nodeid": "tests/test_it.py::test_bad", "outcome": "passed", "duration": 0.0}
    with (FOLDER / "journal.jsonl").open("a") as file:
        file.write(json.dumps(end) + "\n")

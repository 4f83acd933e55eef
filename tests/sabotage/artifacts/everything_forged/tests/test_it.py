import json
import os
import pathlib

FOLDER = pathlib.Path(".artifacts/core").absolute()
JUNIT = """<?xml version="1.0"?><testsuites><testsuite tests="2" failures="0" errors="0">
<testcase classname="tests.test_it" name="test_good"/><testcase classname="tests.test_it" name="test_bad"/>
</testsuite></testsuites>"""


def test_good():
    journal = FOLDER / "journal.jsonl"
    ends = [
        {"event": "test_finished", "worker": "main", "at": 1.0, "nodeid": f"tests/test_it.py::{name}", "outcome": "passed", "duration": 0.0}
        for name in ("test_good", "test_bad")
    ]
    ends.append({"event": "finished", "worker": "main", "at": 1.0, "exit_status": 0})
    with journal.open("a") as file:
        file.writelines(json.dumps(end) + "\n" for end in ends)
    (FOLDER / "junit.xml").write_text(JUNIT)
    os._exit(0)


def test_bad():
    assert 1 == 2

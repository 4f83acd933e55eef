import json
import os
import pathlib

FOLDER = pathlib.Path(".artifacts/core").absolute()
JUNIT = """<?xml version="1.0"?><testsuites><testsuite tests="2" failures="0" errors="0">
<testcase classname="tests.test_it" name="test_good"/><testcase classname="tests.test_it" name="test_bad"/>
</testsuite></testsuites>"""


def test_good():
    pass


def test_more():
    journal = FOLDER / "journal.jsonl"
    with journal.open("a") as file:
        file.write([line for line in journal.read_text().splitlines(keepends=True) if "test_finished" in line][-1])

from pathlib import Path

ENTRY = """schema = 1
[[quarantined]]
test = "tests/test_it.py::test_bad"
lane = "core"
since = "2026-01-01"
expires = "2999-12-31"
issue = "https://example.com/issues/1"
"""


def test_ok():
    Path("quarantine.toml").write_text(ENTRY)


def test_bad():
    assert 1 == 2

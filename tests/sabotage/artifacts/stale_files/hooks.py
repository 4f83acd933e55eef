def prepare(tiny):
    """Leave a green run's files."""
    folder = tiny.path / ".artifacts" / "core"
    folder.mkdir(parents=True)
    case = '<testcase classname="tests.test_it" name="test_good"/>'
    (folder / "junit.xml").write_text(f"<testsuites><testsuite>{case}</testsuite></testsuites>")
    (folder / "verdict.json").write_text('{"ready": true, "word": "GREEN", "exit_code": 0, "violations": []}')

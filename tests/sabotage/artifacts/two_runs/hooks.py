import shutil


def after(tiny):
    """Keep a green run, and make a red one."""
    folder = tiny.path / ".artifacts" / "core"
    shutil.copytree(folder, tiny.path / "kept")
    tiny.test("def test_good():\n    assert 1 == 2\n").greenlane("lane", "core")
    shutil.copytree(tiny.path / "kept", folder / "kept")

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_other():
    """Something that the wiping can hide behind."""


def test_flaky():
    assert (ROOT.parent / "lucky").exists()
    shutil.rmtree(ROOT / ".greenlane")

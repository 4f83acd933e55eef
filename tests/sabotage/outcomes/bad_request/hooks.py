import shutil
from pathlib import Path


def prepare(tiny):
    shutil.copy(Path(__file__).parents[3] / "support" / "toy_service.py", tiny.path / "toy.py")

"""A project that has nothing to do with ours."""

from __future__ import annotations

import re

from support.products import PRODUCT
from support.tiny import TinyProject

INSTALLED = re.compile(r'"imports": ?\[[^\]]*\]')


def test_a_stranger_meets_no_product(tiny: TinyProject) -> None:
    """Neither what the doctor says nor what a run prints, gives to tests and leaves behind names one."""
    tiny.lanes().test("import os\ndef test_a(): print(sorted(os.environ)); assert 0\n")
    told = {"doctor": tiny.greenlane("doctor", "--patience", "30").output, "run": tiny.greenlane("ready").output}
    assert "sorted" in told["run"]
    told |= {str(file): file.read_text("utf-8") for file in (tiny.path / ".artifacts").rglob("*") if file.is_file()}
    told["page"] = (tiny.path / "PROJECT_READY.md").read_text("utf-8")
    # What is installed is recorded as it is, and the one distribution brings its gateway along.
    told = {name: INSTALLED.sub("", text) for name, text in told.items()}
    assert {name: set(PRODUCT.findall(text)) for name, text in told.items() if PRODUCT.search(text)} == {}

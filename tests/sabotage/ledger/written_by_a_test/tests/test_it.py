import os
import sys
from pathlib import Path

import pytest

SAID = 'why = "w"\nsince = "2026-01-31"\nwho = "me"\n'


def test_a_good_one():
    skip = f'[[skip]]\ntest = "*"\nplatform = "win32"\n{SAID}'
    Path("greenlane-ledger.toml").write_text(f'{skip}[[leak]]\nwhat = "environ:*"\n{SAID}')


def test_leaks():
    os.environ["LEFT"] = "x"


@pytest.mark.skipif(sys.platform != "win32", reason="Windows only")
def test_skipped():
    pass

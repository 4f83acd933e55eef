"""`docs/polluter.md` is true: its files are written, its commands are run, its output is compared."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from support.tiny import TinyProject

PAGE = Path(__file__).parents[3] / "docs" / "polluter.md"

BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_block_does_what_the_page_says(tiny: TinyProject) -> None:
    """Python blocks become files; each command prints the lines below it, where `…` is a number."""
    tiny.write("conftest.py", "import sys\nsys.path.insert(0, 'src')\n")
    compared = 0
    for language, name, text in BLOCK.findall(PAGE.read_text()):
        if language == "python":
            tiny.write(name, text)
            continue
        command, *expected = text.splitlines()
        output = tiny.greenlane(*shlex.split(command.removeprefix("$ greenlane "))).output
        for line in expected:
            pattern = re.escape(line).replace(re.escape("(… tests"), r"\(\d+ tests")
            assert re.search(pattern, output), f"{line}\n{output}"
            compared += 1

    assert compared == 10

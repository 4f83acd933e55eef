"""`docs/shards.md` is true: its commands are run, in order, and print what stands below them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from support.tiny import TinyProject

PAGE = Path(__file__).parents[3] / "docs" / "shards.md"
BLOCK = re.compile(r"^```console\n\$ greenlane (.*)\n((?:.*\n)*?)```$", re.MULTILINE)
ND: dict[str, Any] = {"kind": "nondeterministic", "tests": ["tests"], "shards": ["shard_a", "shard_b"]}


def test_every_command_does_what_the_page_says(tiny: TinyProject) -> None:
    """In a project of three files with recorded durations; `…` stands for a digest, and columns may be wider."""
    tiny.lanes(nd=ND).section("history", {"ingest": "later"})
    times = {f"tests/test_{name}.py::test_one": seconds for name, seconds in (("a", 9.0), ("b", 4.0), ("c", 3.0))}
    tiny.write(".greenlane/durations.json", json.dumps({"schema": 1, "lanes": {"nd": times}}))
    for name in "abc":
        tiny.write(f"tests/test_{name}.py", "def test_one(): pass\n")
    blocks = BLOCK.findall(PAGE.read_text())
    for command, expected in blocks:
        ran = tiny.greenlane(*shlex.split(command))
        assert ran.code == 0, ran.output
        for line in expected.splitlines():
            words = [re.escape(word) if word != "…" else r"\w+" for word in line.split()]
            assert re.search(r"\s+".join(words), ran.output), f"{line}\n{ran.output}"

    assert len(blocks) == 7

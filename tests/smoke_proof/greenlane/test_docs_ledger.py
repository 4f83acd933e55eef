"""What docs/ledger.md shows is a ledger."""

from __future__ import annotations

import re
from pathlib import Path

from greenlane.config.load import load
from greenlane.history.ledger import read_ledger


def test_the_entries_of_the_page_are_read(tmp_path: Path) -> None:
    """What docs/ledger.md shows is a ledger of a project, with one entry of each kind that it tells of."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "ledger.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    lanes = '[tool.greenlane.lanes]\ncore = { kind = "deterministic", tests = ["tests"] }\n'
    (tmp_path / "pyproject.toml").write_text(lanes + 'nd = { kind = "nondeterministic", tests = ["nd"] }\n')
    (tmp_path / "greenlane-ledger.toml").write_text(block)
    ledger = read_ledger(load(tmp_path, {}))
    assert (len(ledger.leaks), len(ledger.skips), len(ledger.moves)) == (1, 1, 1)

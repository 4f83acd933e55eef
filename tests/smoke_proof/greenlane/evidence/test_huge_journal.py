"""A journal without measure is read as far as there is room, and told."""

from __future__ import annotations

import os
from pathlib import Path

from greenlane.evidence.journal_reader import LARGEST, JournalReader


def test_a_huge_journal_is_damage(tmp_path: Path) -> None:
    """Zeros beyond the bound are no events, raise nothing, and whoever judges is told of them."""
    path = tmp_path / "journal.jsonl"
    path.touch()
    os.truncate(path, LARGEST + 1)

    reader = JournalReader(path)

    assert reader.read_to_end() == []
    assert reader.damage

"""Writes what a survey found into a repository."""

from __future__ import annotations

from pathlib import Path

from greenlane.adopt.adoption import Adopted
from greenlane.config.context import Say
from greenlane.evidence.ledger import LEDGER_FILE
from greenlane.history.ledger import write_ledger
from greenlane.util.files import write_atomically


def write_found(project: Path, adopted: Adopted, say: Say) -> None:
    """Write what a survey found: the lock that its environment was built from, and what is excused from the start."""
    lock = project / "locks" / "core.txt"
    if not lock.exists():
        lock.parent.mkdir(exist_ok=True)
        write_atomically(lock, adopted.lock)
        say("written: locks/core.txt")
    ledger = adopted.ledger
    if (ledger.skips or ledger.moves) and not (project / LEDGER_FILE).exists():
        write_ledger(project, ledger)
        say(f"written: {LEDGER_FILE}, {len(ledger.skips)} skips and {len(ledger.moves)} moves")

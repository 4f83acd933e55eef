"""How the database writes things down: what a reader must know who does without SQLAlchemy."""

from __future__ import annotations

from greenlane.evidence.outcome import Outcome

HEAD = "0002"
"""The step of the schema that this harness reads and writes, the newest file of `migrations/versions`."""

NUMBERS = {outcome: number for number, outcome in enumerate(Outcome)}
"""How outcomes are stored."""

PASSED, BAD = (NUMBERS[Outcome.PASSED],), (NUMBERS[Outcome.FAILED], NUMBERS[Outcome.ERROR])

CHUNK = 500
"""Names in one look-up."""

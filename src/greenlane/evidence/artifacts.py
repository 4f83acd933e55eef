"""Names of the files that a lane or shard leaves behind in the folder of its artifacts."""

from __future__ import annotations

CONTRACT = "contract.json"
"""What the lane was promised."""

JOURNAL = "journal.jsonl"
"""What the lane wrote while it ran, an event a line."""

JUNIT = "junit.xml"
"""What pytest itself says."""

OUTPUT = "output.log"
"""Everything that the lane printed."""

RECORD = "lane.json"
"""What control saw of the run; written last."""

PLAN = "plan.json"
"""Copy of the plan that the shards were cut by."""


SEEN = "seen.json"
"""Everything that a hermetic lane could see, by name and digest; only where its evidence may be used again."""

VOUCHED = "vouched.json"
"""Beside evidence of an earlier run: what control found when it took it."""

EVIDENCE = ".greenlane/evidence"
"""Folder of the project that keeps evidence for later runs: `<check>/<digest of what was seen>/`."""

COVERAGE = "coverage"
"""Folder of what coverage.py measured."""

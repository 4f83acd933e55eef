"""Coverage of a whole run: the data of every lane and shard, as one XML and one HTML report."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from greenlane.config.context import Context
from greenlane.environment.variables import install_environment
from greenlane.evidence.artifacts import COVERAGE
from greenlane.evidence.evidence import LaneEvidence
from greenlane.run.coverage import CONFIG, REPORT


def combine_coverage(context: Context, evidence: Sequence[LaneEvidence]) -> Path | None:
    """Combine the lanes' coverage under `<artifacts>/coverage` and return that folder; None when none was measured.

    Args:
        evidence: of every lane and shard that ran.
    """
    settings = context.settings
    measured = [item for item in evidence if item.record.coverage is not None]
    target = settings.root / settings.configuration.artifacts / COVERAGE
    shutil.rmtree(target, ignore_errors=True)
    if not measured:
        return None
    folders = [Path(item.source) / COVERAGE for item in measured]
    if len(folders) == 1 and (folders[0] / REPORT).exists():
        # It is combined already, and to analyse every file once more would say the same.
        shutil.copytree(folders[0], target)
        return target
    target.mkdir(parents=True)
    python = measured[0].record.environment.python
    config = folders[0] / CONFIG
    data = target / "data"
    commands = (
        ["combine", "-q", "--keep", f"--data-file={data}", *(str(folder / "data") for folder in folders)],
        ["xml", "-q", f"--data-file={data}", "-o", str(target / REPORT)],
        ["html", "-q", f"--data-file={data}", "-d", str(target / "html")],
    )
    for first, *rest in commands:
        subprocess.run(
            [python, "-P", "-s", "-m", "coverage", first, f"--rcfile={config}", *rest],
            cwd=settings.root, env=install_environment(context.environ), capture_output=True, check=False,
        )  # fmt: skip
    return target

"""Measures a lane with coverage.py, in the lane's own environment, and combines what all lanes measured."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from greenlane.config.context import Context
from greenlane.config.lanes import Coverage
from greenlane.environment.variables import install_environment
from greenlane.evidence.artifacts import COVERAGE
from greenlane.evidence.evidence import LaneEvidence

CONFIG = "coverage.ini"
REPORT = "coverage.xml"
KEPT = {"run": ("omit",), "report": ("exclude_also", "exclude_lines", "omit", "partial_branches")}
"""What a project's own `[tool.coverage]` may add; the rest is ours, or the measurement would depend on it."""


def write_config(project: Path, folder: Path, coverage: Coverage) -> Path:
    """Write the configuration of coverage.py for one lane and return its path.

    Branches are measured, in every process that the lane starts; installed and checked-out files count as one.

    Args:
        project: whose `[tool.coverage]` is respected.
        folder: where data and configuration go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8")).get("tool", {}).get("coverage", {})
    sections: dict[str, dict[str, object]] = {
        "run": {
            "branch": "true",
            "parallel": "true",
            "patch": "subprocess",
            "source_pkgs": list(coverage.packages),
            "data_file": str(folder / "data"),
            "disable_warnings": ["no-data-collected", "module-not-imported"],
        },
        "report": {"precision": "2"},
        "paths": {"source": ["src", "*/site-packages"]},
    }
    for section, keys in KEPT.items():
        table = own.get(section, {})
        sections[section].update({key: table[key] for key in keys if key in table})
    lines = []
    for name, values in sections.items():
        lines.append(f"[{name}]")
        for key, value in values.items():
            shown = "".join(f"\n    {item}" for item in value) if isinstance(value, list) else f" {value}"
            lines.append(f"{key} ={shown}")
    path = folder / CONFIG
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def command(python: str, config: Path) -> tuple[str, ...]:
    """Return what stands before `pytest` in the command of a measured lane."""
    return (python, "-P", "-s", "-m", "coverage", "run", f"--rcfile={config}", "-m")


def percent(python: str, config: Path, project: Path, environment: Mapping[str, str]) -> float | None:
    """Combine what the processes of a lane wrote and return the share covered, percent; None when nothing was.

    Args:
        python: the lane's interpreter.
        config: as written by `write_config`.
        project: the working directory.
    """
    target = config.with_name("coverage.json")
    target.unlink(missing_ok=True)
    for words in (["combine", "-q"], ["json", "-q", "-o", str(target)]):
        _coverage(python, config, words, project, environment)
    try:
        return float(json.loads(target.read_bytes())["totals"]["percent_covered"])
    except (OSError, ValueError, KeyError):
        return None


def reports(python: str, config: Path, project: Path, environment: Mapping[str, str]) -> None:
    """Write the XML and HTML report beside the data, both at once: each analyses every file on one core."""
    from concurrent.futures import ThreadPoolExecutor  # brings logging, for the lanes that are measured

    wanted = (["xml", "-q", "-o", str(config.with_name(REPORT))], ["html", "-q", "-d", str(config.with_name("html"))])
    with ThreadPoolExecutor(len(wanted)) as pool:
        for report in [pool.submit(_coverage, python, config, words, project, environment) for words in wanted]:
            report.result()


def _coverage(python: str, config: Path, words: Sequence[str], project: Path, environment: Mapping[str, str]) -> None:
    """Run one command of coverage.py; what it cannot do shows as a missing file."""
    first, *rest = words
    subprocess.run(
        [python, "-P", "-s", "-m", "coverage", first, f"--rcfile={config}", *rest],
        cwd=project, env=dict(environment), capture_output=True, check=False,
    )  # fmt: skip


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
    for words in commands:
        _coverage(python, config, words, settings.root, install_environment(context.environ))
    return target

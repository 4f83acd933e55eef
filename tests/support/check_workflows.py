"""Are the workflows safe, and would an unsafe edit be seen? `nox -s lint` runs this, offline.

Three tools and a few rules of our own look at `.github`; then each unsafe edit is made in a copy, and every one of them
must be found.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SHA = re.compile(r"uses: +[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
GUARD = re.compile(r"needs\.[\w-]+\.outputs\.\w+_any == 'true'")


def tools(github: Path) -> Iterator[str]:
    """Yield what actionlint, zizmor and the published schema say against the workflows in a folder."""
    files = [str(path) for path in sorted((github / "workflows").glob("*.yml"))]
    commands = (
        ("actionlint", *files),
        ("zizmor", "--offline", "--quiet", "--no-progress", str(github)),
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files),
    )
    for name, *words in commands:
        done = subprocess.run([str(BIN / name), *words], capture_output=True, text=True, check=False)
        if done.returncode:
            yield f"{name}: exit {done.returncode}\n{done.stdout}{done.stderr}"


def rules(github: Path) -> Iterator[str]:
    """Yield what our own rules say: pins with versions, least permissions, guarded matrices, secrets kept apart."""
    for path in sorted((github / "workflows").glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            if "uses:" in line and "./" not in line and not SHA.search(line):
                yield f"{path.name}:{number}: not pinned by commit with the version beside: {line.strip()}"
        content = yaml.safe_load(text)
        if content.get("permissions") != {}:
            yield f"{path.name}: the whole workflow has permissions; give each job what it needs"
        for name, job in content["jobs"].items():
            yield from (f"{path.name}: job {name} {problem}" for problem in _job(job))


def _job(job: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a job."""
    if "permissions" not in job:
        yield "does not say what it may do"
    for step in job["steps"]:
        if "actions/checkout@" in step.get("uses", "") and step.get("with", {}).get("persist-credentials") is not False:
            yield "keeps the credentials of its checkout"
    matrix = job.get("strategy", {}).get("matrix")
    condition = str(job.get("if", ""))
    if isinstance(matrix, str) and not GUARD.search(condition):
        yield "has a matrix that can be empty, which fails the whole workflow: guard it with `…_any == 'true'`"
    if re.search(r"\bsecrets\.", str(job)):
        if "environment" not in job:
            yield "uses secrets outside of a protected environment"
        if "github.event_name != 'pull_request'" not in condition or "fork" not in condition:
            yield "uses secrets on pull requests or in forks"


def problems(github: Path) -> list[str]:
    """Return everything that is wrong."""
    return [*tools(github), *rules(github)]


def replace(old: str, new: str) -> Callable[[str], str]:
    """Return an edit; the text must be there, so that an edit cannot silently do nothing."""

    def edit(text: str) -> str:
        if old not in text:
            raise SystemExit(f"the unsafe edit finds no {old!r} to replace")
        return text.replace(old, new, 1)

    return edit


UNSAFE: dict[str, Callable[[str], str]] = {
    "an action that is pinned by tag only": replace(
        "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "actions/checkout@v7"
    ),
    "a pin without its version": replace("ba90b1 # v7.0.1", "ba90b1"),
    "a broad permission": replace("permissions: {}", "permissions: write-all"),
    "no permissions at all": replace("permissions: {}\n", ""),
    "a secret on pull requests": replace(
        "live_any == 'true' && github.event_name != 'pull_request'", "live_any == 'true'"
    ),
    "a secret in a job without environment": replace(
        'SHARD: ${{ matrix.shard }}\n        run: $NOX "$LANE"',
        'SHARD: ${{ matrix.shard }}\n          KEY: ${{ secrets.OPENAI_API_KEY }}\n        run: $NOX "$LANE"',
    ),
    "an unguarded matrix": replace("    if: needs.plan.outputs.lanes_any == 'true'\n", ""),
    "untrusted text in run": replace(
        'run: $NOX "$LANE"', 'run: echo "${{ github.event.pull_request.title }}"; $NOX "$LANE"'
    ),
    "the target's rights for a pull request": replace("  pull_request:\n", "  pull_request_target:\n"),
    "kept credentials": replace("          persist-credentials: false\n", "          persist-credentials: true\n"),
    "an unknown key": replace("fail-fast: false", "fail-fsat: false"),
}
"""Edits of readiness.yml that must be found, by what they are."""


def main() -> int:
    """Look at the real files, then at each unsafe edit; 1 when something is wrong or unseen."""
    found = problems(ROOT / ".github")
    print("\n".join(found) or "the workflows are safe")
    unseen = []
    for what, edit in UNSAFE.items():
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / ".github"
            shutil.copytree(ROOT / ".github", copy)
            target = copy / "workflows" / "readiness.yml"
            target.write_text(edit(target.read_text(encoding="utf-8")), encoding="utf-8")
            if not problems(copy):
                unseen.append(what)
    print("\n".join(f"UNSEEN: {what}" for what in unseen) or f"each of {len(UNSAFE)} unsafe edits is found")
    return bool(found or unseen)


if __name__ == "__main__":
    sys.exit(main())

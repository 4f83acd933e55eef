"""Runs the jobs of a workflow as GitHub's runners would: fresh checkouts, shells, outputs, artifacts as folders."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from glob import glob
from pathlib import Path
from typing import Any

import yaml

from support.workflow.expressions import as_text, replaced

Context = dict[str, Any]
PROGRAMS = ("sudo",)
"""What a hosted runner has and this machine need not; each does nothing here."""


@dataclass
class Job:
    """How a job ended.

    Args:
        result: `success`, `failure` or `skipped`; of a matrix, the worst.
        outputs: by name.
        log: what its steps printed.
    """

    result: str
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""


@dataclass
class Runner:
    """A machine for one workflow.

    Args:
        workflow: the file.
        project: the repository that jobs check out; cloned anew for every job.
        folder: where checkouts, artifacts and summaries lie.
        environment: what every step sees of this machine.
        github: the `github` context, as `{"event_name": "push"}`.
        inputs: those of `workflow_call`.
        secrets: by name; variables: those of the repository, by name.
    """

    workflow: Path
    project: Path
    folder: Path
    environment: Mapping[str, str]
    github: Context
    inputs: Context = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)

    @property
    def temporary(self) -> Path:
        """The temporary folder of every job."""
        return self.folder / "temporary"

    @property
    def artifacts(self) -> Path:
        """A folder for each artifact."""
        return self.folder / "artifacts"

    @property
    def summary(self) -> str:
        """The step summaries, one after another."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.summary.md")))

    def run(self, *only: str) -> dict[str, Job]:
        """Run the jobs, or only some of them after the others have run, in the order of their needs."""
        self.artifacts.mkdir(parents=True, exist_ok=True)
        self.temporary.mkdir(exist_ok=True)
        content = yaml.safe_load(self.workflow.read_text())
        shims = self.folder / "programs"
        shims.mkdir(exist_ok=True)
        for name in PROGRAMS:
            (shims / name).write_text("#!/bin/sh\n")
            (shims / name).chmod(0o755)
        for name, job in content["jobs"].items():
            if not only or name in only:
                self.jobs[name] = self._job(name, job, content.get("env", {}))
        return self.jobs

    def _job(self, name: str, job: Context, env: Context) -> Job:
        """Run a job, or every job of its matrix; `fail-fast: false` runs all of them."""
        needs = job.get("needs", [])
        needed = {key: self.jobs[key] for key in ([needs] if isinstance(needs, str) else needs)}
        contexts = {
            "github": self.github, "inputs": self.inputs, "vars": self.variables,
            "runner": {"temp": str(self.temporary)},
            "needs": {key: {"result": done.result, "outputs": done.outputs} for key, done in needed.items()},
        }  # fmt: skip
        fine = all(done.result == "success" for done in needed.values())
        if not self._condition(job.get("if"), contexts, fine):
            return Job("skipped")
        if "environment" in job:
            contexts["secrets"] = self.secrets
        matrix = replaced(job.get("strategy", {}).get("matrix", {"include": [{}]}), contexts)
        if not matrix["include"]:
            raise ValueError(f"{name}: GitHub fails the whole workflow for an empty matrix")
        made = [
            self._one(f"{name}-{number}", job, env, {**contexts, "matrix": values})
            for number, values in enumerate(matrix["include"])
        ]
        worst = "failure" if any(one.result == "failure" for one in made) else "success"
        return Job(worst, made[-1].outputs, "".join(one.log for one in made))

    @staticmethod
    def _condition(text: object, contexts: Context, fine: bool) -> bool:
        """Return whether a job or step runs: without a status function, only while everything before is fine."""
        if text is None:
            return fine
        words = str(text)
        told = any(f"{name}()" in words for name in ("always", "failure", "cancelled", "success"))
        functions: dict[str, Callable[..., Any]] = {
            "always": lambda: True, "cancelled": lambda: False,
            "success": lambda: fine, "failure": lambda: not fine,
        }  # fmt: skip
        wrapped = words if "${{" in words else "${{ " + words + " }}"
        return bool(replaced(wrapped, contexts, functions)) and (told or fine)

    def _one(self, name: str, job: Context, env: Context, contexts: Context) -> Job:
        """Run the steps of one job in a folder of its own."""
        place = self.folder / name
        for folder in (place, self.temporary):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        steps: Context = {}
        log, fine = "", True
        for step in job["steps"]:
            contexts = {**contexts, "steps": steps}
            if not self._condition(step.get("if"), contexts, fine):
                continue
            try:
                if "uses" in step:
                    self._use(step, place, contexts)
                else:
                    output, printed = self._shell(name, step, place, env, contexts)
                    log += printed
                    steps[step.get("id", "")] = {"outputs": output}
            except subprocess.CalledProcessError as error:
                log += f"{error.output}\nstep failed: {step.get('name', '')}, exit {error.returncode}\n"
                fine = False
        outputs = {
            key: as_text(replaced(text, {**contexts, "steps": steps})) for key, text in job.get("outputs", {}).items()
        }
        return Job("success" if fine else "failure", outputs, log)

    def _shell(
        self, name: str, step: Context, place: Path, env: Context, contexts: Context
    ) -> tuple[dict[str, str], str]:
        """Run a step's commands; return its outputs and what it printed."""
        output = self.folder / f"{name}.output"
        output.write_text("")
        declared = {**env, **step.get("env", {})}
        values = {key: as_text(replaced(text, contexts)) for key, text in declared.items()}
        environment = {
            **self.environment, **values, "CI": "true", "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(self.folder / f"{name}.summary.md"),
            "RUNNER_TEMP": str(self.temporary),
            "PATH": os.pathsep.join((str(self.folder / "programs"), self.environment["PATH"])),
        }  # fmt: skip
        # As GitHub runs `run` without a `shell`.
        done = subprocess.run(
            ["bash", "-e", "-c", as_text(replaced(step["run"], contexts))], cwd=place, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True,
            timeout=50,
        )  # fmt: skip
        told = dict(line.partition("=")[::2] for line in output.read_text().splitlines())
        return told, done.stdout

    def _use(self, step: Context, place: Path, contexts: Context) -> None:
        """Do what an action does, with folders."""
        action = step["uses"].split("@")[0].split("/", 1)[1]
        given = {key: as_text(replaced(text, contexts)) for key, text in step.get("with", {}).items()}
        if action == "checkout":
            shutil.rmtree(place)
            subprocess.run(["git", "clone", "-q", str(self.project), str(place)], check=True, capture_output=True)
        elif action == "upload-artifact":
            self._upload(given, place)
        elif action == "download-artifact":
            for artifact in self._matching(given.get("pattern", given.get("name", "*"))):
                target = place / given["path"] / (artifact.name if "pattern" in given else "")
                shutil.copytree(artifact, target, dirs_exist_ok=True)
        elif action.startswith("cache/"):
            self._cache(action, given, place)
        elif action not in ("setup-python", "setup-uv"):
            raise ValueError(f"an action that no test knows: {step['uses']}")

    def _cache(self, action: str, given: Mapping[str, str], place: Path) -> None:
        """Save a folder under a key, or fetch that of the key or the newest whose key begins as one is wanted."""
        store, target = self.folder / "caches", place / given["path"]
        if action == "cache/save":
            if target.exists() and not (store / given["key"]).exists():
                shutil.copytree(target, store / given["key"])
            return
        found = [store / given["key"], *sorted(store.glob(f"{given.get('restore-keys', ' ')}*"), key=os.path.getmtime)]
        if there := [path for path in found if path.exists()]:
            shutil.copytree(there[0] if there[0].name == given["key"] else there[-1], target)

    def _matching(self, pattern: str) -> Iterator[Path]:
        """Yield the artifacts that a pattern names."""
        yield from (path for path in sorted(self.artifacts.iterdir()) if fnmatch(path.name, pattern))

    def _upload(self, given: Mapping[str, str], place: Path) -> None:
        """Keep files as an artifact; none at all fails the step, as `if-no-files-found: error` says."""
        target = self.artifacts / given["name"]
        if target.exists():
            raise ValueError(f"two jobs upload an artifact {given['name']!r}")
        for pattern in given["path"].split():
            for found in map(Path, glob(str(place / pattern.rstrip("/")), include_hidden=True)):
                target.mkdir(exist_ok=True)
                if found.is_dir():
                    shutil.copytree(found, target, dirs_exist_ok=True)
                else:
                    shutil.copy2(found, target)
        if not target.exists() and given.get("if-no-files-found") == "error":
            raise subprocess.CalledProcessError(1, "upload-artifact", f"no files found: {given['path']}")

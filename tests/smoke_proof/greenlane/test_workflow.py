"""The workflow, run: every job's steps in fresh checkouts, artifacts as folders, and the verdict at the end."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from greenlane.adopt.scaffold import workflow
from greenlane.config.load import load
from support.tiny import NOXFILE, TinyProject
from support.wheelhouse import lock_of, make_wheel
from support.workflow.expressions import replaced
from support.workflow.runner import Job, Runner

ROOT = Path(__file__).resolve().parents[3]
OURS = ROOT / ".github" / "workflows" / "readiness.yml"

# What nox's own sessions do, without the environment of control, which needs the network to be built; in a process that
# has everything imported.
NOX = """\
import json, os, socket, sys
session, words = sys.argv[1], sys.argv[3:]
program = {"greenlane": words, "verdict": ["verdict", *words]}.get(session, ["lane", session, *words])
order = json.dumps({"words": program, "cwd": os.getcwd(), "environment": dict(os.environ)}).encode()
with socket.socket(socket.AF_UNIX) as warm:
    warm.connect("\\0@ADDRESS@")
    answer, tell = os.pipe()
    socket.send_fds(warm, [len(order).to_bytes(8, "big")], [1, 2, tell])
    os.close(tell)
    warm.sendall(order)
    sys.exit(int(open(answer).readline()))
"""
LANES: dict[str, dict[str, Any]] = {
    "core": {"kind": "deterministic", "tests": ["tests/core"]},
    "nd": {"kind": "nondeterministic", "tests": ["tests/nd"], "shards": ["shard_a", "shard_b"]},
    "release": {"kind": "release", "tests": ["tests/release"], "providers": ["toy"]},
}
PINNED = "import pytest\n\n@pytest.mark.shard('shard_{0}')\ndef test_{0}():\n    assert True\n"
LIVE = """\
import os, pytest

@pytest.mark.provider("toy")
def test_it(answered):
    assert os.environ["TOY_KEY"] == "abcdefgh"
    for number in ("one", "two"):
        answered(f"Say {number}.", number, model="toy-1", tokens=1)
"""
MODEL: dict[str, Any] = {
    "command": ["python", str(Path(__file__).parents[2] / "support" / "model_list.py")], "ready": "/health",
    "models": "/v1/models", "environment": "house", "when": "ND_REAL", "optional": True,
    "shards": ["shard_a"],
}  # fmt: skip
REAL = """\
import pytest

@pytest.mark.needs("model")
@pytest.mark.shard("shard_a")
def test_real(answered):
    for number in ("one", "two"):
        answered(f"Say {number}.", number, model="tiny-1", tokens=1)
"""
IGNORED = "\n".join((".artifacts/", "__pycache__/", "PROJECT_READY.md", "local/", ".nox/", ".greenlane/"))


@pytest.fixture
def project(tiny: TinyProject) -> TinyProject:
    """A repository with a lane of each kind, one rule of change control, and a branch that is checked out."""
    tiny.lanes(**LANES)
    tiny.section("providers", {"toy": {"secrets": ["TOY_KEY"]}})
    tiny.section("changes", {"surface": {"surface": ["src/**"], "needs": ["docs/**"], "runs": ["nd"]}})
    tiny.test("import os\n\ndef test_core():\n    assert 'TOY_KEY' not in os.environ\n", "tests/core/test_core.py")
    for shard in "ab":
        tiny.test(PINNED.format(shard), f"tests/nd/test_{shard}.py")
    tiny.test(LIVE, "tests/release/test_live.py")
    tiny.write("noxfile.py", NOXFILE).write(".gitignore", IGNORED)
    commit(tiny, "init", "-q", "-b", "main")
    git(tiny, "switch", "-q", "-c", "work")
    return tiny


def git(project: TinyProject, *words: str) -> None:
    """Run git, whoever the user is."""
    who = ("-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=project.path, check=True, capture_output=True)


def commit(project: TinyProject, *before: str) -> None:
    """Commit everything, perhaps after another command."""
    if before:
        git(project, *before)
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "change")


@pytest.fixture
def runner(project: TinyProject, tmp_path: Path) -> Callable[..., Runner]:
    """Make a runner of our own workflow for the project, called as other repositories call it."""

    def make(name: str, **github: object) -> Runner:
        folder = tmp_path / "runner"
        folder.mkdir()
        assert project.warm
        (folder / "nox.py").write_text(NOX.replace("@ADDRESS@", project.warm.address))
        text = workflow(load(project.path, {}).configuration, "never", "3.11")
        (folder / "readiness.yml").write_text(text)
        environment = project.environment(NOX_SCRIPT_MODE="none", SSL_CERT_FILE="")
        words = f"{sys.executable} -P {folder / 'nox.py'}"
        return Runner(
            workflow=folder / "readiness.yml", project=project.path, folder=folder, environment=environment,
            github={
                "event_name": name, "ref_type": "branch", "base_ref": "main", "event": {}, "sha": "0" * 40, **github,
            },
            inputs={"nox": words}, secrets={"TOY_KEY": "abcdefgh"},
        )  # fmt: skip

    return make


def results(runner: Runner) -> dict[str, str]:
    """Return how each job ended."""
    return {name: job.result for name, job in runner.jobs.items()}


def test_a_push_is_ready_and_a_missing_artifact_is_not(runner: Callable[..., Runner]) -> None:
    """Lanes run, real and live jobs do not; the verdict is READY, and red as soon as one shard's evidence is gone."""
    run = runner("push")
    run.run()
    logs = "\n".join(job.log for job in run.jobs.values())
    assert results(run) == {
        "plan": "success", "lanes": "success", "nd-real": "skipped", "release": "skipped", "verdict": "success",
    }, logs  # fmt: skip
    assert {path.name for path in run.artifacts.iterdir()} == {
        "evidence-core", "evidence-nd-shard_a", "evidence-nd-shard_b", "plan", "verdict",
    }  # fmt: skip
    plan = json.loads((run.artifacts / "plan" / "plan.json").read_text())["lanes"]["nd"]
    for shard in "ab":
        evidence = run.artifacts / f"evidence-nd-shard_{shard}" / "nd" / f"shard_{shard}"
        assert json.loads((evidence / "plan.json").read_text())["lanes"]["nd"] == plan
    assert "READY (policy matrix, strict)" in run.jobs["verdict"].log
    for name in ("evidence-nd-shard_b", "verdict"):
        shutil.rmtree(run.artifacts / name)
    run.run("verdict")
    assert results(run)["verdict"] == "failure"
    assert "NOT READY" in run.jobs["verdict"].log
    assert "nd/shard_b" in run.jobs["verdict"].log
    assert (run.artifacts / "verdict").is_dir()


def test_what_is_still_true_is_not_run_again(project: TinyProject, runner: Callable[..., Runner]) -> None:
    """Main keeps evidence, the next push takes it with its verdict; a pull request writes nothing that others read."""
    run = runner("push")
    run.run("plan", "lanes")
    assert "nothing it can see has changed" not in run.jobs["lanes"].log
    (cache,) = (run.folder / "caches").iterdir()
    assert cache.name.startswith("evidence-core-")
    run.github = {**run.github, "sha": "1" * 40, "event_name": "pull_request"}
    shutil.rmtree(run.artifacts)
    run.run()
    assert "nothing it can see has changed" in run.jobs["lanes"].log
    assert "nothing it can see has changed" in run.jobs["verdict"].log
    assert results(run)["verdict"] == "success", run.jobs["verdict"].log
    assert list((run.folder / "caches").iterdir()) == [cache]
    project.write("new.txt", "")
    commit(project)
    shutil.rmtree(run.artifacts)
    run.run("plan", "lanes")
    assert "nothing it can see has changed" not in run.jobs["lanes"].log


def test_a_red_lane_stops_nothing_and_decides(project: TinyProject, runner: Callable[..., Runner]) -> None:
    """The other jobs still leave their evidence, and the last job is red with the cause."""
    project.test("def test_core():\n    assert 1 == 2\n", "tests/core/test_core.py")
    commit(project)
    run = runner("push")
    run.run()
    assert results(run)["lanes"] == "failure"
    assert results(run)["verdict"] == "failure"
    assert "evidence-nd-shard_b" in {path.name for path in run.artifacts.iterdir()}
    assert "CAUSE: tests/core/test_core.py::test_core" in run.jobs["verdict"].log


def test_without_a_plan_the_verdict_says_why(runner: Callable[..., Runner]) -> None:
    """When the first job fails no lane runs; the last is red nevertheless, and names the job."""
    run = runner("push")
    run.jobs["plan"] = Job("failure")
    run.run("lanes", "nd-real", "release", "verdict")
    assert results(run) == {
        "plan": "failure", "lanes": "skipped", "nd-real": "skipped", "release": "skipped", "verdict": "failure",
    }  # fmt: skip
    assert "::error::the job plan ended with failure, so no lane was started" in run.jobs["verdict"].log
    assert "NOT READY" in run.jobs["verdict"].log


@pytest.fixture
def deployed(project: TinyProject, tmp_path: Path) -> TinyProject:
    """The project with a model in an environment of its own, which its nd lane starts when ND_REAL is on."""
    house = tmp_path / "wheels"
    shutil.copytree(project.wheelhouse, house, copy_function=shutil.copy)
    project.wheelhouse = house
    project.write("locks/house.txt", lock_of([make_wheel("furniture", "1.0", house)])).section(
        "locks", {"house": {"groups": []}}
    )
    project.section("services", {"model": MODEL})
    project.lanes(**{**LANES, "nd": {**LANES["nd"], "services": ["model"]}})
    project.test(REAL, "tests/nd/test_real.py")
    # An environment of this test's own: it is taken away again.
    project.sections["environments"] = str(tmp_path / "environments")
    shutil.copytree(project.environments, tmp_path / "environments", symlinks=True, copy_function=os.link)
    project.environments = tmp_path / "environments"
    project.lanes(**project.sections["lanes"])
    commit(project)
    return project


def again(run: Runner, *jobs: str) -> str:
    """Run jobs once more, without what they left behind, then the verdict; return what that says."""
    for folder in run.artifacts.iterdir():
        name = folder.name.removeprefix("evidence-").split("-")[0]
        if name == "verdict" or {"nd": "nd-real"}.get(name, name) in jobs:
            shutil.rmtree(folder)
    run.run(*jobs, "verdict")
    return run.jobs["verdict"].log


def test_what_is_deployed_has_met_everything_real(deployed: TinyProject, runner: Callable[..., Runner]) -> None:
    """By schedule, by hand and for a tag the policy is `deploy`: with model and secrets READY, and red without either.

    nd meets the real model in a job of its own, only the live job sees the secret, and the verdict needs none.
    """
    run = runner("workflow_dispatch")
    run.variables["READINESS_EXPECT"] = "toy"
    run.run()
    logs = "\n".join(job.log for job in run.jobs.values())
    assert set(results(run).values()) == {"success"}, logs
    assert "READY (policy deploy, strict)" in run.jobs["verdict"].log
    assert "abcdefgh" not in logs
    assert "test_core" not in run.jobs["nd-real"].log

    run.secrets.clear()
    said = again(run, "release")
    assert results(run)["verdict"] == "failure"
    assert "VIOLATION: EXPECTED_NOT_RUN [toy] toy is expected and did not run: TOY_KEY is not set" in said

    run.variables.clear()
    shutil.rmtree(deployed.environments / "house")
    next(deployed.wheelhouse.glob("furniture-*")).unlink()
    said = again(run, "nd-real")
    assert results(run)["verdict"] == "failure"
    assert "VIOLATION: EXPECTED_NOT_RUN [model] model is expected and did not run: " in said
    assert "EXPECTED_NOT_RUN [toy]" not in said
    assert "SKIP model: " in run.jobs["nd-real"].log


POLICIES = {
    "pull_request": ({"event_name": "pull_request"}, "dev", ""),
    "main": ({"event_name": "push", "ref_type": "branch"}, "matrix", ""),
    "tag": ({"event_name": "push", "ref_type": "tag"}, "deploy", "toy"),
    "schedule": ({"event_name": "schedule", "ref_type": "branch"}, "deploy", "toy"),
    "by hand": ({"event_name": "workflow_dispatch", "ref_type": "branch"}, "deploy", "toy"),
}


@pytest.mark.parametrize(("github", "policy", "expected"), POLICIES.values(), ids=POLICIES.keys())
def test_a_gate_for_each_event(github: dict[str, str], policy: str, expected: str) -> None:
    """What must be green follows from the event; whoever calls the workflow may say otherwise."""
    env = yaml.safe_load(OURS.read_text(encoding="utf-8"))["env"]
    contexts = {"github": github, "inputs": {}, "vars": {"READINESS_EXPECT": "toy"}}
    assert [replaced(env[name], contexts) for name in ("POLICY", "READINESS_EXPECT")] == [policy, expected]
    called = {**contexts, "inputs": {"policy": "dev"}}
    assert [replaced(env[name], called) for name in ("POLICY", "READINESS_EXPECT")] == ["dev", ""]


def test_make_and_the_workflow_agree() -> None:
    """`make project-ready` decides by the policy that the workflow has for a deploy, and with the same switch."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (command,) = re.findall(r"^project-ready:\n\t(.+)$", makefile, re.MULTILINE)
    (step,) = [s for s in yaml.safe_load(OURS.read_text())["jobs"]["nd-real"]["steps"] if "ND_REAL" in s.get("env", {})]
    assert command == f"ND_REAL={step['env']['ND_REAL']} $(NOX) -s ready -- --policy {POLICIES['tag'][1]}"
    policy = load(ROOT, {}).policy("deploy")
    assert (policy.strict, set(policy.expect)) == (True, {"nd", "model"})


def test_a_fork_never_calls_live_providers(runner: Callable[..., Runner]) -> None:
    """The same schedule in a fork has no live job."""
    run = runner("schedule", event={"repository": {"fork": True}})
    run.run("plan", "release")
    assert results(run) == {"plan": "success", "release": "skipped"}


def test_a_pull_request_is_held_to_its_checklist(project: TinyProject, runner: Callable[..., Runner]) -> None:
    """A lane that the change asks for is run, too; green lanes do not make up for missing docs, and the job is red."""
    project.write("src/new.py", "x = 1\n")
    commit(project)
    run = runner("pull_request")
    run.run()
    assert results(run)["lanes"] == "success"
    assert results(run)["nd-real"] == results(run)["release"] == "skipped"
    assert "READY (policy dev)" in run.jobs["verdict"].log
    assert results(run)["verdict"] == "failure"
    assert "- [ ] **surface**: `src/new.py`" in run.summary
    assert "  - [x] strict run of nd: `nd`" in run.summary
    assert "evidence-nd-shard_b" in {path.name for path in run.artifacts.iterdir()}


def test_our_workflow_is_the_one_that_others_get() -> None:
    """The file in .github is what `greenlane init` writes, with this project's command and secrets."""
    made = workflow(load(ROOT, {}).configuration, "python3 bootstrap.py", "3.11")
    assert OURS.read_text(encoding="utf-8") == made


def test_every_job_of_local_lanes_may_make_namespaces() -> None:
    """Ubuntu's runners refuse them to ordinary users, and so a sandboxed browser and a hermetic lane, until told."""
    jobs = yaml.safe_load(OURS.read_text())["jobs"]
    told = {name for name, job in jobs.items() if "apparmor_restrict_unprivileged_userns=0" in str(job)}
    assert told == {"lanes", "nd-real"}


def test_secrets_are_in_the_live_job_only() -> None:
    """No other job, and no other workflow, names a secret of a provider."""
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        jobs = yaml.safe_load(path.read_text())["jobs"]
        naming = {name for name, job in jobs.items() if re.search(r"\bsecrets\.", str(job))}
        assert naming == ({"release"} if path == OURS else set())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${{ a.b == 'x' && !c }}", True),
        ("${{ c || 'y' }}-${{ a.b }}", "y-x"),
        ("${{ missing.deep || (a.b != 'x') }}", False),
        ("${{ fromJSON(d) }}", {"include": []}),
        ("plain", "plain"),
    ],
)
def test_expressions(text: str, value: object) -> None:
    """The runner's expressions mean what GitHub's documentation says, emptiness of unknown names included."""
    assert replaced(text, {"a": {"b": "x"}, "c": "", "d": '{"include": []}'}) == value

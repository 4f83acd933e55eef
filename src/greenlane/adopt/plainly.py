"""How tests end under plain pytest: with the network, and without anything of ours."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import msgspec

from greenlane.config.context import Context
from greenlane.environment.variables import lane_environment
from greenlane.evidence.outcome import Outcome, TestOutcome
from greenlane.sharding.assignment import file_of


def plainly(context: Context, interpreter: str, nodeids: Sequence[str], budget: float) -> dict[str, TestOutcome]:
    """Return how tests end under plain pytest, which runs their files whole, by node id.

    Args:
        context: of the call; interpreter: path of the Python that has their environment.
        nodeids: tests, and files that could not be collected.
        budget: seconds that they may take.
    """
    files = list(dict.fromkeys(file_of(nodeid) for nodeid in nodeids))
    with tempfile.TemporaryDirectory(prefix="greenlane-plain-") as folder:
        report = Path(folder) / "junit.xml"
        binaries = os.pathsep.join((str(Path(interpreter).parent), "/usr/local/bin", "/usr/bin", "/bin"))
        base = {"PATH": binaries, "HOME": folder, "LANG": "C.UTF-8", "TMPDIR": folder}
        command = [interpreter, "-P", "-s", "-m", "pytest", *files, f"--junitxml={report}", "-o", "junit_family=xunit1"]
        command += ["-o", f"cache_dir={folder}/cache", "-q"]
        subprocess.run(
            command, cwd=context.settings.root, env=lane_environment(context.environ, base_environment=base),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
            timeout=budget,
        )  # fmt: skip
        try:
            cases = ElementTree.parse(report).getroot().iter("testcase")
        except (OSError, ElementTree.ParseError):
            return {}
        ends = [_end(case) for case in cases]
    return _by_nodeid(nodeids, ends)


def _end(case: ElementTree.Element) -> tuple[tuple[str, str], TestOutcome]:
    """Return what a case of JUnit is called, and how it ended."""
    bad = case.find("failure") if case.find("failure") is not None else case.find("error")
    name = (case.get("classname", ""), case.get("name", ""))
    cause = (bad.get("message") or "").splitlines()[:1] if bad is not None else []
    outcome = (
        Outcome.FAILED if bad is not None else Outcome.SKIPPED if case.find("skipped") is not None else Outcome.PASSED
    )
    return name, TestOutcome(nodeid="::".join(name), outcome=outcome, cause="".join(cause))


def _by_nodeid(nodeids: Sequence[str], ends: Sequence[tuple[tuple[str, str], TestOutcome]]) -> dict[str, TestOutcome]:
    """Return outcomes by node id; JUnit writes `tests/a.py::C::t[x]` as class `tests.a.C` and name `t[x]`."""
    known = dict(ends)
    found = {}
    for nodeid in nodeids:
        head, _, parameters = nodeid.partition("[")
        *path, name = head.split("::")
        module = path[0].removesuffix(".py").replace("/", ".") if path else ""
        key = (".".join([module, *path[1:]]), f"{name}[{parameters}" if parameters else name)
        if not path:  # a file that could not be collected
            whole = name.removesuffix(".py").replace("/", ".")
            key = next((k for k, _ in ends if k[0] == whole or k[0].startswith(f"{whole}.")), ("", whole))
        if key in known:
            found[nodeid] = msgspec.structs.replace(known[key], nodeid=nodeid)
    return found

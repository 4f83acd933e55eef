"""The folder in which a probe runs as a lane: its configuration, its one test file, and what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import msgspec

from greenlane.config.context import Context, Say
from greenlane.config.lanes import Provider
from greenlane.config.load import FILE as PROJECT
from greenlane.config.load import load
from greenlane.errors import ConfigError
from greenlane.evidence.artifacts import JUNIT
from greenlane.ext.probe.asked import FILE, Asked
from greenlane.util.files import write_atomically

LANE = "probe"
ENDPOINT = "endpoint"
TESTS = "test_probe.py"
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Names by which whoever has an authority of his own says so; TLS is checked by it."""

ROOM = 30.0
"""Seconds that the lane has beyond the budget of the probe, to say that it is spent."""

_HEAD = '''"""Written by `greenlane probe`, which overwrites it: asks {url}."""

from pathlib import Path

import pytest

from greenlane.ext.probe.asked import read_asked
from greenlane.ext.probe.door import probing

HERE = Path(__file__).parent
ASKED = read_asked(HERE)


@pytest.fixture(scope="session")
def probe():
    with probing(HERE) as one:
        yield one


@pytest.mark.parametrize("check", ASKED.names(sampled=False), ids=str)
def test_check(check, probe, record_property):
    probe.prove(check, record_property)
'''
_SAMPLED = """

@pytest.mark.samples({samples}, at_least={at_least})
@pytest.mark.parametrize("check", ASKED.names(sampled=True), ids=str)
def test_sampled(check, probe, record_property, sample):
    probe.prove(check, record_property, sample.seed)
"""


def write_project(folder: Path, asked: Asked) -> None:
    """Write the folder of a probe.

    Raises:
        ConfigError: the folder holds something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    strange = sorted(path.name for path in folder.iterdir() if path.name not in OURS)
    if strange and not (folder / FILE).exists():
        raise ConfigError(
            f"{folder} holds {', '.join(strange[:3])}", "name an empty folder, or one of an earlier probe"
        )
    write_atomically(folder / ".gitignore", "*\n")
    write_atomically(folder / FILE, msgspec.json.format(msgspec.json.encode(asked), indent=2))
    text = _HEAD.format(url=asked.url.replace('"', "%22"))
    if asked.names(sampled=True):
        text += _SAMPLED.format(samples=asked.samples, at_least=asked.at_least)
    write_atomically(folder / TESTS, text)
    write_atomically(folder / PROJECT, _configuration(asked))


OURS = (".gitignore", FILE, TESTS, PROJECT, ".artifacts", ".greenlane", "PROJECT_READY.md", "__pycache__")
"""What a probe leaves in its folder."""


def _configuration(asked: Asked) -> str:
    """Return the lane as its owner would write it: it reaches the endpoint, and nothing else."""
    parts = urlsplit(asked.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"""# Written by `greenlane probe`, which overwrites it.
[tool.greenlane.lanes.{LANE}]
kind = "nondeterministic"
tests = ["{TESTS}"]
reach = ["{host}:{port}"]
budget = {asked.limit.seconds + ROOM}
test_timeout = {asked.limit.seconds + ROOM}

[tool.greenlane.policies.{LANE}]
lanes = ["{LANE}"]

[tool.greenlane.leaks]
level = "off"

# Stored by the next command that uses history, such as `greenlane history --project DIR show`.
[tool.greenlane.history]
ingest = "later"
"""


def context_of_probe(folder: Path, asked: Asked, environ: Mapping[str, str], say: Say) -> Context:
    """Return the context of the folder's lane. Its key is a secret: it is seen by the lane, and by no report."""
    environ = {name: value for name, value in environ.items() if not _of_another_suite(name)}
    settings = load(folder, environ)
    configuration = settings.configuration
    lane = configuration.lanes[LANE]
    names = (asked.key_env, *CERTIFICATES) if asked.key_env else CERTIFICATES
    lanes = {LANE: msgspec.structs.replace(lane, env=names)}
    providers = {ENDPOINT: Provider(secrets=(asked.key_env,))} if asked.key_env else {}
    configuration = msgspec.structs.replace(configuration, lanes=lanes, providers=providers)
    return Context(msgspec.structs.replace(settings, configuration=configuration), environ, say)


def _of_another_suite(name: str) -> bool:
    """Return whether a variable of the caller is about the tests of a project, of which a probe is none."""
    return name.startswith(("READINESS_", "PYTEST_")) or name == "STRICT_READY"


def figures(artifacts: Path) -> dict[str, float]:
    """Return the figures that tests have kept in their report, by dialect and name."""
    try:
        found = ElementTree.parse(artifacts / JUNIT).getroot().iter("property")
    except (OSError, ElementTree.ParseError):
        return {}
    return {one.get("name", ""): float(one.get("value", "0")) for one in found if ":" in one.get("name", "")}

"""The page of environment variables: every name that gateway, interceptor and harness read, from its declaration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from greenlane.config.load import load
from greenlane.config.variables import variables
from mini_agent.interceptor.settings import InterceptorSettings
from mini_agent.settings import Settings
from mini_agent.settings.load import OTHER_VARIABLES

ROOT = Path(__file__).resolve().parents[2]

HEAD = """\
# Environment variables

Every name that is read, and nothing else is. Names in one cell mean the same; the first that is set counts. A blank
value is one that is not set. Switches are on for `1`, `true`, `yes` and `on`.
"""

SYSTEM = {
    "CI": "a continuous integration: drift of an environment is not mended, history is not guessed",
    "GITHUB_ACTIONS": "GitHub runs it: annotations are written",
    "GITHUB_STEP_SUMMARY": "file of the step's summary",
    "GITHUB_OUTPUT": "file of the step's outputs, for `greenlane matrix --github`",
    "GITHUB_WORKSPACE": "folder that paths of annotations are relative to",
    "NO_COLOR": "no colours",
    "FORCE_COLOR": "colours without a terminal; passed on to lanes",
    "TERM": "`dumb` for a terminal that cannot move its cursor",
    "PATH": "where programs are looked for; a lane has its own",
    "HOME": "of the caller; a lane has its own",
    "TMPDIR": "where temporary folders are made; a lane has its own",
    "XDG_RUNTIME_DIR": "where sockets of the user's services are, which a lane does not see",
    "UV_LINK_MODE": "how uv links files; installations see all names that begin with `UV_`, `PIP_` or `SSL_CERT_`",
    "DOCKER_HOST": "engine of the docker backend, as are `DOCKER_CONTEXT`, `DOCKER_CONFIG` and those of its TLS",
    "PYTEST_XDIST_WORKER": "xdist's name of a worker of the lane",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "of the `env` of a lane: pytest loads only plugins that are named",
}
"""What belongs to the system, to pytest and to GitHub."""

GIVEN = {
    "GREENLANE_CONTRACT": "path of what the plugin is to do in this lane",
    "GREENLANE_CHANNEL": "address by which a lane that is searched for polluters takes orders",
    "GREENLANE_INSTANCE_ID": "identity that a service may answer, so that its lane knows it",
}
"""What the harness gives to the processes that it starts."""


def shown(default: Any) -> str:
    """Return a default as somebody would write it."""
    if default is None or default == "" or default == () or default == frozenset():
        return ""
    if isinstance(default, bool):
        return "on" if default else "off"
    return (
        f"`{','.join(default)}`"
        if isinstance(default, tuple)
        else f"`{default:g}`"
        if isinstance(default, float)
        else f"`{default}`"
    )


def rows(entries: Iterable[tuple[Iterable[str], str, str]]) -> Iterator[str]:
    """Yield a table of names, default and meaning."""
    yield from ("", "| name | default | meaning |", "|---|---|---|")
    for names, default, meaning in entries:
        yield f"| {', '.join(f'`{name}`' for name in names)} | {default} | {meaning} |".replace("||", "\\|\\|")


def gateway() -> Iterator[tuple[Iterable[str], str, str]]:
    """Yield what the gateway reads."""
    yield from ((names, "", meaning) for names, meaning in OTHER_VARIABLES.items())
    yield from declared(Settings)


def declared(record: type) -> Iterator[tuple[Iterable[str], str, str]]:
    """Yield the options of a record."""
    for option in fields(record):
        if names := option.metadata.get("names"):
            secret = " (a secret)" if option.metadata["secret"] else ""
            yield names, shown(option.default), option.metadata["means"] + secret


def harness() -> Iterator[tuple[Iterable[str], str, str]]:
    """Yield what the harness reads, with the names that this project's configuration gives."""
    configuration = load(ROOT, {}).configuration
    yield from (((known.name,), "", known.meaning) for known in variables(configuration, {}))
    for name, provider in configuration.providers.items():
        yield from (((secret,), "", f"of provider {name} (a secret)") for secret in provider.secrets)
    yield (configuration.quarantine.token,), "", "opens issues for entries of the quarantine (a secret)"


def environment() -> str:
    """Return the page."""
    interceptor = ((names, "", meaning) for names, _, meaning in declared(InterceptorSettings))
    lines = [HEAD, "## The gateway", *rows(gateway()), "", "## The interceptor", *rows(interceptor)]
    told = "Names of lanes, base, router and services are those of this repository; other projects have their own."
    lines += ["", "## The harness", "", told, *rows(harness())]
    lines += ["", "## What the harness gives to what it starts", *rows(((n,), "", m) for n, m in GIVEN.items())]
    lines += ["", "## Of the system", *rows(((n,), "", m) for n, m in SYSTEM.items())]
    return "\n".join(lines) + "\n"

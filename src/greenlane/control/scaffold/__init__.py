"""Files that a project starts with; the templates lie beside this module."""

from __future__ import annotations

from pathlib import Path

from greenlane.model.configuration import Configuration

WORKFLOW = ".github/workflows/readiness.yml"


def workflow(configuration: Configuration, nox: str, python: str) -> str:
    """Return the workflow of a project, for GitHub Actions.

    Args:
        configuration: its release lanes say which secrets the live job gets.
        nox: the words before the names of nox sessions, as `uvx nox -s`.
        python: version that decides, as `3.11`.
    """
    providers = [name for lane in configuration.lanes.values() for name in lane.providers]
    secrets = dict.fromkeys(secret for name in providers for secret in configuration.providers[name].secrets)
    lines = [f"          {secret}: ${{{{ secrets.{secret} }}}}" for secret in secrets]
    text = template("readiness.yml").replace("@NOX@", nox).replace("@PYTHON@", python)
    return text.replace("@SECRETS@\n", "".join(f"{line}\n" for line in lines))


def template(name: str) -> str:
    """Return a template by its file name."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")

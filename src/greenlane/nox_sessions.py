"""Lanes as nox sessions. A project's `noxfile.py` needs three lines:

from greenlane.nox_sessions import register_lanes

register_lanes(__file__)
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import nox

from greenlane.cli.main import DECIDING, guarded
from greenlane.config.lanes import Lane, LaneKind
from greenlane.config.load import load
from greenlane.config.names import aliases
from greenlane.errors import EXIT_NOT_READY, EXIT_READY, GreenlaneError

SUMMARIES = {
    LaneKind.DETERMINISTIC: "hermetic tests: no network, no skips",
    LaneKind.NONDETERMINISTIC: "tests on real local infrastructure; `-- SHARD…` for some shards only",
    LaneKind.RELEASE: "live providers, only with LIVE_PROVIDERS=1 and their secrets",
}


def register_lanes(noxfile: str) -> None:
    """Register a session for each lane of a project, and `ready`, `verdict` and `lock`.

    Sessions do not use nox's own environments: a verdict needs several, each exclusive and proved against its lock.

    Args:
        noxfile: `__file__` of the `noxfile.py`; `pyproject.toml` lies beside it.
    """
    project = Path(noxfile).resolve().parent
    lanes, others = _declared(project)
    for name, declared in lanes.items():
        _register(name, _summary(declared), _lane_session(name, project))
    for alias, names in others.items():
        one = len(names) == 1
        session = _lane_session(names[0], project) if one else _each(names)
        _register(alias, f"another name of {names[0]}" if one else f"each of {', '.join(names)}", session)
    _register(
        "ready", "the main job: run what a policy needs and decide, READY or NOT READY", _control("ready", project)
    )
    _register(
        "verdict",
        "merge evidence made here or elsewhere into one verdict, without running anything",
        _control("verdict", project),
    )
    _register("greenlane", "any command of the console script: `-- doctor`, `-- --help`", _control("", project))
    _register("lock", "compile the lane locks; `-- --check` only looks", _lock(project))


def _declared(project: Path) -> tuple[Mapping[str, Lane], dict[str, tuple[str, ...]]]:
    """Return the lanes that the file declares, and the lanes of each alias that means nothing else.

    What the caller exports is looked at by the sessions that need it: a list of sessions is printed whatever it is.
    """
    deciding = set(DECIDING).intersection(sys.argv)
    try:
        with _no_old_verdict(project) if deciding else nullcontext():
            configuration = load(project, {}).configuration
    except GreenlaneError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        raise SystemExit(error.exit_code) from error
    lanes = configuration.lanes
    return lanes, {alias: names for alias, names in aliases(configuration).items() if lanes.keys() >= set(names)}


def _no_old_verdict(project: Path, lane: str = "") -> AbstractContextManager[None]:
    """See `greenlane.cli.old_verdict.no_old_verdict`; who only lists sessions imports nothing of what runs them."""
    from greenlane.cli.old_verdict import no_old_verdict

    return no_old_verdict(project, lane)


def _summary(declared: Lane) -> str:
    """Return the one line that `nox -l` shows for a lane."""
    shards = f" [{', '.join(declared.shards)}]" if declared.shards else ""
    return f"{SUMMARIES[declared.kind]}{shards}"


def _register(name: str, summary: str, session: Callable[[nox.Session], None]) -> None:
    """Make a function a nox session."""
    session.__doc__ = summary
    session.__name__ = name
    nox.session(name=name, venv_backend="none")(session)


def _end(session: nox.Session, code: int) -> None:
    """End a session: red is an ordinary failure of it; anything else has an exit code of its own."""
    if code == EXIT_NOT_READY:
        session.error(f"{session.name} is not green")
    elif code != EXIT_READY:
        raise SystemExit(code)


def _parse(
    command: str, declare: Callable[[argparse.ArgumentParser], None], words: Sequence[str]
) -> argparse.Namespace:
    """Return a command's arguments as the command line would give them."""
    from greenlane.cli.parser import Parser

    parser = Parser(prog=f"nox -s {command} --", advice="options of pytest go into PYTEST_ADDOPTS")
    declare(parser)
    return parser.parse_args(words)


def _lane_session(name: str, project: Path) -> Callable[[nox.Session], None]:
    """Return the session of one lane."""

    def session(session: nox.Session) -> None:
        from greenlane.cli import lane
        from greenlane.run.planning import named_queue

        with _no_old_verdict(project, name):
            arguments = _parse(name, lane.add_options, session.posargs)
        arguments.lane, arguments.project = name, str(project)
        if named_queue(arguments.queue, os.environ):
            # A queue is in a database, whose libraries are in the control environment.
            _control("lane", project, name)(session)
        else:
            _end(session, guarded(lambda: lane.run(arguments, os.environ)))

    return session


def _each(names: Sequence[str]) -> Callable[[nox.Session], None]:
    """Return the session of a name that several lanes have: theirs follow, with the same words, and each counts."""

    def session(session: nox.Session) -> None:
        for name in names:
            session.notify(name, session.posargs)

    return session


def _lock(project: Path) -> Callable[[nox.Session], None]:
    """Return the session that compiles locks."""

    def session(session: nox.Session) -> None:
        from greenlane.cli import lock

        arguments = _parse("lock", lock.add_arguments, session.posargs)
        arguments.project = str(project)
        _end(session, guarded(lambda: lock.run(arguments, os.environ)))

    return session


def _control(command: str, project: Path, *fixed: str) -> Callable[[nox.Session], None]:
    """Return the session of a command that decides: it runs in the control environment, where every report is.

    Args:
        command: its name; empty when the user names it.
        project: its folder; fixed: words before the user's own.
    """

    def session(session: nox.Session) -> None:
        from greenlane.cli.context import print_line
        from greenlane.config.context import Context
        from greenlane.environment.control_environment import control_environment
        from greenlane.util.launch import run_child

        def use() -> int:
            with _no_old_verdict(project) if command in DECIDING else nullcontext():
                control = control_environment(Context(load(project, os.environ), os.environ, print_line))
            words = [command, *fixed, *session.posargs] if command else list(session.posargs)
            where = ["--project", str(project)] if words and not words[0].startswith("-") else []
            program = [control.python, "-P", "-s", "-m", "greenlane"]
            return run_child([*program, *words[:1], *where, *words[1:]], os.environ)

        _end(session, guarded(use))

    return session

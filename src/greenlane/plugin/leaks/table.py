"""The table of watchers: one row for each kind of state. A new kind is a file in `watchers/` and a row here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from greenlane.plugin.leaks.change import Change, Watcher
from greenlane.plugin.leaks.context import Context
from greenlane.plugin.leaks.namespaces import Spaces
from greenlane.plugin.leaks.watchers import (
    attributes,
    children,
    containers,
    environment,
    files,
    import_path,
    locales,
    log,
    loop_policy,
    meta_path,
    modules,
    ports,
    signals,
    socket_timeout,
    tasks,
    threads,
    umask,
    warning_filters,
    working_directory,
)

Poll = Callable[[], Sequence[Change]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of state.

    Attributes:
        name: of the watcher, as in `leaks.levels` and `leaks.allow`.
        make: builds the watcher; advice: what to write instead, where the watcher does not know better.
        between: whether pytest and common plugins change it between two tests (their catch_warnings, their timers).
            The others are asked there only where the project has hooks of its own that run then.
    """

    name: str
    make: Callable[[Context, Spaces], Watcher]
    advice: str
    between: bool = False


def _alone(make: Callable[[Context], Watcher]) -> Callable[[Context, Spaces], Watcher]:
    """Return a maker for a watcher that modules do not matter to."""
    return lambda context, _spaces: make(context)


KINDS: tuple[Kind, ...] = (
    # First, for the others ask it what was imported.
    Kind("modules", _alone(modules.Modules), "use monkeypatch.setitem(sys.modules, …), which undoes itself"),
    Kind("attributes", attributes.Attributes, "use monkeypatch.setattr(…), which undoes itself"),
    Kind("containers", containers.Containers, "use monkeypatch.setitem(…), which undoes itself"),
    Kind("environ", _alone(environment.Variables), "use monkeypatch.setenv(…), which undoes itself"),
    Kind("sys.path", _alone(import_path.make), "use monkeypatch.syspath_prepend(…), which undoes itself"),
    Kind("sys.meta_path", _alone(meta_path.make), "remove the finder in the tear-down of a fixture"),
    Kind("cwd", _alone(working_directory.make), "use monkeypatch.chdir(…), which undoes itself"),
    Kind("umask", _alone(umask.make), "set what os.umask(…) returned again, in the tear-down of a fixture"),
    Kind("logging", _alone(log.Loggers), "undo it in the tear-down of a fixture, or use caplog"),
    Kind("warnings", _alone(warning_filters.make), "use `with warnings.catch_warnings():`, which undoes itself", True),
    Kind("signals", _alone(signals.Signals), "set the former handler again in the tear-down of a fixture", True),
    Kind("locale", _alone(locales.make), "set the former locale again in the tear-down of a fixture"),
    Kind("socket timeout", _alone(socket_timeout.make), "pass a timeout to the connection instead"),
    Kind("loop policy", _alone(loop_policy.make), "run the test's loop with asyncio.Runner(loop_factory=…) instead"),
    Kind(
        "threads", _alone(threads.Threads), "tell the thread to end, and join it, in the tear-down of a fixture", True
    ),
    Kind(
        "processes", _alone(children.Children), "terminate the process and wait for it, in the tear-down of a fixture"
    ),
    Kind("tasks", _alone(tasks.Tasks), "await the task, or cancel it and await it, before the loop is left"),
    Kind("ports", _alone(ports.Ports), "close the server in the tear-down of a fixture"),
    Kind("files", _alone(files.Files), "write to tmp_path instead"),
)
"""Every kind of state that is watched, in the order of asking."""

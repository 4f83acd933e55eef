"""Imports modules once, then forks a worker for each order: a program that `client` starts by its path.

A worker finds what one that was spawned would find after these imports: modules, rewritten assertions, no thread, no
guard. It is a process of its own, which ends as an interpreter does.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module, metadata
from pathlib import Path
from types import FrameType
from typing import Any

STREAMS = (0, 1, 2)


@contextmanager
def rewriting() -> Iterator[None]:
    """Import as a pytest process does, which rewrites the assertions of plugins.

    pytest warns of a plugin's distribution that is imported when it begins and was not rewritten, and many libraries
    are one (anyio, hypothesis, greenlane itself).
    """
    from _pytest.assertion import install_importhook
    from _pytest.config import get_config

    config = get_config()
    hook = install_importhook(config)
    config._mark_plugins_for_rewrite(hook, disable_autoload=False)
    try:
        yield
    finally:
        sys.meta_path.remove(hook)


def import_all(names: Sequence[str], filters: Sequence[str]) -> tuple[str, list[str]]:
    """Import modules under the project's filters of warnings; return why that failed, and what to tell the user."""
    from _pytest.config import parse_warning_filter

    notes: list[str] = []
    _import_plugins()
    with warnings.catch_warnings():
        for text in filters:
            warnings.filterwarnings(*parse_warning_filter(text, escape=False))
        for name in names:
            native = _native_threads()
            try:
                import_module(name)
            except (Exception, SystemExit) as error:  # noqa: BLE001  foreign code: whatever it is, it is told by name
                traceback.print_exc()
                return f"{name} cannot be imported: {type(error).__name__}: {error}", notes
            started = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
            if started:
                why = f"{name} starts threads when it is imported ({', '.join(started)})"
                return f"{why}, and no fork has them: leave it out of preload", notes
            if (more := _native_threads() - native) > 0:
                notes.append(f"importing {name} started {more} threads of compiled code, which no worker has")
    return "", notes


def _import_plugins() -> None:
    """Import what every worker imports before anything else: what is registered in a lane, and pytest's plugins."""
    for name in ("greenlane.plugin.install", "greenlane.plugin.leaks.guard", "xdist.remote"):
        import_module(name)
    if os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        return
    for plugin in metadata.entry_points(group="pytest11"):
        # What is wrong with it is told by the worker that needs it, if any does.
        with suppress(Exception):
            import_module(plugin.module)


def _native_threads() -> int:
    """Return how many threads the kernel knows of this process; 0 where it does not tell."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


class Kept:
    """Takes what the network guard writes while modules are imported: the controller has the journal."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def write(self, kind: type[Any], **fields: Any) -> None:
        """Keep an event, by the name of its kind."""
        self.events.append((kind.__name__, fields))


def guarded_imports(order: dict[str, Any]) -> dict[str, Any]:
    """Import what is ordered as the lane would, on its loopback; return what the controller is told."""
    import msgspec

    from greenlane.evidence.contract import Contract
    from greenlane.plugin.network.hermetic import HermeticGuard

    contract = msgspec.json.decode(Path(order["contract"]).read_bytes(), type=Contract)
    kept = Kept()
    guard = None if contract.network else HermeticGuard(contract, kept, "preload")
    if guard is not None:
        guard.start()
    try:
        failure, notes = import_all(order["names"], order["filters"])
    finally:
        if guard is not None:
            guard.close()
    return {"failure": failure, "notes": notes, "events": kept.events}


class ForkServer:
    """Forks workers, and tells how each ends.

    Args:
        end: of the controller's orders.
        before: the environment before the imports, of which a worker keeps what these changed.
    """

    def __init__(self, end: socket.socket, before: Mapping[str, str]) -> None:
        self._end = end
        self._before = before
        self._workers: dict[int, int] = {}
        self._children = signal.signal(signal.SIGCHLD, self._reap)
        # Whoever is at the keyboard means the tests; this process ends with its controller.
        self._interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)

    def serve(self) -> str:
        """Fork for each order. Return, in a fork, the program that it is to run; here, empty when nobody orders."""
        from greenlane.plugin.preload.wire import receive

        while True:
            order, descriptors = receive(self._end)
            if order is None:
                return ""
            if "kill" in order:
                # Only one that was not reaped yet: its number cannot be another's.
                if order["kill"] in self._workers:
                    os.kill(order["kill"], signal.SIGKILL)
                continue
            if self._fork(descriptors):
                _become(order, descriptors, self._before)
                return str(order["program"])

    def _fork(self, descriptors: Sequence[int]) -> bool:
        """Fork, and return whether this is the fork."""
        *streams, end = descriptors
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        # The end of a worker is told when its number is known.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        try:
            number = os.fork()
            if not number:
                self._leave()
                os.close(end)
                return True
            self._workers[number] = end
            _tell(end, str(number))
        except OSError as error:
            _tell(end, f"the worker could not be forked: {error.strerror}")
            os.close(end)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        for stream in streams:
            os.close(stream)
        return False

    def _leave(self) -> None:
        """Let a fork have nothing of what is the server's."""
        signal.signal(signal.SIGCHLD, self._children or signal.SIG_DFL)
        signal.signal(signal.SIGINT, self._interrupt or signal.default_int_handler)
        self._end.close()
        for end in self._workers.values():
            os.close(end)
        self._workers.clear()

    def _reap(self, _number: int, _frame: FrameType | None) -> None:
        """Tell how workers ended, and of no other child."""
        for number in list(self._workers):
            ended, status = os.waitpid(number, os.WNOHANG)
            if ended:
                end = self._workers.pop(number)
                _tell(end, str(os.waitstatus_to_exitcode(status)))
                os.close(end)


def _tell(descriptor: int, text: str) -> None:
    """Write a line; a controller that is gone hears nothing."""
    with suppress(BrokenPipeError):
        os.write(descriptor, text.encode() + b"\n")


def _become(order: dict[str, Any], descriptors: Sequence[int], before: Mapping[str, str]) -> None:
    """Be the process that the controller would have spawned, after the imports.

    Args:
        order: what is asked; descriptors: of its streams.
        before: the environment before the imports.
    """
    for stream, descriptor in zip(STREAMS, descriptors, strict=False):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115  lives as long as the process
    os.chdir(order["cwd"])
    environment = as_after_imports(order["environment"], before, dict(os.environ))
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["-c"]


def as_after_imports(wanted: Mapping[str, str], before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with what imports changed, save where it says something of its own.

    Args:
        wanted: that the controller gives; before, after: of the process that imported.
    """
    changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    own = {name for name in changed if wanted.get(name) == before.get(name)}
    kept = {name: value for name, value in wanted.items() if name not in own}
    return {**kept, **{name: after[name] for name in own if name in after}}


def main(descriptor: int, order: dict[str, Any]) -> str:
    """Import, then fork; return, in a fork, the program that it is to run."""
    end = socket.socket(fileno=descriptor)
    sys.path[:] = order["path"]
    before = dict(os.environ)
    with rewriting():
        answer = guarded_imports(order)
    from greenlane.plugin.preload.wire import send

    send(end, answer)
    return "" if answer["failure"] else ForkServer(end, before).serve()


if __name__ == "__main__":
    # Out of every frame of ours: a worker ends as its interpreter does, with all that is registered for that.
    if program := main(int(sys.argv[1]), json.loads(sys.argv[2])):
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(program, sys.modules["__main__"].__dict__)

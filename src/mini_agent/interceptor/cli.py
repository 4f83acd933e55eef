"""`mini-agent intercept …`: run a project's interceptor and look after the port registry (GATEWAY 10.3)."""

from __future__ import annotations

import argparse
import errno
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mini_agent.core.errors import ConfigError, MiniAgentError

if TYPE_CHECKING:
    from mini_agent.interceptor.port_registry import PortRegistry
    from mini_agent.interceptor.settings import InterceptorSettings

_OK = 0
_FAILED = 1
#: How often `run` looks for a port that is still free when it is bound.
_ATTEMPTS = 10

_EXAMPLES = """examples:
  mini-agent intercept run                          a proxy for this folder, in front of http://127.0.0.1:8788
  mini-agent intercept run --target http://host:80  the same in front of another gateway
  mini-agent intercept list --json                  every project and its port
  mini-agent intercept remove --stale --dry-run     which projects have lost their folder
"""

Arguments = argparse.Namespace
Environ = Mapping[str, str]


class Serve(Protocol):
    """Runs an ASGI application: the server belongs to the floor above."""

    def __call__(self, app: Any, host: str, port: int, announce: Callable[[str], None]) -> int:
        """Serve until a signal.

        announce: called with the address once it accepts. Returns: the exit code. Raises: OSError if it cannot bind.
        """


def add_commands(commands: Any, serve: Serve) -> None:
    """Add `intercept` and its actions to the subparsers of the program. serve: how `run` serves."""
    intercept = commands.add_parser(
        "intercept",
        help="a proxy for one project that adds its identity",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # Or `--port` of `run` would be taken for an ambiguous `--port-min`.
    )
    intercept.add_argument("--port-min", type=_REAL_PORT, metavar="N", help="first port to give away (default 8888)")
    intercept.add_argument("--port-max", type=_REAL_PORT, metavar="N", help="last port to give away (default 9999)")
    intercept.add_argument("--registry", type=Path, metavar="FILE", help="the file that remembers the ports")
    intercept.set_defaults(run=lambda _arguments, _environ: _print_help(intercept))
    actions = intercept.add_subparsers(dest="action", metavar="ACTION")
    run = actions.add_parser("run", help="run the interceptor of the current folder")
    run.add_argument("--host", help="address to bind (default 127.0.0.1)")
    run.add_argument("--port", type=PORT, metavar="N", help="port to bind, 0 for a free one (default: its own)")
    run.add_argument("--target", type=_URL, metavar="URL", help="the gateway (default http://127.0.0.1:8788)")
    run.set_defaults(run=lambda arguments, environ: _run(arguments, environ, serve))
    listing = actions.add_parser("list", help="print every project and its port")
    listing.add_argument("--json", action="store_true", help="with the facts about the registry, for scripts")
    listing.set_defaults(run=_list)
    for name, action, text in (
        ("show", _show, "print the port of a project"),
        ("allocate", _allocate, "print the port of a project, giving it one if need be"),
        ("remove", _remove, "forget a project"),
    ):
        parser = actions.add_parser(name, help=text)
        parser.add_argument("path", nargs="?", default=".", help="its folder (default: the current one)")
        parser.set_defaults(run=action)
        if name == "remove":
            parser.add_argument("--stale", action="store_true", help="every project whose folder is gone, instead")
            parser.add_argument("--dry-run", action="store_true", help="say what would be forgotten, change nothing")
    check = actions.add_parser("check", help="exit 0 if a port is free, else 1")
    check.add_argument("port", type=_REAL_PORT, metavar="PORT")
    check.set_defaults(run=_check)
    reset = actions.add_parser("reset", help="forget all projects")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    reset.add_argument("--dry-run", action="store_true", help="say what would be forgotten, change nothing")
    reset.set_defaults(run=_reset)


def _run(arguments: Arguments, environ: Environ, serve: Serve) -> int:
    from mini_agent.interceptor.app import create_interceptor

    settings = _settings(arguments, environ)
    if settings.host not in ("127.0.0.1", "::1", "localhost"):
        _warn(f"{settings.host} is open to other machines; whoever reaches it speaks as {settings.instance_id}")

    def announce(address: str) -> None:
        print(f"mini-agent interceptor listening on {address}", flush=True)
        print(f"target {settings.target}, user {settings.instance_id}", flush=True)

    for port in _ports(settings):
        _refuse_loop(settings, port)
        _refuse_taken(settings, port)
        try:
            return serve(create_interceptor(settings), settings.host, port, announce)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise MiniAgentError(f"every port tried on {settings.host} was taken a moment later; try again")


def _ports(settings: InterceptorSettings) -> Iterator[int]:
    """Yield the port that was asked for, or the registry's.

    Somebody else may take a port between a look at it and the bind. The registry then knows another one.
    """
    if settings.port is not None:
        yield settings.port
        return
    registry = _registry(settings)
    for _ in range(_ATTEMPTS):
        yield registry.get_or_allocate_port(settings.project)


def _refuse_loop(settings: InterceptorSettings, port: int) -> None:
    from urllib.parse import urlsplit

    target = urlsplit(settings.target)
    own = {settings.host, "127.0.0.1", "localhost", "::1"}
    if target.hostname in own and (target.port or 80) == port:
        raise ConfigError(
            f"target {settings.target}: it is this interceptor itself; give the gateway's address with --target, "
            "MEMORY_PROXY_URL, TARGET_LLM_URL or MINI_AGENT_API_BASE, or another --port"
        )


def _refuse_taken(settings: InterceptorSettings, port: int) -> None:
    from mini_agent.interceptor.port_probe import is_bindable, project_on

    if port == 0 or is_bindable(settings.host, port):
        return
    if project_on(settings.host, port) == settings.project:
        raise MiniAgentError(f"the interceptor of {settings.project} already runs on port {port}")
    raise MiniAgentError(f"port {port} is in use on {settings.host}; choose another one with --port")


def _list(arguments: Arguments, environ: Environ) -> int:
    registry = _sound_registry(arguments, environ)
    mappings = registry.list_mappings()
    if arguments.json:
        print(json.dumps({**registry.get_info(), "mappings": mappings}, indent=2, ensure_ascii=False))
        return _OK
    for path, port in sorted(mappings.items(), key=lambda item: item[1]):
        print(f"{port}  {path}")
    if not mappings:
        print(f"no projects in {registry.get_info()['registry_file']}")
    return _OK


def _show(arguments: Arguments, environ: Environ) -> int:
    port = _sound_registry(arguments, environ).get_port(arguments.path)
    if port is None:
        return _failed(f"{arguments.path}: no port; `mini-agent intercept allocate` gives it one")
    print(port)
    return _OK


def _allocate(arguments: Arguments, environ: Environ) -> int:
    print(_registry(_settings(arguments, environ)).get_or_allocate_port(arguments.path))
    return _OK


def _remove(arguments: Arguments, environ: Environ) -> int:
    registry = _registry(_settings(arguments, environ))
    if arguments.stale:
        paths = registry.stale() if arguments.dry_run else registry.remove_stale()
        for path in paths:
            print(path)
        return _OK
    known = (
        registry.get_port(arguments.path) is not None if arguments.dry_run else registry.remove_mapping(arguments.path)
    )
    return _OK if known else _failed(f"{arguments.path}: not in the registry")


def _check(arguments: Arguments, environ: Environ) -> int:
    free = _registry(_settings(arguments, environ)).is_port_available(arguments.port)
    print(f"port {arguments.port} is {'free' if free else 'in use'}")
    return _OK if free else _FAILED


def _reset(arguments: Arguments, environ: Environ) -> int:
    registry = _sound_registry(arguments, environ)
    count, file = len(registry.list_mappings()), registry.get_info()["registry_file"]
    if arguments.dry_run:
        print(f"would forget {count} projects in {file}")
        return _OK
    if not arguments.yes and not _agreed(f"forget {count} projects in {file}? [y/N] "):
        return _failed("nothing changed; answer y, or give --yes")
    print(f"{registry.reset()} projects forgotten")
    return _OK


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _settings(arguments: Arguments, environ: Environ) -> InterceptorSettings:
    from mini_agent.interceptor.settings import load_interceptor_settings

    names = ("port_min", "port_max", "registry", "host", "port", "target")
    # The port of `check` is not the one that is listened on.
    given = {name: getattr(arguments, name, None) for name in names if arguments.action == "run" or name != "port"}
    return load_interceptor_settings(environ, given)


def _registry(settings: InterceptorSettings) -> PortRegistry:
    from mini_agent.interceptor.port_registry import PortRegistry

    def tell(reason: str, backup: Path) -> None:
        _warn(f"the port registry was unusable: {reason}; a new one was begun, the old one is kept as {backup}")

    return PortRegistry(settings.registry, port_range=settings.port_range, host=settings.host, on_backup=tell)


def _sound_registry(arguments: Arguments, environ: Environ) -> PortRegistry:
    """Returns: the registry, after a warning when its file cannot be used."""
    registry = _registry(_settings(arguments, environ))
    if fault := registry.find_fault():
        _warn(f"{fault}; it counts as empty, and the next change puts it aside")
    return registry


def _parsed_by(name: str) -> Callable[[str], Any]:
    """Returns: what reads an argument as `parsers` does. name: of the parser, which is imported only then."""

    def parse(text: str) -> Any:
        from mini_agent.settings import parsers

        try:
            return getattr(parsers, name)(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


PORT, _REAL_PORT, _URL = map(_parsed_by, ("port", "real_port", "http_url"))


def _print_help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return _FAILED


def _failed(text: str) -> int:
    _warn(text)
    return _FAILED


def _warn(text: str) -> None:
    print(f"mini-agent: {text}", file=sys.stderr)

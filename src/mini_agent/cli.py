"""The command line: `mini-agent serve`, `mini-agent config schema|check`, `mini-agent intercept …`."""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mini_agent import __version__
from mini_agent.core.errors import ConfigError, MiniAgentError
from mini_agent.interceptor.cli import PORT, add_commands

_OK = 0
_FAILED = 1
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run a command.

    argv: arguments without the program name; environ: the environment; None means the process's own.
    Returns: exit code 0, 1 (operation failed), 2 (usage or configuration error) or 130 (Ctrl-C).
    """
    parsed = command_parser().parse_args(argv)
    environment = os.environ if environ is None else environ
    try:
        code: int = parsed.run(parsed, environment)
    except MiniAgentError as error:
        prefix = "CONFIG_ERROR: " if isinstance(error, ConfigError) else ""
        for line in str(error).splitlines() or [type(error).__name__]:
            print(f"{prefix}{line}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        hint = "; --port 0 takes a free one" if error.errno == errno.EADDRINUSE else ""
        print(f"mini-agent: {error.strerror or error}{place}{hint}", file=sys.stderr)
        return _FAILED
    return code


_EXAMPLES = """examples:
  mini-agent serve                                       at http://127.0.0.1:8788, with ./mini_agent.yaml if it is there
  MINI_AGENT_ALLOW_DUMMY=1 mini-agent serve              without any provider: the model `dummy` answers
  mini-agent config check --config mini_agent.yaml       is the file valid, before it is used
  mini-agent intercept run                               a proxy for this folder that adds its identity

Every variable of the environment is in docs/environment.md, every key of the file in `mini-agent config schema`.
"""
_SERVE_EXAMPLES = """examples:
  mini-agent serve --config mini_agent.yaml --port 0      a free port; the first line says which
  mini-agent serve --host 0.0.0.0                         for others, too: needs MINI_AGENT_MASTER_KEY
  mini-agent serve --mode forward --with-litellm          LiteLLM beside it, from an environment of its own

A flag is stronger than its variable (in brackets), a variable than the file. Once it answers, it prints one line:
mini-agent listening on http://127.0.0.1:8788
"""
_CONFIG_EXAMPLES = """examples:
  mini-agent config check --config mini_agent.yaml --resolve    are all variables set that the file refers to
  mini-agent config schema --out mini_agent.schema.json         for an editor that knows JSON Schema
"""


def command_parser() -> argparse.ArgumentParser:
    """Returns: the grammar of the command line."""
    parser = argparse.ArgumentParser(
        prog="mini-agent", description="An agent gateway for clients of OpenAI's and Anthropic's protocols.",
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"mini-agent {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(_with_examples(commands, "serve", "run the gateway", _SERVE_EXAMPLES))
    config = _with_examples(commands, "config", "look at the configuration", _CONFIG_EXAMPLES)
    actions = config.add_subparsers(dest="action", required=True, metavar="ACTION")
    schema = actions.add_parser("schema", help="print the JSON Schema of the YAML file")
    schema.add_argument("--out", metavar="FILE", help="write it there instead")
    schema.set_defaults(run=_config_schema)
    check = actions.add_parser("check", help="validate the YAML file")
    check.add_argument("--config", metavar="FILE", help="as of `serve`")
    check.add_argument("--resolve", action="store_true", help="also resolve every os.environ/ reference")
    check.add_argument("--require-group", metavar="NAME", help="fail unless this group is configured")
    check.set_defaults(run=_config_check)
    add_commands(commands, _serve_interceptor)
    return parser


def _with_examples(commands: Any, name: str, text: str, examples: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return made


def _add_serve(serve: argparse.ArgumentParser) -> None:
    """Declare the options of `serve`, each with the variable that says the same."""
    serve.add_argument(
        "--config", metavar="FILE", help="YAML file, by default ./mini_agent.yaml if it is there [MINI_AGENT_CONFIG]"
    )
    serve.add_argument("--host", help="address to bind, by default 127.0.0.1 [MINI_AGENT_API_HOST]")
    serve.add_argument(
        "--port",
        type=PORT,
        metavar="N",
        help="port to bind, 0 for a free one, by default 8788 [MINI_AGENT_API_PORT]",
    )
    serve.add_argument(
        "--mode", choices=("sdk", "forward"), help="how models are reached, by default sdk [MINI_AGENT_PROVIDER_MODE]"
    )
    serve.add_argument(
        "--with-litellm", nargs="?", const="", metavar="PROGRAM",
        help="forward mode: start LiteLLM from an environment of its own, and keep it alive [MINI_AGENT_LITELLM]",
    )  # fmt: skip
    serve.add_argument(
        "--allow-open", action="store_true", default=None, help="serve others without a key [MINI_AGENT_ALLOW_OPEN]"
    )
    serve.set_defaults(run=_serve)


def _serve(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from mini_agent.serve import serve

    return serve(arguments, environ)


def _serve_interceptor(app: Any, host: str, port: int, announce: Callable[[str], None]) -> int:
    from mini_agent.serve import serve_interceptor

    return serve_interceptor(app, host, port, announce)


def _config_schema(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> int:
    from mini_agent.settings.schema import GatewayConfig

    text = json.dumps(GatewayConfig.model_json_schema(), indent=2) + "\n"
    if arguments.out:
        Path(arguments.out).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return _OK


def _config_check(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from mini_agent.settings.check import check_config

    print(check_config(arguments.config, environ, resolve=arguments.resolve, group=arguments.require_group))
    return _OK

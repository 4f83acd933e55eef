"""`greenlane completion SHELL`: the script that completes commands and options in a shell."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from greenlane.cli.context import print_line
from greenlane.errors import EXIT_READY, ConfigError

HELP = "Print the script that completes commands and options in bash, zsh or tcsh."
EXAMPLES = """\
  greenlane completion bash > ~/.local/share/bash-completion/completions/greenlane
  greenlane completion zsh > ~/.zfunc/_greenlane"""
SHELLS = ("bash", "zsh", "tcsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("shell", choices=SHELLS, help="the shell that reads the script")


def run(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> int:
    """Print the script.

    Raises:
        ConfigError: the library that writes it is not installed.
    """
    # The grammar is made of every command, this one among them.
    from greenlane.cli.main import parser

    try:
        import shtab
    except ImportError as error:
        raise ConfigError("shtab is not installed", "pip install shtab") from error
    print_line(shtab.complete(parser(), arguments.shell).removesuffix("\n"))
    return EXIT_READY

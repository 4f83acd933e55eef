"""The `greenlane` command: one file per command, each parses plain values, calls one use case, returns a code."""

from greenlane.cli.main import main

__all__ = ["main"]

"""What a caller may say of a suite that is adopted or surveyed."""

from __future__ import annotations

import argparse
import re

from greenlane.adopt.survey import Workers
from greenlane.adopt.tox import Installed

LOWEST = 11
"""Lanes run on Python 3.11 and later, as the harness does."""


def add_needs(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say what tests need."""
    for option, metavar, what in (
        ("--requirements", "FILE|REQUIREMENT", "file of requirements, or a requirement, that the tests need"),
        ("--group", "NAME", "dependency group that the tests need"),
        ("--extra", "NAME", "extra of the project that the tests need"),
    ):
        parser.add_argument(option, action="append", default=[], metavar=metavar, help=f"{what}; may be repeated")
    parser.add_argument(
        "--python", type=_python, default="", metavar="VERSION", help="Python of the lanes (default: that of nox)"
    )


def asked_of(arguments: argparse.Namespace) -> Installed:
    """Return what the caller says that tests need."""
    return Installed(
        source="as you asked", extras=tuple(arguments.extra), groups=tuple(arguments.group),
        requirements=tuple(arguments.requirements),
    )  # fmt: skip


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Declare the option that says how tests are spread."""
    parser.add_argument(
        "--workers", type=_workers, metavar="N|auto",
        help="processes that tests are spread over after the first run, if they end the same so; 0 for never"
        " (default: one per core where a run takes more than a minute)",
    )  # fmt: skip


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Declare the option that repeats a random order."""
    parser.add_argument("--seed", type=int, help="seed of the random order (default: the time of day)")


def _python(text: str) -> str:
    """Return a version of Python that lanes can run on; nothing for that of nox.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    parts = re.fullmatch(r"3\.(\d+)", text)
    if not text or (parts and int(parts[1]) >= LOWEST):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is not a version of Python that lanes run on, 3.{LOWEST} or later")


def _workers(text: str) -> Workers:
    """Return a number of workers.

    Raises:
        argparse.ArgumentTypeError: it is neither a number nor `auto`.
    """
    if text == "auto" or text.isdecimal():
        return text if text == "auto" else int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor auto")

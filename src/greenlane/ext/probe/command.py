"""`greenlane probe URL`: any gateway's readiness in one command."""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from greenlane.cli.context import print_answer, print_line
from greenlane.errors import EXIT_READY, UsageError
from greenlane.evidence.violation import Violation
from greenlane.ext.probe.asked import LATENCY, Asked, Limit, Target
from greenlane.ext.probe.discovery import discovered, planned
from greenlane.ext.probe.grade import Grade, as_json
from greenlane.ext.probe.run import probe
from greenlane.ext.probe.show import dry, lines, summary, targets_line
from greenlane.ext.probe.values import Dialect, Profile
from greenlane.ext.probe.wire import Budget, Wire

HELP = "Ask an LLM endpoint what clients take for granted; one verdict: READY, READY WITH LIMITS or NOT READY."
EXAMPLES = (
    "  greenlane probe http://127.0.0.1:8080\n"
    "  greenlane probe http://127.0.0.1:8080 --dialect chat --model m --profile agent --allow-limits\n"
    "  greenlane probe https://llm.example.com --key-env LLM_KEY --budget 20000,120,200 --dry-run"
)
FIGURES = ("first", "between", "whole")
SHARE = 0.8
"""Share of the samples of a check that must pass."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("url", metavar="URL", help="base address of the endpoint, with or without /v1")
    parser.add_argument(
        "--dialect", action="append", default=[], choices=[one.value for one in Dialect],
        help="ask in this dialect, and fail when it is not served; may be repeated (default: all that are served)",
    )  # fmt: skip
    parser.add_argument("--model", default="", help="model that is asked (default: found in /v1/models)")
    parser.add_argument("--key-env", default="", metavar="NAME", help="environment variable that holds the key")
    parser.add_argument(
        "--profile", choices=[one.value for one in Profile],
        help="what it must be ready for (default: everything is asked, only `basic` must hold)",
    )  # fmt: skip
    parser.add_argument(
        "--samples", type=int, default=5, metavar="N", help="runs of what depends on chance (default: 5)"
    )
    parser.add_argument(
        "--budget", default="", metavar="TOKENS,SECONDS,CALLS", help="what it may cost (default: 200000,300,1000)"
    )
    parser.add_argument(
        "--bound", action="append", default=[], metavar="NAME=SECONDS",
        help=f"most seconds of a figure: {', '.join(FIGURES)}; without it figures are only told",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, help="of everything that is drawn (default: drawn and recorded)")
    parser.add_argument("--out", default=".greenlane/probe", metavar="DIR", help="folder of evidence and reports")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument("--summary", action="store_true", help="print one line for a README")
    parser.add_argument("--allow-limits", action="store_true", help="end with 0 for READY WITH LIMITS, too")
    parser.add_argument("--dry-run", action="store_true", help="print the calls that would be made, and make none")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Probe; 0 ready, 1 not ready or limits that are not allowed, 2 for usage."""
    asked = _asked(arguments, environ)
    dialects, quiet = [Dialect(name) for name in arguments.dialect], arguments.json or arguments.summary
    if arguments.dry_run:
        for line in dry(_planned(asked, dialects, arguments.model), planned(dialects, arguments.model)):
            print_line(line)
        return EXIT_READY
    folder = (Path(arguments.project) / arguments.out).resolve()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {arguments.out} is a file", "name a folder, which is made")
    say = partial(print, file=sys.stderr, flush=True) if quiet else print_line
    key = environ.get(asked.key_env, "") if asked.key_env else ""
    wire = Wire(asked.url, key, Budget(asked.limit.tokens, asked.limit.seconds, asked.limit.calls), asked.patience)
    try:
        targets, left_out = discovered(wire, dialects, arguments.model)
    finally:
        wire.close()
    asked = _with_targets(asked, targets)
    if asked.bounds and not any(check.name == LATENCY for _, check in asked.checks()):
        served = ", ".join(target.dialect.value for target in targets)
        raise UsageError(f"--bound judges conversations, and none is asked ({served})", "leave --bound out")
    for line in (*left_out, targets_line(asked)):
        say(line)
    verdict, made, written = probe(folder, asked, environ, say, limits_allowed=arguments.allow_limits)
    say("reports: " + ", ".join(str(path.relative_to(folder)) for path in written) + f" in {folder}")
    if arguments.summary:
        print_line(summary(made))
    else:
        print_answer(arguments, as_json(made), _printed(made, verdict.violations))
    return verdict.exit_code


def _printed(made: Grade, violations: Sequence[Violation]) -> list[str]:
    """Return the lines of a probe; what is red beside its checks comes first."""
    own = [violation for violation in violations if "[" not in violation.subject]
    return [*(f"{v.code.value} {v.message}" for v in own), *lines(made)]


def _asked(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Asked:
    """Return what the options ask for.

    Raises:
        UsageError: an option is wrong.
    """
    url = arguments.url.rstrip("/")
    try:
        parts = urlsplit(url)
        possible = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # of the port, or of brackets
        possible = False
    if not possible:
        raise UsageError(f"{arguments.url!r} is no address", "write http://host:port or https://host")
    if parts.username or parts.query or parts.fragment:
        raise UsageError("the address carries a password, a query or a fragment", "give a key with --key-env")
    if arguments.key_env and not environ.get(arguments.key_env, "").strip():
        raise UsageError(f"{arguments.key_env} is not set", "export the key under this name")
    if not 1 <= arguments.samples <= 100:
        raise UsageError(f"--samples {arguments.samples}: a number from 1 to 100 is needed")
    profile = Profile(arguments.profile) if arguments.profile else None
    return Asked(
        url=url, key_env=arguments.key_env, targets=(), profile=profile or Profile.FULL,
        needed=profile or Profile.BASIC, samples=arguments.samples, at_least=math.ceil(SHARE * arguments.samples),
        limit=_limit(arguments.budget), bounds=_bounds(arguments.bound),
        seed=arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1, 2**31),
    )  # fmt: skip


def _limit(text: str) -> Limit:
    """Return the budget that a text says.

    Raises:
        UsageError: it is none.
    """
    if not text:
        return Limit()
    words = text.split(",")
    try:
        tokens, seconds, calls = int(words[0]), float(words[1]), int(words[2])
    except (ValueError, IndexError):
        raise UsageError(f"--budget {text}: TOKENS,SECONDS,CALLS is needed, such as 20000,120,200") from None
    if len(words) != 3 or tokens < 1 or calls < 1 or not (math.isfinite(seconds) and seconds > 0):
        raise UsageError(f"--budget {text}: three numbers above 0 are needed, such as 20000,120,200")
    return Limit(tokens, seconds, calls)


def _bounds(words: list[str]) -> dict[str, float]:
    """Return bounds by name.

    Raises:
        UsageError: a name is not known, or a bound is no number.
    """
    made = {}
    for word in words:
        name, _, text = word.partition("=")
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if name not in FIGURES or not 0 < seconds < math.inf:
            raise UsageError(f"--bound {word}: NAME=SECONDS is needed; names: {', '.join(FIGURES)}")
        made[name] = seconds
    return made


def _planned(asked: Asked, dialects: list[Dialect], model: str) -> Asked:
    """Return what would be asked if everything were served."""
    targets = tuple(Target(dialect, model or "MODEL") for dialect in dialects or tuple(Dialect))
    return _with_targets(asked, targets)


def _with_targets(asked: Asked, targets: tuple[Target, ...]) -> Asked:
    return msgspec.structs.replace(asked, targets=targets)

"""The reference pages of the documentation, made from the code: `python tests/support/reference.py` renews them.

A test holds the committed pages to what this makes.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from greenlane.cli.main import command, own_commands  # noqa: E402  the checkout's own, whatever is installed
from greenlane.config.changes import Checklist  # noqa: E402
from greenlane.config.lanes import Lane, LaneKind  # noqa: E402
from greenlane.config.load import DERIVED, NAMED  # noqa: E402
from greenlane.config.schema import Configuration  # noqa: E402
from greenlane.config.variables import variables  # noqa: E402
from greenlane.evidence.evidence import RECORD_SCHEMA, LaneRecord  # noqa: E402
from greenlane.evidence.verdict import VERDICT_SCHEMA, Verdict  # noqa: E402
from greenlane.evidence.violation import EXPLANATIONS  # noqa: E402
from greenlane.sharding.plan import PLAN_SCHEMA, PlanFile  # noqa: E402
from support.reference_agent_run import agent_run  # noqa: E402
from support.reference_dialects import dialects  # noqa: E402
from support.reference_environment import environment as environment_page  # noqa: E402

MADE = "<!-- Made from the code by tests/support/reference.py. -->\n"
EXIT_CODES = {
    0: "ready, or done",
    1: "not ready, or something is missing",
    2: "configuration or usage",
    3: "an error of greenlane itself; a line says where its log is",
    130: "interrupted",
}


def described(kind: type) -> dict[str, str]:
    """Return the meaning of each attribute of a class, from its docstring."""
    text = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", text, re.MULTILINE)
    return {name: " ".join(meaning.split()) for name, meaning in entries}


def shown(default: object) -> str:
    """Return a default as TOML, or what stands for none."""
    if default is msgspec.NODEFAULT:
        return "required"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, (tuple, list)):
        words = ", ".join(f'"{word}"' for word in default)
        return f"`[{words}]`" if default else "none"
    if isinstance(default, str):
        return f"`{default}`" if default else "none"
    if isinstance(default, (int, float)):
        return f"`{default:g}`"
    return "none"


def cell(text: str) -> str:
    """Return text for a cell of a table."""
    return text.replace("|", "\\|")


def table(kind: type[msgspec.Struct], hidden: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the table of a section's keys.

    Raises:
        ValueError: an attribute has no meaning in the docstring of its class.
    """
    meanings = described(kind)
    yield from ("| key | default | meaning |", "|---|---|---|")
    for field in msgspec.structs.fields(kind):
        if field.name in hidden:
            continue
        if field.name not in meanings:
            raise ValueError(f"{kind.__name__}.{field.name} is not described in the docstring of its class")
        default = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        yield f"| `{field.name}` | {cell(shown(default))} | {cell(meanings[field.name])} |"


def nested(kind: type[msgspec.Struct]) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Yield the tables within a table: key and class."""
    for name, hint in get_type_hints(kind).items():
        for part in (hint, *get_args(hint)):
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                yield name, part


def tables() -> dict[str, list[str]]:
    """Return the table of every section of the configuration, by its heading."""
    made: dict[str, list[str]] = {}
    hints = get_type_hints(Configuration)
    for field in msgspec.structs.fields(Configuration):
        kind: Any = NAMED.get(field.name, hints[field.name])
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            title = f"`{field.name}.<name>`" if field.name in NAMED else f"`{field.name}`"
            made[title] = list(table(kind, DERIVED if field.name == "lanes" else ()))
            made |= {f"{title[:-1]}.{key}`": list(table(inner)) for key, inner in nested(kind)}
    meanings = described(Configuration)
    single = [field for field in msgspec.structs.fields(Configuration) if isinstance(field.default, str | tuple)]
    rows = [f"| `{field.name}` | {shown(field.default)} | {meanings[field.name]} |" for field in single]
    made["Environment"] = environment()
    made["`tool.greenlane`"] = ["| key | default | meaning |", "|---|---|---|", *rows]
    return made


def configuration() -> str:
    """Return the page of the configuration: its prose as it is, its tables from the code.

    Raises:
        ValueError: the page has no heading for a section.
    """
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for title, rows in tables().items():
        heading = re.compile(rf"^(###? {re.escape(title)}\n(?s:.*?))(?:^\|.*\n)+", re.MULTILINE)
        found = heading.search(text)
        if not found:
            raise ValueError(f"docs/configuration.md has no heading {title} with a table")
        text = text[: found.end(1)] + "".join(f"{row}\n" for row in rows) + text[found.end() :]
    return text


def environment() -> list[str]:
    """Return the table of the names that the harness reads, with those of two lanes and the default sections."""
    lanes = {name: Lane(kind=LaneKind.NONDETERMINISTIC, tests=(), name=name) for name in ("core", "nd")}
    rows = [f"| `{v.name}` | {cell(v.meaning)} |" for v in variables(Configuration(lanes=lanes), {})]
    return ["| name | meaning |", "|---|---|", *rows]


def codes() -> str:
    """Return the page of the codes."""
    rows = [f"| `{code.value}` | {known.meaning} | {known.next_step} |" for code, known in EXPLANATIONS.items()]
    exits = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    head = """\
# Codes

Why a verdict is red: each violation has one of these codes, a sentence of its own, and the next step.
"""
    tail = ["", "## Exit codes", "", "Of every command and session.", "", "| code | meaning |", "|---|---|", *exits]
    return "\n".join([MADE + head, "| code | when | next step |", "|---|---|---|", *rows, *tail]) + "\n"


def option(action: argparse.Action) -> str:
    """Return an option as it is typed."""
    words = ", ".join(action.option_strings) or str(action.metavar or action.dest)
    value = "" if action.nargs == 0 or not action.option_strings else f" {action.metavar or action.dest.upper()}"
    if action.choices and not isinstance(action.choices, dict):
        value = f" {{{','.join(map(str, action.choices))}}}"
    return f"`{words}{value}`"


def parsers(name: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield a command, and the commands within it."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner, made in action.choices.items():
                yield from parsers(f"{name} {inner}", made)


def commands() -> str:
    """Return the page of the commands."""
    lines = [
        MADE + "# Commands\n",
        "`nox` runs lanes: `nox -s core`, `nox -s nd -- shard_b`, `nox -s ready -- --policy deploy`, `nox -s lock`.",
        "Everything else is a command of `greenlane`; `nox -s greenlane -- COMMAND` runs it where it is not installed.",
        "Each takes `--project DIR`, the folder of `pyproject.toml`, and `--help`.",
    ]
    for name in own_commands():
        known = command(name)
        top = argparse.ArgumentParser(prog=name)
        known.add_arguments(top)
        lines += [f"\n## `greenlane {name}`\n", known.HELP, "", "```console"]
        lines += [f"$ {line.strip()}" for line in textwrap.dedent(known.EXAMPLES).splitlines()] + ["```"]
        for called, parser in parsers(name, top):
            actions = [a for a in parser._actions if a.help and not isinstance(a, argparse._HelpAction)]
            rows = [f"| {cell(option(a))} | {cell(str(a.help) % {'default': a.default})} |" for a in actions
                    if not isinstance(a, argparse._SubParsersAction)]  # fmt: skip
            if called != name:
                lines += [f"\n### `greenlane {called}`\n", parser.description or ""]
            lines += ["", "| option | meaning |", "|---|---|", *rows] if rows else []
    return "\n".join(lines) + "\n"


SCHEMAS: dict[str, tuple[type[msgspec.Struct], int]] = {
    "Verdict: `.artifacts/verdict.json`": (Verdict, VERDICT_SCHEMA),
    "Lane record: `.artifacts/<lane>[/<shard>]/lane.json`": (LaneRecord, RECORD_SCHEMA),
    "Shard plan: `greenlane plan --out FILE`": (PlanFile, PLAN_SCHEMA),
    "Checklist: `greenlane changes --json`": (Checklist, Checklist(base="", files=0).schema),
}
"""Files that programs read, what they hold, and the version of it."""


def schemas() -> str:
    """Return the page of the files that programs read."""
    lines = [
        MADE + "# Schemas\n",
        "Files for programs, each with its version in `schema`; a file of another version is refused. The JSON Schema",
        "of the verdict is `greenlane/report/verdict.schema.json` in the package; `mini-agent config schema` prints",
        "that of the gateway's configuration. JUnit and CTRF follow their own published schemas.",
    ]
    for title, (kind, version) in SCHEMAS.items():
        meanings = described(kind)
        fields = [field.name for field in msgspec.structs.fields(kind)]
        rows = [f"| `{name}` | {cell(meanings.get(name, ''))} |" for name in fields]
        lines += [f"\n## {title}\n", f"Version {version}.\n", "| key | meaning |", "|---|---|", *rows]
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "docs/dialects.md": lambda: MADE + dialects(),
    "docs/configuration.md": configuration,
    "docs/codes.md": codes,
    "docs/commands.md": commands,
    "docs/schemas.md": schemas,
    "docs/environment.md": lambda: MADE + environment_page(),
    "docs/agent-run.md": lambda: MADE + agent_run(),
}
"""What makes each page."""


def main() -> None:
    """Write every page."""
    for path, make in PAGES.items():
        (ROOT / path).write_text(make(), encoding="utf-8")
        print(f"written: {path}")


if __name__ == "__main__":
    main()

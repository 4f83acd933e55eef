"""Reads YAML as it is written: each value with its line and its own words, so that a finding can point at it.

As a program (`python -m greenlane.environment.yaml_lines FILE`) it prints the tree as JSON, or the mistake, exit 2.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from greenlane.config.context import Context
from greenlane.environment.control_environment import control_environment
from greenlane.environment.yaml_file import answered_by, as_config_error, main, read_text
from greenlane.errors import ConfigError

LARGEST = 100_000
"""Values that a file may have after its aliases are followed."""

_TAGS = "tag:yaml.org,2002:"


class Node(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value of a YAML file.

    Attributes:
        line: where it begins, from 1; for a block of text, its first line.
        kind: `str`, `int`, `float`, `bool`, `null`, another YAML type, `list` or `table`.
        text: of a scalar, as it is written, without quotes.
        items: of a list; pairs: keys and values of a table, a key that is there twice twice.
    """

    line: int
    kind: str
    text: str = ""
    items: tuple[Node, ...] = ()
    pairs: tuple[tuple[Node, Node], ...] = ()


def read_nodes(path: Path, context: Context) -> Node:
    """Return the content of a YAML file; where YAML is not installed, the control environment reads it.

    Args:
        context: of the project, whose control environment reads where this one cannot.

    Raises:
        ConfigError: the file cannot be read, is no YAML, is nested too deeply or refers to itself.
    """
    text = read_text(path)
    if importlib.util.find_spec("yaml") is not None:
        return nodes(text, str(path))
    python = control_environment(context).python
    text = answered_by(python, "greenlane.environment.yaml_lines", path, context.environ)
    return msgspec.json.decode(text, type=Node)


def nodes(text: str, name: str) -> Node:
    """Return YAML text as a tree; an empty text is a null.

    Args:
        text: of the file; name: of the file, for the message.

    Raises:
        ConfigError: it is no YAML, is nested too deeply or refers to itself.
    """
    import yaml

    count = iter(range(LARGEST))

    def built(node: Any) -> Node:
        if next(count, None) is None:
            raise ConfigError(f"{name}: it has more than {LARGEST} values, or refers to itself")
        line = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            return Node(line=line, kind="list", items=tuple(map(built, node.value)))
        if isinstance(node, yaml.MappingNode):
            return Node(line=line, kind="table", pairs=tuple((built(k), built(v)) for k, v in _merged(node)))
        # A lone surrogate, which YAML can spell, has no place in any file that is written.
        own = node.value.encode("utf-8", "replace").decode("utf-8")
        return Node(line=line + (node.style in ("|", ">")), kind=node.tag.removeprefix(_TAGS), text=own)

    try:
        root = yaml.compose(text, yaml.SafeLoader)
        return built(root) if root is not None else Node(line=1, kind="null")
    except yaml.YAMLError as error:
        raise as_config_error(error, name) from error
    except RecursionError as error:
        raise ConfigError(f"{name}: it is nested too deeply, or refers to itself") from error


def _merged(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the pairs of a mapping, those of `<<` after its own and only where it has none."""
    own = [(key, value) for key, value in node.value if key.tag != f"{_TAGS}merge"]
    yield from own
    seen = {key.value for key, _ in own if isinstance(key.value, str)}
    for key, value in node.value:
        if key.tag == f"{_TAGS}merge":
            for source in value.value if value.id == "sequence" else [value]:
                inherited = list(_merged(source)) if source.id == "mapping" else []
                inherited = [(k, v) for k, v in inherited if k.id == "scalar" and k.value not in seen]
                yield from inherited
                seen.update(k.value for k, _ in inherited)


def _tree(text: str, name: str) -> str:
    """Return the tree of a YAML text as JSON."""
    return msgspec.json.encode(nodes(text, name)).decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], _tree))

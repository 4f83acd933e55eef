"""`os.environ/NAME` references inside configuration values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mini_agent.core.errors import ConfigError

PREFIX = "os.environ/"


class UnsetReference(ConfigError):
    """A referenced environment variable is not set. name: the variable; key_path: where it is referenced."""

    def __init__(self, name: str, key_path: str) -> None:
        super().__init__(f"environment variable '{name}' is not set (referenced by {key_path})")
        self.name = name
        self.key_path = key_path


def is_reference(value: object) -> bool:
    """Returns: whether the value is a string of the form `os.environ/NAME`."""
    return isinstance(value, str) and value.startswith(PREFIX) and len(value) > len(PREFIX)


def find_references(value: object, key_path: str) -> Iterator[tuple[str, str]]:
    """Walk a configuration tree.

    Returns: (key path, variable name) of every reference in it, in document order.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from find_references(item, f"{key_path}.{key}" if key_path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from find_references(item, f"{key_path}.{index}")
    elif isinstance(value, str) and is_reference(value):
        yield key_path, value[len(PREFIX) :]


def resolve_references(value: object, environ: Mapping[str, str], key_path: str = "") -> object:
    """Copy a configuration tree with every reference replaced by its variable. `environ` is only read.

    Returns: the copy.
    Raises: UnsetReference for the first variable that is unset or empty.
    """
    if isinstance(value, Mapping):
        return {
            key: resolve_references(item, environ, f"{key_path}.{key}" if key_path else str(key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [resolve_references(item, environ, f"{key_path}.{index}") for index, item in enumerate(value)]
    if isinstance(value, str) and is_reference(value):
        name = value[len(PREFIX) :]
        found = environ.get(name)
        if not found:
            raise UnsetReference(name, key_path)
        return found
    return value

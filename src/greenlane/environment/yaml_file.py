"""Reads YAML where it is installed, and otherwise in the control environment, which has it.

As a program (`python -m greenlane.environment.yaml_file FILE`) it prints the content as JSON, or the mistake, exit 2.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from greenlane.config.context import Context
from greenlane.environment.control_environment import NAME, control_environment
from greenlane.environment.drift import MANIFEST
from greenlane.environment.installers import python_of
from greenlane.environment.variables import install_environment
from greenlane.errors import EXIT_CONFIG, EXIT_READY, ConfigError, GreenlaneError


def read_yaml(path: Path, context: Context, *, build: bool = True) -> Any:
    """Return the content of a YAML file as plain data.

    Args:
        context: of the project, whose control environment reads where this one cannot.
        build: whether that may be built for it.

    Raises:
        ConfigError: the file cannot be read, is no YAML, or has a key twice.
    """
    text = read_text(path)
    if importlib.util.find_spec("yaml") is not None:
        return parse(text, str(path))
    built = context.settings.root / context.settings.configuration.environments / NAME
    if not build and not (built / MANIFEST).exists():
        raise GreenlaneError(f"{path}: YAML is not installed here; `nox -s greenlane -- doctor` can read it")
    python = control_environment(context).python if build else str(python_of(built))
    return read_there(python, path, context.environ)


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", "name a file that is there and can be read") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error


def read_there(python: str, path: Path, environ: Mapping[str, str]) -> Any:
    """Return the content of a YAML file as another interpreter reads it, which has YAML and this package.

    Raises:
        ConfigError: the file is no YAML, or has a key twice.
        GreenlaneError: the interpreter failed.
    """
    return json.loads(answered_by(python, "greenlane.environment.yaml_file", path, environ))


def answered_by(python: str, module: str, path: Path, environ: Mapping[str, str]) -> str:
    """Return what a module of ours prints about a YAML file in another interpreter, which has YAML and this package.

    Raises:
        ConfigError: the file is no YAML that the module takes.
        GreenlaneError: the interpreter failed.
    """
    command = [python, "-P", "-s", "-m", module, str(path)]
    done = subprocess.run(command, env=install_environment(environ), capture_output=True, text=True, check=False)
    if done.returncode == EXIT_CONFIG:
        raise ConfigError(done.stderr.strip())
    if done.returncode != EXIT_READY:
        raise GreenlaneError(f"{path} could not be read in the control environment", detail=done.stderr)
    return done.stdout


def parse(text: str, name: str) -> Any:
    """Return YAML text as plain data.

    Args:
        text: of the file; name: of the file, for the message.

    Raises:
        ConfigError: it is no YAML, or a mapping has a key twice: the first of the two would be lost without a word.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """Refuses what `safe_load` would drop."""

    def mapping(loader: Loader, node: yaml.MappingNode) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                message = f"the key {key.value!r} is there twice"
                raise yaml.constructor.ConstructorError(None, None, message, key.start_mark)
            seen.add(str(key.value))
        return loader.construct_mapping(node, deep=True)

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise as_config_error(error, name) from error
    except RecursionError as error:
        raise ConfigError(f"{name}: it is nested too deeply") from error


def as_config_error(error: Any, name: str) -> ConfigError:
    """Return a mistake of YAML in one line, with its place in the file when it is known."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return ConfigError(f"{name}: {' '.join(str(error).split())}")
    return ConfigError(f"{name}:{mark.line + 1}: {error.problem}")


def _content(text: str, name: str) -> str:
    """Return the content of a YAML text as JSON."""
    return json.dumps(parse(text, name), default=str)


def main(words: list[str], as_json: Callable[[str, str], str] = _content) -> int:
    """Print what a file holds as JSON; 2 when it is no YAML.

    Args:
        words: of the command line: the file; as_json: makes JSON of its text and name.
    """
    try:
        print(as_json(read_text(Path(words[0])), words[0]))
    except ConfigError as error:
        print(error.message, file=sys.stderr)
        return EXIT_CONFIG
    return EXIT_READY


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

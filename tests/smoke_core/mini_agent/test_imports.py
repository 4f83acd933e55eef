"""Importing is free of side effects, and rooms are entered downwards only."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import mini_agent
from support.gateway import inherited

ROOT = Path(mini_agent.__file__).parent

#: Room of each top-level part, and of `ports`, which every room may see: it names the outside and imports nothing.
ROOMS = {
    "__init__": 0,
    "errors": 0,
    "model": 0,
    "ports": 0,
    "logs": 0,
    "settings": 1,
    "agent": 1,
    "memory": 1,
    "tools": 2,
    "providers": 2,
    "retrieval": 2,
    # Beside the floors: it sees room 0 and itself.
    "interceptor": 1,
    "http": 3,
    "app": 4,
    "server": 5,
    "cli": 5,
    "__main__": 5,
}

PROBE = """
import importlib, json, pkgutil, sys
import mini_agent
seen = []
def watch(event, arguments):
    if event in ("socket.__new__", "socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen"):
        seen.append(event)
    elif event == "open" and isinstance(arguments[0], str):
        path = arguments[0]
        code = path.endswith((".py", ".pyc", ".so", ".zip")) or "__pycache__" in path
        if not code and not path.startswith((sys.prefix, sys.base_prefix)):
            seen.append(path)
sys.addaudithook(watch)
for module in pkgutil.walk_packages(mini_agent.__path__, "mini_agent."):
    if module.name != "mini_agent.__main__":
        importlib.import_module(module.name)
import threading
print(json.dumps({
    "seen": seen,
    "heavy": [name for name in ("litellm", "mcp", "openai", "greenlane") if name in sys.modules],
    "threads": threading.active_count(),
}))
"""


def test_every_module_imports_without_side_effects() -> None:
    """Importing all modules opens no socket and no file, starts no thread, and loads neither litellm nor mcp."""
    result = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, env=inherited(), timeout=60, check=True
    )
    assert json.loads(result.stdout) == {"seen": [], "heavy": [], "threads": 1}


def _sources() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def _part(dotted: str) -> str:
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@pytest.mark.parametrize("path", _sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_modules_import_their_own_room_or_lower(path: Path) -> None:
    """No module reaches up, into the harness, or from `providers` outside into litellm."""
    relative = path.relative_to(ROOT)
    room = ROOMS[relative.parts[0].removesuffix(".py")]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [node.module or ""]
        for name in names:
            assert name.split(".")[0] != "greenlane"
            if name.split(".")[0] == "litellm":
                assert relative.parts[0] == "providers"
            if name.split(".")[0] == "mini_agent":
                assert ROOMS[_part(name)] <= room, f"{relative} imports {name}"


@pytest.mark.parametrize("path", _sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_modules_stay_small(path: Path) -> None:
    """No module above 400 lines, no function above 40."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 45, f"{node.name} is too long"

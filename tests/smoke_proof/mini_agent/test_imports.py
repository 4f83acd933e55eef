"""Importing is free of side effects. Which room may import which is `nox -s arch`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import mini_agent
from support.gateway import inherited

ROOT = Path(mini_agent.__file__).parent

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
        [sys.executable, "-c", PROBE], capture_output=True, text=True, env=inherited(), timeout=150, check=True
    )
    assert json.loads(result.stdout) == {"seen": [], "heavy": [], "threads": 1}

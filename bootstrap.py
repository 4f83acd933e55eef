#!/usr/bin/env python3
"""Runs a nox session on a machine with Python 3.11 or later and nothing else: `python3 bootstrap.py ready`.

It makes one environment with nox and uv from `locks/nox.txt`, hashes required, and becomes `nox -s WORDS…` there.
Standard library only.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "locks" / "nox.txt"
LOCATION = ROOT / ".nox" / "bootstrap"
STAMP = LOCATION / "lock.sha256"
LOWEST = (3, 11)
USAGE = """usage: python3 bootstrap.py SESSION… [-- WORDS…]

examples:
  python3 bootstrap.py ready
  python3 bootstrap.py core
  python3 bootstrap.py nd -- shard_b
  python3 bootstrap.py --list"""


def build(digest: str) -> None:
    """Make the environment anew; the stamp is written last, so that half of one is never used."""
    print(f"bootstrap: installing nox and uv from {LOCK.relative_to(ROOT)}", flush=True)
    shutil.rmtree(LOCATION, ignore_errors=True)
    venv.create(LOCATION, with_pip=True)
    command = [python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([*command, "-r", str(LOCK)], env=environment, check=False)
    if done.returncode:
        sys.exit(f"bootstrap: pip ended with exit status {done.returncode}; see its message above")
    STAMP.write_text(digest)


def python() -> str:
    """Return the interpreter of the environment."""
    return str(LOCATION / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def main(words: list[str]) -> None:
    """Become nox."""
    if sys.version_info < LOWEST:
        sys.exit(f"bootstrap: Python {LOWEST[0]}.{LOWEST[1]} or later is needed, this is {sys.version.split()[0]}")
    if not words or words[0] in ("-h", "--help"):
        sys.exit(USAGE if not words else print(USAGE))
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest() + sys.version
    if not STAMP.exists() or STAMP.read_text() != digest:
        build(digest)
    sessions = words if words[0].startswith("-") else ["-s", *words]
    command = [python(), "-m", "nox", "--noxfile", str(ROOT / "noxfile.py"), *sessions]
    # nox would otherwise make an environment of its own for the noxfile, from no lock.
    environment = {**os.environ, "NOX_SCRIPT_MODE": "none"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if os.name == "nt":
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)
    os.execve(command[0], command, environment)


if __name__ == "__main__":
    main(sys.argv[1:])

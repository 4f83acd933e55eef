#!/usr/bin/env python3
"""Runs a nox session on a machine with Python 3.11 or later and nothing else: `python3 bootstrap.py ready`.

It makes one environment with nox and uv from `locks/nox.txt`, hashes required, and becomes `nox -s WORDS…` there.
Standard library only.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from itertools import takewhile
from pathlib import Path
from typing import NoReturn

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
        fail(f"pip ended with exit status {done.returncode}; see its message above")
    STAMP.write_text(digest)


def fail(message: str, next_step: str = "") -> NoReturn:
    """Say what is wrong, and end with the exit code of a mistake of the user's or the machine's."""
    print(f"CONFIG_ERROR: bootstrap: {message}", file=sys.stderr)
    if next_step:
        print(f"  next: {next_step}", file=sys.stderr)
    sys.exit(2)


def check_sessions(nox: list[str], words: list[str], environment: dict[str, str]) -> None:
    """Refuse a session that the noxfile does not have; nox itself would end with the code of an internal error."""
    wished = list(takewhile(lambda word: not word.startswith("-"), words))
    done = subprocess.run([*nox, "--list"], env=environment, capture_output=True, text=True, check=False)
    known = re.findall(r"^[*-] (\S+)", done.stdout, re.MULTILINE)
    unknown = [word for word in wished if word not in known]
    # A noxfile that cannot be read says so itself, when nox is run.
    if unknown and done.returncode == 0:
        fail(f"no session {', '.join(map(repr, unknown))}; known: {', '.join(known)}", "python3 bootstrap.py --list")


def python() -> str:
    """Return the interpreter of the environment."""
    return str(LOCATION / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def main(words: list[str]) -> None:
    """Become nox."""
    if sys.version_info < LOWEST:
        fail(f"Python {LOWEST[0]}.{LOWEST[1]} or later is needed, this is {sys.version.split()[0]}")
    if not words:
        fail(f"no session is named\n{USAGE}")
    if words[0] in ("-h", "--help"):
        print(USAGE)
        return
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest() + sys.version
    if not STAMP.exists() or STAMP.read_text() != digest:
        build(digest)
    nox = [python(), "-m", "nox", "--noxfile", str(ROOT / "noxfile.py")]
    # nox would otherwise make an environment of its own for the noxfile, from no lock.
    environment = {**os.environ, "NOX_SCRIPT_MODE": "none"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if not words[0].startswith("-"):
        check_sessions(nox, words, environment)
        words = ["-s", *words]
    command = [*nox, *words]
    if os.name == "nt":
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)
    os.execve(command[0], command, environment)


if __name__ == "__main__":
    main(sys.argv[1:])

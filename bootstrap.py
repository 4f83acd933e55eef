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
from itertools import takewhile
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "locks" / "nox.txt"
LOCATION = ROOT / ".nox" / "bootstrap"
STAMP = LOCATION / "lock.sha256"
LOWEST = (3, 11)
INSIDE = "--inside-the-environment"
NOX_FAILED = 3
"""Exit status of nox for whatever it cannot begin."""
USAGE = """usage: python3 bootstrap.py SESSION… [-- WORDS…]

examples:
  python3 bootstrap.py ready
  python3 bootstrap.py core
  python3 bootstrap.py nd -- shard_b
  python3 bootstrap.py --list"""


def build(digest: str) -> None:
    """Make the environment anew; the stamp is written last, so that half of one is never used."""
    import venv

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


def run_nox(words: list[str]) -> None:
    """Be nox, inside the environment. A session that the noxfile does not have is a mistake, no internal error."""
    from nox import registry
    from nox.__main__ import main as nox_main

    named = [] if words[0].startswith("-") else ["-s"]
    sys.argv = ["nox", "--noxfile", str(ROOT / "noxfile.py"), *named, *words]
    try:
        nox_main()
    except SystemExit as end:
        known = registry.get()
        wished = list(takewhile(lambda word: not word.startswith("-"), words))
        unknown = [word for word in wished if word not in known]
        # A noxfile that cannot be read has said so itself, and registered nothing.
        if end.code == NOX_FAILED and unknown and known:
            shown = ", ".join(map(repr, unknown))
            fail(f"no session {shown}; known: {', '.join(known)}", "python3 bootstrap.py --list")
        raise


def python() -> str:
    """Return the interpreter of the environment."""
    return str(LOCATION / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def main(words: list[str]) -> None:
    """Become nox."""
    if sys.version_info < LOWEST:
        fail(f"Python {LOWEST[0]}.{LOWEST[1]} or later is needed, this is {sys.version.split()[0]}")
    if words[:1] == [INSIDE]:
        run_nox(words[1:])
        return
    if not words:
        fail(f"no session is named\n{USAGE}")
    if words[0] in ("-h", "--help"):
        print(USAGE)
        return
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest() + sys.version
    if not STAMP.exists() or STAMP.read_text() != digest:
        build(digest)
    # nox would otherwise make an environment of its own for the noxfile, from no lock.
    environment = {**os.environ, "NOX_SCRIPT_MODE": "none"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [python(), str(ROOT / "bootstrap.py"), INSIDE, *words]
    if os.name == "nt":
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)
    os.execve(command[0], command, environment)


if __name__ == "__main__":
    main(sys.argv[1:])

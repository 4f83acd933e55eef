"""A stand-in for the docker client, with an engine that has a container `box` and those that `docker run` names.

`docker exec` runs a process of this machine. `docker run --detach` only remembers the name, any other `docker run` ends
as `$DOCKER_CONFIG/engine` says: without that file well, otherwise with 1 and its text.

Like the real one it runs the command where the client's signals do not reach: in a session of its own, with none of
the client's environment but what `--env` names. It logs its arguments to `$DOCKER_CONFIG/calls`.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path


def install(folder: Path) -> Path:
    """Make an executable of this file. Returns: its path."""
    executable = folder / "docker"
    executable.write_text(f"#!{sys.executable} -IS\n{Path(__file__).read_text(encoding='utf-8')}", encoding="utf-8")
    executable.chmod(executable.stat().st_mode | stat.S_IXUSR)
    return executable


def main(argv: list[str]) -> int:
    """Run one command. Returns: its exit status, 125 for arguments it does not know."""
    home = Path(os.environ["DOCKER_CONFIG"])
    with (home / "calls").open("a", encoding="utf-8") as log:
        log.write(json.dumps(argv) + "\n")
    if (home / "engine").exists():
        sys.stderr.write((home / "engine").read_text(encoding="utf-8"))
        return 1
    containers = home / "containers"
    containers.mkdir(exist_ok=True)
    if argv[:1] == ["run"]:
        if "--detach" in argv:
            (containers / argv[argv.index("--name") + 1]).touch()
        return 0
    if argv[:1] in (["version"], ["pull"]) or argv[:2] == ["image", "inspect"]:
        missing = argv[0] != "version" and (home / "no-image").exists()
        sys.stderr.write("Error response from daemon\nno route to the registry\n" if missing else "")
        return int(missing)
    if argv[:1] == ["inspect"]:
        print(str((containers / argv[-1]).exists()).lower())
        return 0
    if argv[:2] == ["rm", "--force"]:
        (containers / argv[2]).unlink()
        return 0
    return execute(argv, {"box", *(path.name for path in containers.iterdir())})


def execute(argv: list[str], containers: set[str]) -> int:
    """Run `docker exec`. Returns: the exit status of the command, 125 for arguments it does not know."""
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    rest = argv[1:]
    stdin: int | None = subprocess.DEVNULL
    while rest and rest[0].startswith("--"):
        option = rest.pop(0)
        if option == "--env":
            name, _, value = rest.pop(0).partition("=")
            env[name] = value
        elif option == "--interactive":
            stdin = None
        else:
            return 125
    if argv[:1] != ["exec"] or rest.pop(0) not in containers:
        sys.stderr.write("Error: No such container\n")
        return 1
    return subprocess.run(rest, env=env, stdin=stdin, start_new_session=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

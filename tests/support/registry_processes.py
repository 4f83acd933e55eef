"""Many processes on one port registry: `python registry_processes.py race|kill FILE`. Prints what happened as JSON.

One interpreter imports the registry and forks the others, so that a hundred of them cost no hundred starts.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
from pathlib import Path
from typing import Any

from mini_agent.interceptor.port_registry import PortRegistry

PROCESSES, PROJECTS, KILLS = 32, 200, 100
#: Most allocations a process may finish, and most seconds after them, before it is killed.
MOST_ANSWERS, MOST_S = 2, 0.004


def race(file: str) -> dict[str, Any]:
    """Let all processes ask at once, each project asked for by two. Returns: every answer."""
    start, begin = os.pipe()
    answers, told = os.pipe()
    projects = [f"/projects/{number}" for number in range(PROJECTS)]
    for process in range(PROCESSES):
        mine = projects[process::PROCESSES] + projects[(process + 1) % PROCESSES :: PROCESSES]
        if os.fork() == 0:
            os.close(begin)
            os.read(start, 1)  # Returns when the parent closes its end.
            _allocate(file, mine, told)
    os.close(begin)
    os.close(told)
    text = _read_all(answers)
    codes = [os.wait()[1] for _ in range(PROCESSES)]
    return {"answers": [json.loads(line) for line in text.splitlines()], "failed": sum(map(bool, codes))}


def kill(file: str) -> dict[str, Any]:
    """Kill a process at a random instant, again and again. Returns: findings; `cut_short`: kills amid a write."""
    dice = random.Random(20)
    known: dict[str, int] = {}
    problems: list[str] = []
    cut_short = 0
    for turn in range(KILLS):
        answers, told = os.pipe()
        if (child := os.fork()) == 0:
            _allocate(file, [f"/projects/{turn}-{number}" for number in range(10)], told)
        os.close(told)
        first = b"".join(os.read(answers, 4096) for _ in range(dice.randrange(MOST_ANSWERS + 1)))
        select.select([], [], [], dice.uniform(0, MOST_S))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        known.update(json.loads(line) for line in (first + _read_all(answers)).splitlines())
        problems += [f"turn {turn}: {problem}" for problem in _problems(Path(file), known)]
        half = Path(f"{file}.tmp")
        cut_short += half.exists()
        half.unlink(missing_ok=True)
    return {"problems": problems, "known": len(known), "cut_short": cut_short}


def _allocate(file: str, projects: list[str], told: int) -> None:
    """Be one process: allocate, tell, end."""
    code = 1
    try:
        registry = PortRegistry(file)
        for project in projects:
            answer = json.dumps([project, registry.get_or_allocate_port(project)])
            os.write(told, f"{answer}\n".encode())
        code = 0
    finally:
        os._exit(code)


def _problems(file: Path, known: dict[str, int]) -> list[str]:
    """Returns: what is wrong with the file, given every port that a process was told."""
    if not file.exists():
        return [] if not known else ["the file is gone"]
    try:
        state = json.loads(file.read_bytes())
    except ValueError as error:
        return [f"not JSON: {error}"]
    mappings = state["mappings"]
    lost = [project for project, port in known.items() if mappings.get(project) != port]
    twice = len(mappings) - len(set(mappings.values()))
    return [f"lost {lost}"] * bool(lost) + [f"{twice} ports given twice"] * bool(twice)


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as pipe:
        return pipe.read()


if __name__ == "__main__":
    print(json.dumps({"race": race, "kill": kill}[sys.argv[1]](sys.argv[2])))

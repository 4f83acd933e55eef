"""Which shard runs which test: whole files together, the same on every machine."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence


def digest(lines: Iterable[str]) -> str:
    """Return the SHA-256 (hex) of lines, each ended by a zero byte."""
    state = hashlib.sha256()
    for line in lines:
        state.update(line.encode("utf-8", "surrogatepass"))
        state.update(b"\0")
    return state.hexdigest()


def file_of(nodeid: str) -> str:
    """Return the file part of a node id."""
    return nodeid.split("::", 1)[0]


def home(name: str, files: Mapping[str, str], shards: Sequence[str]) -> str:
    """Return the shard of a file: the plan's, or, where the plan does not know it, that of the stable hash of its name.

    Args:
        name: of the file, relative to the project, with slashes.
        files: the plan; empty for none.
        shards: names of the shards.
    """
    planned = files.get(name, "")
    return planned if planned in shards else shards[int(digest([name])[:12], 16) % len(shards)]


def assign(
    nodeids: Collection[str], pins: Mapping[str, str], shards: Sequence[str], files: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the shard of each test.

    A pinned test goes where its mark says. All other tests of a file stay together, where the plan or the stable hash
    of the file's name puts them. Each test is looked at by itself, so that nothing that one machine collects and
    another does not can move any other test: neither the order of collection nor the machine matters.

    Args:
        nodeids: the whole collection of the lane.
        pins: shard by node id, from `@pytest.mark.shard`.
        shards: names of the lane's shards, in the order of the configuration.
        files: shard by file, as planned; empty for the stable hash alone.

    Raises:
        ValueError: a pin names a shard that the lane does not have.
    """
    for nodeid, shard in pins.items():
        if shard not in shards:
            raise ValueError(f"{nodeid} is pinned to shard {shard!r}; the lane has {', '.join(shards)}")
    homes = {name: home(name, files or {}, shards) for name in {file_of(nodeid) for nodeid in nodeids}}
    return {nodeid: pins.get(nodeid) or homes[file_of(nodeid)] for nodeid in nodeids}


def follow_services(
    needs: Mapping[str, Sequence[str]], pins: Mapping[str, str], homes: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return the pins, with one more for each test that needs a service which only some shards start.

    Args:
        needs: services by node id; pins: shard by node id, from marks.
        homes: shards that start it, none for all, by service.

    Raises:
        ValueError: no shard has all that a test needs, or its mark names another.
    """
    result = dict(pins)
    for nodeid, names in needs.items():
        places = {name: tuple(homes[name]) for name in names if homes.get(name)}
        if not places:
            continue
        shared = [shard for shard in next(iter(places.values())) if all(shard in shards for shards in places.values())]
        if pins.get(nodeid, next(iter(shared), None)) not in shared:
            where = "; ".join(f"{name} runs in {', '.join(shards)} only" for name, shards in places.items())
            pinned = f" and is pinned to {pins[nodeid]}" if nodeid in pins else ""
            raise ValueError(f"{nodeid} needs {', '.join(places)}{pinned}: {where}")
        result.setdefault(nodeid, shared[0])
    return result


def pull(nodeids: Collection[str], pins: Mapping[str, str], shards: Sequence[str]) -> dict[str, str]:
    """Return the shard of each pinned test, and an empty name for all that may be pulled by any.

    Raises:
        ValueError: a pin names a shard that the lane does not have.
    """
    return {nodeid: pins.get(nodeid, "") for nodeid in assign(nodeids, pins, shards)}


def assignment_digest(assignment: Mapping[str, str]) -> str:
    """Return the SHA-256 of the shard of each test, independent of its order."""
    return digest(f"{nodeid}\t{shard}" for nodeid, shard in sorted(assignment.items()))


def pins_in(path: str, source: bytes) -> dict[str, str]:
    """Return the shard by function (`file::name`), class (`file::Class`) or file that carries a mark with a plain name.

    A mark that is put together at run time is not seen here; the lane, which sees every mark, keeps to it all the same.

    Args:
        path: of the file, relative to the project, with slashes.
        source: its content; one that is no Python pins nothing.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    return dict(_of_scope(path, tree.body))


def _of_scope(prefix: str, body: Iterable[ast.stmt]) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}::{node.name}"
            yield from ((name, shard) for shard in map(_shard, node.decorator_list) if shard)
            if isinstance(node, ast.ClassDef):
                yield from _of_scope(name, node.body)
        elif isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets
        ):
            marks = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
            yield from ((prefix, shard) for shard in map(_shard, marks) if shard)


def _shard(mark: ast.expr) -> str:
    """Return the name in `pytest.mark.shard("name")`; empty for anything else."""
    if not (isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith("mark.shard") and mark.args):
        return ""
    name = mark.args[0]
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else ""

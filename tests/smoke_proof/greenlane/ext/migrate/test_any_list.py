"""Whatever list somebody has: what is written loads, and no check is lost without a word."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from greenlane.environment.yaml_lines import nodes
from greenlane.errors import ConfigError
from greenlane.ext.migrate.report import lines, sessions, tables
from greenlane.ext.migrate.rules import Project, translate
from greenlane.ext.migrate.write import admitted, existing, merged

STARTS = ("", "set -e\n", "# it's\n", "export A=1 PYTHONPATH=$(pwd)\n", "cd sub &&", "make up;", "X=${X:-1} ", "T=a\n")
PROGRAMS = (
    "pytest", "python -m pytest", "PYTHONPATH=$(pwd) pytest", "timeout 5m pytest", "make test", "ruff check",
    "bash -c 'pytest a'", "python - <<'PY'\nx = '''\nPY\n", "if x; then pytest a; fi", "echo", "$PY -m pytest", "(",
)  # fmt: skip
ARGUMENTS = (
    "", " -q a b \\\n c", " .", " ..", " -n 999 a", " --timeout=99999999999 a", " 'a b'", " a::b", " \"$T\"",
    " .artifacts",    " -k 'x y' a", " \"a", " tests/*", " .nox/greenlane/x", " a\x7f", " ä", " -n auto a",
)  # fmt: skip
ENDS = ("", " || true", " | tee x", " && pytest z", "; exit 0", " > log 2>&1", " &", "\npytest y", "\n")
SCRIPTS = st.tuples(*map(st.sampled_from, (STARTS, PROGRAMS, ARGUMENTS, ENDS))).map("".join)
SCALARS = st.one_of(
    st.text(max_size=6),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.sampled_from(("5m", "yes", "\0", "\ud800")),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(SCALARS, SCALARS, max_size=2))
NAMES = st.sampled_from(
    (
        "core",
        "all smokes",
        "a",
        "a-2",
        "nd",
        "nd-one",
        "ready",
        "1",
        "ä",
        "class",
        "a,b",
        "a/b",
        " ",
        "deploy",
        "openai",
        "here",
    )
)
VARIABLES = st.sampled_from(
    (
        "A",
        "PYTHONPATH",
        "PATH",
        "MINI_AGENT_API_PORT",
        "OPENAI_API_KEY",
        "STRICT_READY",
        "1",
        "",
        "A=B",
        "ODD",
        "X_TOKEN",
    )
)
ENVIRONMENTS = st.one_of(
    st.dictionaries(VARIABLES, VALUES, max_size=3),
    st.lists(VARIABLES.map(lambda name: f"{name}=x"), max_size=3),
    VALUES,
)
CHECKS = st.fixed_dictionaries(
    {"name": st.one_of(NAMES, VALUES), "run": st.one_of(SCRIPTS, SCRIPTS, SCRIPTS, VALUES)},
    optional={
        "env": ENVIRONMENTS, "optional": VALUES, "live": st.one_of(st.booleans(), VALUES), "expect": st.booleans(),
        "timeout": VALUES, "retries": VALUES, "description": VALUES,
    },
)  # fmt: skip
EMPTIED = (".nox/", ".artifacts")
"""Where no lane can have its tests, as only the whole configuration knows."""

PROJECTS = (
    "",
    '[tool.greenlane.lanes.core]\nkind = "deterministic"\ntests = ["a"]\n',
    '[tool.greenlane]\nartifacts = "out"\n[tool.greenlane.lanes.nd]\nkind = "nondeterministic"\ntests = ["b"]\n'
    'shards = ["one"]\naliases = ["all smokes"]\n[tool.greenlane.providers.x]\nsecrets = ["ODD", "A"]\n'
    "[tool.greenlane.policies.deploy]\nlanes = []\n",
)


@settings(max_examples=20, deadline=None, database=None, derandomize=True)
@given(st.lists(CHECKS, max_size=4), st.sampled_from(PROJECTS))
def test_what_is_written_loads(checks: list[dict[str, object]], configured: str) -> None:
    """The configuration with the new tables loads, the sessions compile, and every check is made or told of."""
    text = yaml.dump({"checks": checks}, allow_unicode=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "pyproject.toml").write_text(configured, encoding="utf-8")
        project = Project(root=root, configuration=existing(root), makefile="test:\n\tpytest $(A) made\n")
        tree = nodes(text, "readiness.yml")
        migration = translate(tree, project)
        if migration.lanes and not configured and not any(folder in text for folder in EMPTIED):
            merged(root, tables(migration), "readiness.yml")
        migration = admitted(root, migration, "readiness.yml")
        if migration.lanes:
            merged(root, tables(migration), "readiness.yml").encode()
    compile(sessions(migration), "noxfile.py", "exec")
    "\n".join(lines(migration, "readiness.yml")).encode()
    told = {lane.line for lane in migration.lanes.values()} | {finding.line for finding in migration.findings}
    begins = [item.line for item in tree.pairs[0][1].items]
    lost = [begin for begin, end in pairwise([*begins, len(text) + 1]) if not told & set(range(begin, end))]
    assert lost == []


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.one_of(st.text(st.sampled_from("- :#'\"{}[]&*!|>\n\t ab<%"), max_size=30), st.text(max_size=30)))
def test_any_text_is_a_list_or_a_mistake(text: str) -> None:
    """Text that is no list of checks is told of, however odd it is."""
    try:
        tree = nodes(text, "readiness.yml")
    except ConfigError:
        return
    migration = translate(tree, Project(root=Path("/nowhere")))
    assert migration.lanes or migration.sessions or migration.findings


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.text(st.sampled_from("abc $()'\"`{}<>|&;#\\\n=EO"), max_size=40))
def test_any_command_is_read(text: str) -> None:
    """Whatever stands in `run`, the check is made or told of."""
    script = yaml.dump([{"name": "a", "run": "if x; then " + text}, {"name": "b", "run": f"pytest {text}"}])
    migration = translate(nodes(script, "readiness.yml"), Project(root=Path("/nowhere")))
    assert migration.checks == 2
    assert migration.lanes or migration.sessions or migration.findings

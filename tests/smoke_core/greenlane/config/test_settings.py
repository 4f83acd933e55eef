"""Settings: where each option came from, and what a wrong one says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from greenlane.config.load import Settings, load
from greenlane.config.schema import Configuration
from greenlane.errors import ConfigError

CORE = '[tool.greenlane.lanes.core]\nkind = "deterministic"\ntests = ["tests"]\n'
NAMED = f'{CORE}aliases = ["unit-tests", "all_smokes"]\n'
ND = '[tool.greenlane.lanes.nd]\nkind = "nondeterministic"\ntests = ["nd"]\nshards = ["a", "b"]\n'
LIVE = (
    '[tool.greenlane.lanes.live]\nkind = "release"\ntests = ["live"]\nproviders = ["gemini"]\n'
    '[tool.greenlane.providers.gemini]\nsecrets = ["GEMINI_API_KEY"]\n'
)

Loader = Callable[..., Settings]


@pytest.fixture
def settings(tmp_path: Path) -> Loader:
    """Load settings from the text of a `pyproject.toml` and an environment."""

    def read(text: str = CORE, **environ: str) -> Settings:
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
        return load(tmp_path, environ)

    return read


def wrong(settings: Loader, text: str = CORE, **environ: str) -> list[str]:
    """Return the lines of the error that a configuration must raise."""
    with pytest.raises(ConfigError) as caught:
        settings(text, **environ)
    assert caught.value.exit_code == 2
    return caught.value.message.splitlines()


@pytest.mark.parametrize(
    ("text", "environ", "budget", "source"),
    [
        pytest.param(CORE, {}, 600.0, "default", id="default"),
        pytest.param(CORE + "budget = 90\n", {}, 90.0, "pyproject.toml", id="file"),
        pytest.param(
            CORE + "budget = 90\n", {"ALL_SMOKES_CORE_TIMEOUT": " 30 "}, 30.0, "environment ALL_SMOKES_CORE_TIMEOUT",
            id="environment-over-file",
        ),
        pytest.param(CORE, {"ALL_SMOKES_CORE_TIMEOUT": ""}, 600.0, "default", id="empty-is-unset"),
        pytest.param(CORE, {"ALL_SMOKES_ND_TIMEOUT": "30"}, 600.0, "default", id="another-lane"),
        pytest.param(NAMED, {"ALL_SMOKES_TIMEOUT": "30"}, 30.0, "environment ALL_SMOKES_TIMEOUT", id="alias"),
        pytest.param(NAMED, {"UNIT_TESTS_TIMEOUT": "30s"}, 600.0, "default", id="the-variable-of-another-tool"),
        pytest.param(
            NAMED, {"UNIT_TESTS_TIMEOUT": "", "ALL_SMOKES_TIMEOUT": "30", "ALL_SMOKES_CORE_TIMEOUT": "40"}, 40.0,
            "environment ALL_SMOKES_CORE_TIMEOUT", id="own-name-over-alias",
        ),
        pytest.param(
            CORE, {"ALL_SMOKES_CORE_TIMEOUT": "-1"}, 0.0, "environment ALL_SMOKES_CORE_TIMEOUT", id="negative-disables"
        ),
        pytest.param(
            CORE, {"ALL_SMOKES_CORE_TIMEOUT": "30", "READINESS_DISABLE_TIMEOUT": "1"}, 0.0,
            "environment READINESS_DISABLE_TIMEOUT", id="disabled",
        ),
    ],
)  # fmt: skip
def test_a_budget_comes_from_the_strongest_source_and_remembers_it(
    settings: Loader, text: str, environ: dict[str, str], budget: float, source: str
) -> None:
    """Default < file < environment, and the source of the effective value is known."""
    loaded = settings(text, **environ)

    assert loaded.lane("core").budget == budget
    assert loaded.source("lanes.core.budget") == source


def test_disabling_the_lane_budget_leaves_test_timeouts_alone(settings: Loader) -> None:
    """READINESS_DISABLE_TIMEOUT is about lanes; a single hanging test still ends."""
    assert settings(CORE, READINESS_DISABLE_TIMEOUT="1").lane("core").test_timeout == 60.0


@pytest.mark.parametrize(
    ("kind", "budget"), [("deterministic", 600.0), ("nondeterministic", 1200.0), ("release", 600.0)]
)
def test_each_kind_has_its_own_budget(settings: Loader, kind: str, budget: float) -> None:
    """A lane without a budget gets the one of its kind."""
    assert settings(CORE.replace("deterministic", kind)).lane("core").budget == budget


def test_a_lane_knows_its_name_and_lock(settings: Loader) -> None:
    """Name and lock follow from the table's name unless the file says otherwise."""
    loaded = settings(CORE + ND + 'lock = "elsewhere/nd.lock"\n')

    assert [(lane.name, lane.lock) for lane in loaded.configuration.lanes.values()] == [
        ("core", "locks/core.txt"),
        ("nd", "elsewhere/nd.lock"),
    ]


@pytest.mark.parametrize(
    ("variable", "attribute"),
    [("STRICT_READY", "strict"), ("READINESS_LIVE", "live"), ("READINESS_FAIL_ON_SKIP", "fail_on_skip")],
)
@pytest.mark.parametrize(("value", "meaning"), [("1", True), ("TRUE", True), ("0", False), ("", False), ("no", False)])
def test_switches_follow_their_variables(
    settings: Loader, variable: str, attribute: str, value: str, meaning: bool
) -> None:
    """A switch is on for 1, true, yes, on; off for anything else and by default."""
    assert getattr(settings(CORE, **{variable: value}), attribute) is meaning
    assert getattr(settings(CORE), attribute) is False


def test_expected_names_are_split_and_kept_once(settings: Loader) -> None:
    """READINESS_EXPECT is a list of checks, lanes and providers with blanks and repeats."""
    loaded = settings(CORE + ND + LIVE, READINESS_EXPECT=" nd/b, gemini,,core , gemini")

    assert loaded.expected == ("nd/b", "gemini", "core")


@pytest.mark.parametrize("value", ["soon", "10m", "nan", "inf"])
def test_a_timeout_that_is_no_number_is_refused(settings: Loader, value: str) -> None:
    """A budget that cannot be read must not become no budget."""
    (message,) = wrong(settings, CORE, ALL_SMOKES_CORE_TIMEOUT=value)

    assert message == f"ALL_SMOKES_CORE_TIMEOUT: {value!r} is not a number of seconds; 0 or less disables"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(
            CORE + "speed = 3\n",
            "lanes.core.speed: unknown key; allowed: kind, tests, marks, exclude, lock, extras, groups,"
            " requirements, project, editable, python, pythons,"
            " budget, test_timeout, workers, preload, shards, services, env, providers, coverage, order",
            id="unknown-key",
        ),
        pytest.param(
            CORE + 'coverage = { packages = ["x"], floor = 90 }\n',
            "lanes.core.coverage.floor: unknown key; allowed: packages, fail_under, policies",
            id="unknown-nested-key",
        ),
        pytest.param(
            CORE + '[tool.greenlane.adress]\nvariable = "X"\n',
            f"adress: unknown key; allowed: {', '.join(Configuration.__struct_fields__)}",
            id="unknown-section",
        ),
        pytest.param(CORE + 'name = "x"\n', "lanes.core.name: unknown key; allowed: kind, tests,", id="name-is-ours"),
        pytest.param(
            CORE + 'budget = "long"\n', "lanes.core.budget: Expected `float | null`, got `str`", id="wrong-type"
        ),
        pytest.param(
            CORE.replace('["tests"]', '["a", 3]'), "lanes.core.tests[1]: Expected `str`, got `int`", id="wrong-element"
        ),
        pytest.param(
            CORE.replace("deterministic", "hermetic"),
            "lanes.core.kind: Invalid enum value 'hermetic'; allowed: deterministic, nondeterministic, release",
            id="unknown-kind",
        ),
        pytest.param(
            '[tool.greenlane.lanes.core]\nkind = "release"\n', "lanes.core.tests: this key is needed", id="missing-key"
        ),
        pytest.param("[tool.greenlane]\nlanes = 3\n", "lanes: Expected `object`, got `int`", id="no-table"),
        pytest.param(
            "[tool.greenlane.lanes]\ncore = 3\n", "lanes.core: Expected `object`, got `int`", id="lane-is-no-table"
        ),
        pytest.param(CORE + 'reach = ["a:1"]\n', "lanes.core.reach: a deterministic lane", id="reach-of-core"),
        pytest.param(ND + 'reach = ["a"]\n', "lanes.nd.reach: 'a' is not host:port", id="reach-without-port"),
        pytest.param(ND + 'reach = ["a:70000"]\n', "lanes.nd.reach: 'a:70000' is not", id="beyond-ports"),
        pytest.param(CORE + "test_timeout = -1\n", "lanes.core.test_timeout: -1 is not a number of", id="out-of-range"),
        pytest.param(CORE + "[tool.greenlane.leaks]\nlevel = 4\n", "leaks.level: Expected `str`, got", id="leaks"),
        pytest.param("[tool.greenlane]\n", "lanes: at least one lane is needed", id="no-lane"),
    ],
)  # fmt: skip
def test_a_wrong_option_names_file_key_and_what_is_allowed(settings: Loader, text: str, line: str) -> None:
    """Unknown keys, wrong types and values out of range are found where they stand."""
    (message,) = wrong(settings, text)

    assert message.startswith(f"pyproject.toml: [tool.greenlane] {line}")


def test_every_problem_is_reported_at_once(settings: Loader) -> None:
    """Nobody should have to run nox five times to find five mistakes."""
    text = CORE + 'budget = "x"\nworkers = []\nspeed = 1\n' + ND.replace("tests", "test") + "[tool.greenlane.x]\n"

    keys = [line.split("] ")[1].split(":")[0] for line in wrong(settings, text)]

    assert keys == [
        "x",
        "lanes.core.speed",
        "lanes.core.budget",
        "lanes.core.workers",
        "lanes.nd.test",
        "lanes.nd.tests",
    ]


def test_every_value_out_of_range_is_reported_at_once(settings: Loader) -> None:
    """The same for values whose types are right."""
    text = CORE + 'order = "up"\nworkers = -1\n' + ND.replace('"b"', '"a"')

    assert len(wrong(settings, text)) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(None, "pyproject.toml not found in", id="no-file"),
        pytest.param("[tool.greenlane\n", "pyproject.toml: Expected", id="no-toml"),
        pytest.param("[project]\nname = 'x'\n", "pyproject.toml has no [tool.greenlane] table", id="no-table"),
        pytest.param(
            "[tool]\ngreenlane = 1\n", "pyproject.toml has no [tool.greenlane] table", id="no-table-but-value"
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_so(tmp_path: Path, text: str | None, message: str) -> None:
    """A missing or broken file is a configuration error with a next step, not a traceback."""
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {})

    assert caught.value.message.startswith(message)


def test_a_file_in_another_encoding_is_a_configuration_error(tmp_path: Path) -> None:
    """TOML is UTF-8; Latin-1 is refused without a traceback."""
    (tmp_path / "pyproject.toml").write_bytes('[tool.greenlane]\nx = "é"\n'.encode("latin-1"))

    with pytest.raises(ConfigError, match=r"pyproject\.toml: .*utf-8"):
        load(tmp_path, {})


def test_the_policies_dev_and_deploy_always_exist(settings: Loader) -> None:
    """`dev` is the deterministic lanes; `deploy` is every lane but live ones, strictly."""
    loaded = settings(CORE + ND + LIVE)

    assert loaded.policy("dev").lanes == ("core",)
    assert not loaded.policy("dev").strict
    assert loaded.policy("deploy").lanes == ("core", "nd")
    assert loaded.policy("deploy").strict
    # What may be skipped elsewhere must run before a deploy.
    assert loaded.policy("deploy").expect == ("nd",)
    # And no evidence of an earlier run will do.
    assert [loaded.policy(name).evidence for name in ("deploy", "matrix", "dev")] == ["fresh", "reuse", "reuse"]
    assert loaded.policy("matrix").expect == loaded.policy("dev").expect == ()


def test_a_declared_policy_replaces_the_one_of_its_name(settings: Loader) -> None:
    """The file is stronger than the default; the other default stays."""
    loaded = settings(CORE + ND + '[tool.greenlane.policies.dev]\nlanes = ["nd"]\n')

    assert loaded.policy("dev").lanes == ("nd",)
    assert loaded.policy("deploy").lanes == ("core", "nd")


def test_unknown_lanes_and_policies_list_the_known_ones(settings: Loader) -> None:
    """Words from a command line are looked up with an answer that helps."""
    loaded = settings(CORE + ND)

    with pytest.raises(ConfigError, match=r"unknown lane 'cor' \(did you mean 'core'\?\); known: core, nd"):
        loaded.lane("cor")
    with pytest.raises(ConfigError, match="unknown policy 'prod'; known: dev, deploy, matrix"):
        loaded.policy("prod")


def test_a_name_of_several_lanes_is_not_one_lane(settings: Loader) -> None:
    """Where one lane is asked for, an alias of one is its name, and one of several tells which they are."""
    both = 'aliases = ["all_smokes"'
    loaded = settings(f'{CORE}{both}, "unit"]\n{ND}{both}]\n')
    assert loaded.lane("unit").name == "core"
    with pytest.raises(ConfigError, match="'all_smokes' is a name of several lanes: core, nd"):
        loaded.lane("all_smokes")

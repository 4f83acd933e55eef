"""The shards of a lane together: nothing lost, nothing twice, one plan."""

from __future__ import annotations

from greenlane.evidence.evidence import LaneEvidence
from support.evidence import but, codes, outcome, shard, verdict_on

ALL = ("tests/test_a.py::test_one", "tests/test_b.py::test_two")
A = shard("shard_a", outcome(ALL[0]), collected=ALL)
B = shard("shard_b", outcome(ALL[1]), collected=ALL)
CHECKS = ("nd/shard_a", "nd/shard_b")


def judged(*evidence: LaneEvidence, lane: str = "", checks: tuple[str, ...] = CHECKS) -> list[str]:
    """Return the codes of a verdict that needs both shards."""
    return codes(verdict_on(*evidence, checks=checks, lane=lane))


def test_two_disjoint_shards_of_everything_are_green() -> None:
    """The good case, in any order."""
    assert judged(A, B) == judged(B, A) == []


def test_a_missing_shard_is_a_gap() -> None:
    """Twice: the check has no evidence, and its tests are in no shard."""
    verdict = verdict_on(A, checks=CHECKS)

    assert codes(verdict) == ["SHARD_GAP", "SHARD_GAP"]
    assert [v.message for v in verdict.violations] == [
        "there is no evidence for nd/shard_b",
        f"nd: 1 tests are in no shard, {ALL[1]} among them",
    ]


def test_a_test_in_no_shard_is_a_gap() -> None:
    """Both shards ran and yet a test was left out."""
    both = (*ALL, "tests/test_c.py::test_three")
    lost = [shard(s, outcome(n), collected=both) for s, n in zip(("shard_a", "shard_b"), ALL, strict=True)]

    verdict = verdict_on(*lost, checks=CHECKS)

    assert codes(verdict) == ["SHARD_GAP"]
    assert verdict.causes == ("CAUSE: tests/test_c.py::test_three — is in no shard",)


def test_a_test_in_two_shards_is_an_overlap() -> None:
    """Work done twice hides that a plan went wrong."""
    assert judged(A, shard("shard_b", outcome(ALL[1]), outcome(ALL[0]), collected=ALL)) == ["SHARD_OVERLAP"]


def test_shards_of_different_collections_do_not_fit() -> None:
    """One machine saw a test that the other did not."""
    assert judged(A, shard("shard_b", outcome(ALL[1]), collected=(*ALL, "tests/t.py::x"))) == ["SHARD_MISMATCH"]


def test_shards_of_different_plans_do_not_fit() -> None:
    """The same tests, cut differently."""
    other = shard("shard_b", outcome(ALL[1]), collected=ALL, journal={"plans": ("another plan",)})

    verdict = verdict_on(A, other, checks=CHECKS)

    assert [v.message for v in verdict.violations] == ["nd: shards were cut by different plans"]


def test_shards_cut_by_different_plans_do_not_fit_and_say_whose() -> None:
    """Also where both plans happen to give the tests that there are the same shards."""
    by = [but_plan(A, "a" * 64, "durations"), but_plan(B, "b" * 64, "hash")]

    verdict = verdict_on(*by, checks=CHECKS)

    message = f"nd: shards were cut by different plans: shard_a by durations {'a' * 12}, shard_b by hash {'b' * 12}"
    assert [v.message for v in verdict.violations] == [message]


def but_plan(evidence: LaneEvidence, plan: str, source: str) -> LaneEvidence:
    """Return evidence that was cut by a plan."""
    return but(evidence, record=but(evidence.record, plan=plan, plan_source=source))


def test_shards_that_know_different_lists_do_not_fit() -> None:
    """One machine cut the lane in two, the other in three."""
    assert judged(A, shard("shard_b", outcome(ALL[1]), collected=ALL, shards=("shard_a", "shard_b", "shard_c"))) == [
        "SHARD_MISMATCH"
    ]


def test_shards_cut_finer_than_the_policy_knows_do_not_fit() -> None:
    """Evidence of two of three shards must not pass for both of two: a third of the tests would be lost unseen."""
    three = ("shard_a", "shard_b", "shard_c")
    whole = (*ALL, "tests/test_c.py::test_three")
    cut = [shard(s, outcome(n), collected=whole, shards=three) for s, n in zip(three, ALL, strict=False)]

    verdict = verdict_on(*cut, checks=CHECKS)

    assert codes(verdict) == ["SHARD_MISMATCH"]
    message = "nd: its shards are shard_a, shard_b, the evidence is cut into shard_a, shard_b, shard_c"
    assert verdict.violations[0].message == message


def test_shards_that_do_not_have_the_one_that_a_lane_run_wants_do_not_fit() -> None:
    """Also where a lane is judged by itself: what was wanted is not among what was cut."""
    cut = shard("shard_a", outcome(ALL[0]), collected=ALL, shards=("shard_a", "shard_c"))

    assert judged(cut, lane="nd") == ["SHARD_GAP", "SHARD_MISMATCH"]


def test_a_single_shard_is_judged_by_itself() -> None:
    """`nox -s nd -- shard_a` need not prove the union."""
    assert judged(A, lane="nd", checks=("nd/shard_a",)) == []


def test_shards_that_no_policy_asks_for_need_not_be_whole() -> None:
    """Evidence beside the policy is examined by itself, not as a whole."""
    assert judged(A, checks=()) == ["NO_TESTS"]


def test_a_shard_that_could_not_start_is_no_gap_as_well() -> None:
    """The failure to start is the reason; the lost tests follow from it."""
    dead = shard("shard_b", collected=(), failure="no environment", journal={
        "run_ids": (), "plugins": (), "interpreters": (), "selected": (), "collections": (), "plans": (),
        "outcomes": (), "exit_statuses": (),
    }, junit=[], exit_status=None)  # fmt: skip

    assert judged(A, dead) == ["ERROR"]

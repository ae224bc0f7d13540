"""The front by a sweep is the front by comparing every pair."""

from hypothesis import given
from hypothesis import strategies as st

from metaqnn.results.pareto import pareto_front

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=25).map(
    lambda pairs: [{"id": i, "accuracy": a / 5, "cost": c} for i, (a, c) in enumerate(pairs)]
)


def dominates(one, other):
    """At least as good in both, and better in one."""
    good = one["accuracy"] >= other["accuracy"] and one["cost"] <= other["cost"]
    return good and (one["accuracy"], one["cost"]) != (other["accuracy"], other["cost"])


@given(ROWS)
def test_the_front_is_what_no_row_dominates(rows):
    expected = [row for row in rows if not any(dominates(other, row) for other in rows)]
    assert pareto_front(rows, "accuracy", "cost") == expected


@given(ROWS)
def test_every_row_that_is_left_out_is_dominated_by_one_of_the_front(rows):
    front = pareto_front(rows, "accuracy", "cost")
    for row in rows:
        assert row in front or any(dominates(other, row) for other in front)


def test_rows_that_agree_stay_together():
    twins = [{"accuracy": 0.5, "cost": 2}, {"accuracy": 0.5, "cost": 2}, {"accuracy": 0.5, "cost": 3}]
    assert pareto_front(twins, "accuracy", "cost") == twins[:2]


def test_of_nothing_there_is_no_front():
    assert pareto_front([], "accuracy", "cost") == []

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor import LearningCurves
from predictor.rules.envelope.looks import Refit, look_epochs, refit_size


def history(completed, final):
    """Networks of two epochs, the second one only where completed."""
    second = np.where(completed, final, np.nan)
    return LearningCurves(np.column_stack([np.full(len(second), 0.1), second]))


@pytest.mark.parametrize(
    ("T", "rounding", "looks"),
    [
        (2, "nearest", (1,)),
        (20, "nearest", (1, 2, 3, 4, 6, 8, 11, 15)),
        (49, "nearest", (1, 2, 3, 4, 6, 8, 11, 15, 21, 29, 41)),
        (20, "up", (1, 2, 3, 5, 7, 10, 14)),
        (49, "up", (2, 4, 6, 9, 13, 19, 27, 38)),
        (100, "up", (3, 6, 9, 13, 19, 27, 38, 54, 76)),
    ],
)
def test_looks_of_known_lengths(T, rounding, looks):
    assert look_epochs(T, rounding) == looks


@given(st.integers(2, 500))
def test_each_look_rounded_up_is_the_first_epoch_that_is_late_enough(T):
    looks = look_epochs(T, "up")
    assert looks[0] - 1 < Fraction(3, 100) * T <= looks[0]
    for look, following in zip(looks, (*looks[1:], None), strict=True):
        due = max(look + Fraction(3, 100) * T, Fraction(7, 5) * look)
        assert due > T - 1 if following is None else following - 1 < due <= following < T


@given(st.integers(2, 500))
def test_each_look_is_within_half_an_epoch_of_when_it_is_due(T):
    looks = look_epochs(T, "nearest")
    assert looks[0] == 1 or abs(looks[0] - Fraction(3, 100) * T) <= Fraction(1, 2)
    for look, following in zip(looks, (*looks[1:], None), strict=True):
        due = max(look + max(Fraction(3, 100) * T, 1), Fraction(7, 5) * look)
        assert due >= T - Fraction(1, 2) if following is None else abs(following - due) <= Fraction(1, 2)
        assert following is None or look < following < T


def test_no_fit_during_the_burn_in():
    curves = history([True] * 5 + [False] * 30, np.linspace(0.2, 0.9, 35))
    assert refit_size(curves, 6) == 0
    assert refit_size(curves, 5) >= 5


def test_a_new_best_is_a_refit():
    completed, final = np.array([True] * 10 + [False, True, False]), np.full(13, 0.5)
    assert refit_size(history(completed, final)[:11], 10) == 10
    final[11] = 0.6
    assert refit_size(history(completed, final), 10) == 12


def test_more_completed_networks_are_a_refit():
    final = np.full(30, 0.5)
    assert [refit_size(history([True] * n, final[:n]), 20) for n in (20, 22, 23, 26, 27)] == [
        20, 20, 23, 23, 27,
    ]  # fmt: skip


def test_more_arrivals_are_a_refit():
    completed = np.array([True] * 20 + [False] * 30)
    final = np.full(50, 0.5)
    sizes = [refit_size(history(completed[:n], final[:n]), 20) for n in (25, 26, 33, 34, 44, 45)]
    assert sizes == [20, 26, 26, 34, 34, 45]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.2, 0.4, 0.6, 0.8])), max_size=60))
def test_the_schedule_is_replayed_from_the_order_alone(networks):
    """Against a walk that sees one network after the other."""
    completed, final = np.array([c for c, _ in networks], bool), np.array([y for _, y in networks])
    size, best, count, sizes = 0, -np.inf, 0, [0]
    for n in range(1, len(networks) + 1):
        now = int(completed[:n].sum())
        top = final[:n][completed[:n]].max(initial=-np.inf)
        due = top > best or now >= Fraction(115, 100) * count or n >= Fraction(13, 10) * size
        if now >= 3 and (size == 0 or due):
            size, best, count = n, top, now
            sizes.append(n)
        curves = history(completed[:n], final[:n])
        assert {refit_size(curves, 3, known) for known in sizes} == {size}
        assert [Refit.after(curves, known).due(curves) for known in sizes[1:]] == [
            known < size for known in sizes[1:]
        ]

"""Intervals of accuracies against SciPy's, the ranks that follow from them, and what beats a guess."""

from dataclasses import replace

import pytest
from scipy.stats import binomtest

from metaqnn.results.accuracy import accuracy_interval, beats_guess, better_balanced, shared_ranks, wilson


def scipys(errors, n):
    interval = binomtest(errors, n).proportion_ci(0.95, method="wilson")
    return interval.low, interval.high


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 40), (40, 40), (37, 40), (9308, 10_000)])
def test_the_interval_is_wilsons(right, n):
    assert wilson(right / n, n) == pytest.approx(scipys(right, n), abs=1e-12)


def test_an_accuracy_of_a_search_has_the_interval_of_its_validation_images(config):
    assert config.validation_size == 100
    assert accuracy_interval(0.93, config) == pytest.approx(scipys(93, 100), abs=1e-12)
    assert accuracy_interval(0.93, replace(config, validation_size=1000))[0] > 0.91


def test_what_has_no_interval(config):
    assert accuracy_interval(None, config) is None
    assert accuracy_interval(0.9, replace(config, validation_size=None)) is None
    assert accuracy_interval(0.9, replace(config, metric="balanced-accuracy")) is None


def networks(*accuracies):
    """In order; a negative number is a prediction."""
    return [{"reward": abs(y), "final_accuracy": y if y > 0 else None} for y in accuracies]


def test_networks_within_the_interval_of_the_best_share_its_rank(config):
    """Of 100 images, 90 right: 82.6% to 94.5%; 82 right: 73.3% to 88.3%."""
    assert shared_ranks(networks(0.90, 0.88, 0.83, 0.82, 0.74, 0.73), config) == [1, 1, 1, 4, 4, 6]
    exact = replace(config, validation_size=10**6)
    assert shared_ranks(networks(0.90, 0.88, 0.88, 0.83), exact) == [1, 2, 2, 4]
    assert shared_ranks([], config) == []


def test_a_prediction_has_no_interval_of_its_own(config):
    assert shared_ranks(networks(-0.95, 0.90, -0.88, -0.60, -0.60, -0.59), config) == [1, 2, 2, 4, 4, 6]


def test_without_an_interval_only_equal_values_share_a_rank(config):
    balanced = replace(config, metric="balanced-accuracy")
    assert shared_ranks(networks(0.9, 0.9, 0.89), balanced) == [1, 1, 3]


@pytest.mark.parametrize(
    ("metric", "guess", "classes", "better"),
    [
        ("accuracy", 0.9, 3, True),
        ("accuracy", 0.75, 2, True),
        ("accuracy", 0.5, 3, True),
        ("accuracy", 0.1003, 10, False),
        ("accuracy", 0.55, 2, False),
        ("accuracy", None, 2, False),
        ("balanced-accuracy", 1 / 3, 3, False),
    ],
)
def test_balancing_is_advised_where_one_class_is_much_larger_than_its_share(metric, guess, classes, better):
    assert better_balanced(metric, guess, classes) is better


@pytest.mark.parametrize(
    ("best", "limit", "beats"),
    [(0.61, 0.6, True), (0.6, 0.6, False), (1.0, 1.0, False), (None, 0.6, True), (0.1, None, True)],
)
def test_what_guessing_may_reach_does_not_beat_it(best, limit, beats):
    """On a few images, guessing may be right every time."""
    assert beats_guess(best, limit) is beats

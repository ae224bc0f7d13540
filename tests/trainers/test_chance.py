"""Chance: what a constant guess reaches, and the test against it."""

from math import sqrt

import numpy as np
import pytest
from scipy.stats import binomtest

from trainers import EpochReport
from trainers.chance import Chance, constant_guess, limit_of_guessing
from trainers.metric import Metric


def labels(*counts):
    return np.repeat(np.arange(len(counts)), counts)


@pytest.mark.parametrize("size", [1000, 5000])
def test_ten_balanced_classes_have_the_published_threshold(size):
    assert Chance.tested(labels(*[size // 10] * 10), 10, 1.5) == Chance(0.1, 0.15)


UNBALANCED = [(950, 50), (30, 5, 5), (19, *[9] * 9)]


@pytest.mark.parametrize("counts", [(500, 500), (50, 50), (200, 200, 200), *UNBALANCED])
def test_the_threshold_is_the_last_accuracy_that_a_guess_may_reach(counts):
    chance, n = Chance.tested(labels(*counts), len(counts), 1.5), sum(counts)
    assert chance.level == max(counts) / n
    last = round(chance.threshold * n)
    assert binomtest(last, n, chance.level, alternative="greater").pvalue > 0.01
    if last < n:
        assert binomtest(last + 1, n, chance.level, alternative="greater").pvalue <= 0.01


@pytest.mark.parametrize(
    ("counts", "metric"),
    [((196, 4), "accuracy"), ((199, 1), "accuracy"), ((149, 1), "balanced-accuracy")],
)
def test_where_even_a_perfect_network_may_be_guessing_none_is_tested(counts, metric):
    chance = Chance.tested(labels(*counts), 2, 1.5, metric)
    assert not any(chance.failed(EpochReport(1, 0.1, 1, accuracy, 1.0, 0.0)) for accuracy in (0.0, 0.5, 1.0))


def test_two_balanced_classes_demand_no_75_percent():
    assert Chance.tested(labels(500, 500), 2, 1.5).threshold < 0.54


def test_a_class_without_validation_images_counts_among_the_classes():
    assert Chance.tested(labels(6, 4), 3, 1.5).level == 0.6


def test_the_published_chance_knows_only_the_number_of_classes():
    assert Chance.published(2, 1.5) == Chance(0.5, 0.75)


@pytest.mark.parametrize("counts", [(950, 50), (500, 500), (300, 40, 20)])
def test_guessing_rarely_passes_the_threshold_of_balanced_accuracy(counts):
    chance, rng = (
        Chance.tested(labels(*counts), len(counts), 1.5, "balanced-accuracy"),
        np.random.default_rng(0),
    )
    assert chance.level == pytest.approx(1 / len(counts))
    guesses = np.mean([rng.binomial(n, 1 / len(counts), 100_000) / n for n in counts], axis=0)
    assert 0.005 < (guesses > chance.threshold).mean() < 0.02


@pytest.mark.parametrize("counts", [(950, 50), (500, 500), (37, 10, 6), (1, 1), (9, 0)])
def test_guesses_rarely_reach_more_than_their_limit(counts):
    measured, rng = Metric("accuracy", counts), np.random.default_rng(0)
    level, n = constant_guess(measured), sum(counts)
    assert level == max(counts) / n
    guesses = rng.binomial(n, level, 100_000) / n
    assert (guesses > limit_of_guessing(measured)).mean() < 0.03


@pytest.mark.parametrize(
    ("name", "counts", "limit"),
    [
        ("accuracy", (60, 40), 0.6 + 2.3263 * sqrt(0.6 * 0.4 / 100)),
        ("accuracy", (60, 40, 0), 0.6 + 2.3263 * sqrt(0.6 * 0.4 / 100)),
        ("balanced-accuracy", (50, 20), 0.5 + 2.3263 * sqrt(0.25 / 50 + 0.25 / 20) / 2),
        ("balanced-accuracy", (50, 20, 0), 0.5 + 2.3263 * sqrt(0.25 / 50 + 0.25 / 20) / 2),
    ],
)
def test_the_limit_of_guessing_is_a_quantile_of_the_normal_distribution(name, counts, limit):
    """A class without images does not count: neither as one that is guessed nor as one that is missed."""
    assert limit_of_guessing(Metric(name, counts)) == pytest.approx(limit, abs=1e-5)


def test_of_ten_classes_one_may_be_a_tenth_larger_than_the_mean():
    assert Chance.tested(labels(218, *[198] * 9), 10, 1.5) == Chance(0.1, 0.15)
    unequal = Chance.tested(labels(230, 202, *[196] * 8), 10, 1.5)
    assert unequal.level == 0.115
    assert unequal.threshold < 0.14


def test_ten_classes_have_the_published_threshold_of_balanced_accuracy_however_unequal():
    assert Chance.tested(labels(900, *[10] * 9), 10, 1.5, "balanced-accuracy") == Chance(0.1, 0.15)


@pytest.mark.parametrize(
    ("steps", "epochs", "asked"),
    [
        (352, 20, 1),
        (1000, 20, 1),
        (351, 20, 2),
        (50, 20, 8),
        (50, 9, 8),
        (50, 8, None),
        (8, 10, None),
        (8, 1, None),
    ],
)
def test_few_steps_teach_nothing_so_that_the_test_waits_for_those_of_the_published_first_epoch(
    steps, epochs, asked
):
    assert Chance.tested(labels(60, 40), 2, 1.5, steps=steps, epochs=epochs).epoch == asked


@pytest.mark.parametrize(("steps", "asked"), [(71, 1), (50, 1), (49, 2), (8, 7), (5, None)])
def test_the_published_threshold_waits_for_50_steps(steps, asked):
    assert Chance.tested(labels(*[10] * 10), 10, 1.5, steps=steps, epochs=10).epoch == asked


@pytest.mark.parametrize(
    ("epoch", "accuracy", "loss", "failed"),
    [
        (1, 0.1, 1.0, False),
        (2, 0.15, 1.0, True),
        (2, 0.16, 1.0, False),
        (3, 0.1, 1.0, False),
        (1, 0.9, float("nan"), True),
        (3, 0.9, float("inf"), False),
    ],
)
def test_what_fails_is_at_chance_when_that_is_asked_or_diverges_in_its_first_epoch(
    epoch, accuracy, loss, failed
):
    assert Chance(0.1, 0.15, epoch=2).failed(EpochReport(1, 0.1, epoch, accuracy, loss, 0.0)) == failed

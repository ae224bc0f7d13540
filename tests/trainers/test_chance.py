"""Chance: what a constant guess reaches, and the test against it."""

import numpy as np
import pytest
from scipy.stats import binomtest

from trainers.chance import Chance


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


def test_two_balanced_classes_demand_no_75_percent():
    assert Chance.tested(labels(500, 500), 2, 1.5).threshold < 0.54


def test_a_class_without_validation_images_counts_among_the_classes():
    assert Chance.tested(labels(6, 4), 3, 1.5).level == 0.6


def test_the_published_chance_knows_only_the_number_of_classes():
    assert Chance.of("published", labels(90, 10), 2, 1.5) == Chance(0.5, 0.75)
    assert Chance.of("tested", labels(90, 10), 2, 1.5).level == 0.9


@pytest.mark.parametrize("counts", [(950, 50), (500, 500), (300, 40, 20)])
def test_guessing_rarely_passes_the_threshold_of_balanced_accuracy(counts):
    chance, rng = (
        Chance.of("tested", labels(*counts), len(counts), 1.5, "balanced-accuracy"),
        np.random.default_rng(0),
    )
    assert chance.level == pytest.approx(1 / len(counts))
    guesses = np.mean([rng.binomial(n, 1 / len(counts), 100_000) / n for n in counts], axis=0)
    assert 0.005 < (guesses > chance.threshold).mean() < 0.02


def test_ten_classes_have_the_published_threshold_of_balanced_accuracy_however_unequal():
    assert Chance.tested(labels(900, *[10] * 9), 10, 1.5, "balanced-accuracy") == Chance(0.1, 0.15)

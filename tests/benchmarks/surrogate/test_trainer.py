import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import r2_score
from surrogate import SurrogateError, SurrogateTrainer

from state_space import Architecture
from trainers import Outcome, TrainingRecipe


def reports(trainer, architecture, seed, stop_after=None):
    heard = []

    def on_epoch(report):
        heard.append(report)
        return len(heard) == stop_after

    return trainer.train(architecture, seed=seed, on_epoch=on_epoch), heard


def finals(trainer, architectures, seed=0):
    return np.array([trainer.train(a, seed=seed).curve[-1] for a in architectures])


def test_the_rule_behind_the_records_is_found(trainer, make):
    unseen = make.networks(200, seed=9)
    truth = make.curves(make.heights(unseen), 0.0, seed=0)
    expected = np.array([trainer.expected(network) for network in unseen])
    for epoch in range(make.T):
        assert r2_score(truth[:, epoch], expected[:, epoch]) > 0.95


def test_deviations_are_as_large_as_recorded_and_belong_to_the_architecture(trainer, records, make):
    """Recorded: a deviation of 0.02 (1 - 0.5^T) for each network, and jitter of 0.002."""
    unseen = make.networks(300, seed=9)
    expected = np.array([trainer.expected(network)[-1] for network in unseen])
    one, again = finals(trainer, unseen, seed=0), finals(trainer, unseen, seed=1)
    assert 0.015 < np.std(one - expected) < 0.03
    assert np.std(one - again) < 0.008
    elsewhere = SurrogateTrainer.fit(*records, seed=1)
    assert np.std(finals(elsewhere, unseen, seed=0) - one) > 0.015


def test_same_arguments_same_curve_whatever_came_before(trainer, records, make):
    networks = make.networks(20, seed=3)
    fresh = SurrogateTrainer.fit(*records)
    before = {network: trainer.train(network, seed=5) for network in networks}
    assert {network: fresh.train(network, seed=5) for network in reversed(networks)} == before


def test_a_stopped_training_is_the_beginning_of_the_uninterrupted_one(trainer, make):
    for network in make.networks(20, seed=3):
        whole, heard = reports(trainer, network, 7)
        assert whole == trainer.train(network, seed=7)
        assert whole.outcome is Outcome.COMPLETED
        assert len(whole.curve) == make.T
        failed = whole.attempt - 1
        stopped, fewer = reports(trainer, network, 7, stop_after=failed + 3)
        assert fewer == heard[: failed + 3]
        assert stopped.outcome is Outcome.STOPPED
        assert stopped.curve == whole.curve[:3]


def test_what_the_reports_say(trainer, make):
    """Attempts and rates are the recipe's; failed attempts are one epoch at 1 / classes."""
    for network in make.networks(50, seed=4):
        result, heard = reports(trainer, network, 0)
        for report in heard:
            assert report.learning_rate == trainer.recipe.rate(report.attempt, report.epoch)
            assert report.loss == 0  # a value that is not finite would be taken for a diverged training
            assert (report.accuracy > trainer.chance.threshold) == (report.attempt == result.attempt)
            assert report.accuracy * 5000 == pytest.approx(round(report.accuracy * 5000))
        last = [report for report in heard if report.attempt == result.attempt]
        assert [report.epoch for report in last] == list(range(1, make.T + 1))
        assert tuple(report.accuracy for report in last) == result.curve
        assert [report.attempt for report in heard[: -make.T]] == list(range(1, result.attempt))
        assert result.learning_rate == pytest.approx(make.RATES[result.attempt - 1])


def test_as_many_attempts_fail_as_recorded(trainer, make):
    """Recorded: every other network failed once, whatever its architecture, and none failed twice."""
    attempts = [trainer.train(network, seed=0).attempt for network in make.networks(600, seed=5)]
    assert np.mean(np.array(attempts) > 1) == pytest.approx(0.5, abs=0.08)


def test_networks_that_fail_are_those_that_failed(records):
    known, values, _ = records
    deep = np.array([a.depth > 8 for a in known])
    trainer = SurrogateTrainer.fit(known, values, np.where(deep, 4e-4, 1e-3))
    failing = np.array([trainer.failure(network) for network in known])
    assert failing[deep].mean() > 0.7
    assert failing[~deep].mean() < 0.3


def test_nothing_fails_that_was_never_seen_to_fail(records, make):
    known, values, _ = records
    trainer = SurrogateTrainer.fit(known, values, np.full(len(known), 1e-3))
    assert [trainer.failure(network) for network in known] == [0.0] * len(known)
    assert {trainer.train(network, seed=0).attempt for network in known} == {1}


def test_a_network_that_fails_at_every_rate(records):
    """It fails both of its attempts, each after one epoch at chance."""
    known, values, _ = records
    trainer = SurrogateTrainer.fit(known, values, np.full(len(known), 1e-3))
    surely = SurrogateTrainer(
        trainer._curves, np.append(np.zeros(19), 50.0), recipe=replace(trainer.recipe, attempts=2)
    )
    result, heard = reports(surely, known[0], 0)
    assert result.outcome is Outcome.CHANCE
    assert [(report.attempt, report.accuracy) for report in heard] == [(1, 0.1), (2, 0.1)]
    assert result.curve == (0.1,)


def test_the_recipe_says_which_attempt_a_rate_belongs_to(records):
    known, values, _ = records
    recipe = TrainingRecipe(learning_rate=0.1, retry_factor=0.5, attempts=2)
    trainer = SurrogateTrainer.fit(known, values, np.full(len(known), 0.05), recipe=recipe)
    assert trainer.failure(known[0]) > 0.5 > trainer.failure(known[0], attempt=2)
    assert trainer.recipe == replace(recipe, epochs=values.shape[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a, y, r: (a[:19], y[:19], r[:19]), "19 recorded curves; a surrogate needs at least 20"),
        (lambda a, y, r: (a, y[:-1], r), r"\(199, 8\)"),
        (lambda a, y, r: (a, y, r[:-1]), r"rates of shape \(199,\)"),
        (lambda a, y, r: (a, np.where(np.arange(8) == 7, np.nan, y), r), "curve 0 is not complete"),
        (lambda a, y, r: (a, 100 * y, r), "curve 0 is not complete or not of accuracies"),
        (lambda a, y, r: (a, y, np.full(200, 0.002)), "rate 0.002; the recipe has 0.001, 0.0004"),
        (lambda a, y, r: (a, y, np.full(200, np.nan)), "learning rate nan"),
    ],
)
def test_records_that_cannot_be_learned_from(records, change, message):
    with pytest.raises(SurrogateError, match=message):
        SurrogateTrainer.fit(*change(*records))


@pytest.mark.data
def test_published_curves_of_networks_it_has_not_seen():
    """Half of the published networks, predicted by the other: heights, order after t epochs, attempts."""
    if (folder := os.environ.get("METAQNN_DATA_DIR")) is None:
        pytest.skip("METAQNN_DATA_DIR is not set")
    with (Path(folder) / "curves" / "metaqnn_cifar10.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    values = np.array([[float(row[f"acc_{t}"]) for t in range(1, 21)] for row in rows])
    rates = np.array([float(row["lr"]) for row in rows])
    networks = [Architecture.parse(row["net"]) for row in rows]
    trainer = SurrogateTrainer.fit(networks[:500], values[:500], rates[:500])
    results = [trainer.train(network, seed=0) for network in networks[500:]]
    expected = [trainer.expected(a, r.attempt)[-1] for a, r in zip(networks[500:], results, strict=True)]
    assert r2_score(values[500:, -1], expected) > 0.5
    made = np.array([result.curve for result in results])
    for quantile in (0.1, 0.5, 0.9):
        difference = np.quantile(made, quantile, axis=0) - np.quantile(values[500:], quantile, axis=0)
        assert np.abs(difference).max() < 0.04
    for epoch in (0, 1, 4, 9):
        order, real = (spearmanr(y[:, epoch], y[:, -1]).statistic for y in (made, values[500:]))
        assert order == pytest.approx(real, abs=0.08)
    again = np.mean([result.attempt > 1 for result in results])
    assert again == pytest.approx(np.mean(rates[500:] < 1e-3), abs=0.06)

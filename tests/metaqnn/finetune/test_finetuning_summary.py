"""Test errors, their uncertainty and ensembles, against formulas."""

from math import sqrt

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score

from metaqnn.finetune import Candidate, FinetuningResult, summarise_finetuning
from metaqnn.results.long_trained import ErrorRate

LABELS = np.array([0, 1, 2, 0])
MEMBERS = {
    1: [[0.6, 0.3, 0.1], [0.4, 0.5, 0.1], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]],
    2: [[0.2, 0.7, 0.1], [0.1, 0.9, 0.0], [0.0, 0.1, 0.9], [0.5, 0.4, 0.1]],
    3: [[0.9, 0.0, 0.1], [0.3, 0.3, 0.4], [0.2, 0.1, 0.7], [0.6, 0.2, 0.2]],
}
"""Softmax outputs: the mean of all three is (17, 10, 3), (8, 17, 5), (7, 5, 18), (12, 14, 4) / 30."""


class Stored:
    """What `FinetuningFiles` answers, without files: errors[number][seed], None for a failed training."""

    def __init__(self, errors, images=4, outputs=None):
        self.errors = errors
        self.images = images
        self.outputs = outputs

    def result(self, number, seed):
        errors = self.errors[number][seed]
        return FinetuningResult(
            network=number,
            seed=seed,
            architecture="[SM(3)]",
            outcome="diverged" if errors is None else "completed",
            message="said why",
            attempt=1,
            learning_rate=0.025,
            training_accuracies=[] if errors is None else [0.5, 0.9, 0.875],
            test_errors=errors,
            test_images=self.images,
            seconds=1.0,
            device="cpu",
            precision="float32",
        )

    def probabilities(self, number, seed):
        found = MEMBERS[number] if self.outputs is None else self.outputs[number][seed]
        return np.array(found, dtype=np.float32)


def candidates(*numbers):
    return [Candidate(number, "[SM(3)]", 100, 0.9) for number in numbers]


@pytest.mark.parametrize(("errors", "images"), [(692, 10000), (0, 359), (359, 359), (3, 10)])
def test_the_interval_is_wilsons(errors, images):
    """Wilson (1927): (p + z^2/2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)."""
    found, p, z = ErrorRate.of(errors, images), errors / images, norm.ppf(0.975)
    middle, scale = p + z**2 / (2 * images), 1 + z**2 / images
    half = z * sqrt(p * (1 - p) / images + z**2 / (4 * images**2))
    assert found.rate == p
    assert (found.low, found.high) == pytest.approx(
        ((middle - half) / scale, (middle + half) / scale), abs=1e-12
    )


def test_the_ensemble_decides_by_the_mean_of_the_softmax_outputs():
    """By hand: 17, 17 and 18 are right, 14 against 12 is wrong."""
    summary = summarise_finetuning(Stored({1: [3], 2: [1], 3: [1]}), candidates(1, 2, 3), 1, LABELS)
    (run,) = summary.ensemble.runs
    assert (run.members, run.test.errors, run.test.images) == ((1, 2, 3), 1, 4)
    assert summary.ensemble.rate == 0.25


def test_the_mean_decides_and_not_the_surest_member_and_for_every_seed_its_own():
    """By hand: 0.4 against 0.6 for 1, and with the other seed 0.6 against 0.4."""
    sure, against = [[1.0, 0.0]], [[0.1, 0.9]]
    outputs = {1: [sure, [[0.0, 1.0]]], 2: [against, [[0.9, 0.1]]], 3: [against, [[0.9, 0.1]]]}
    stored = Stored({number: [0, 0] for number in outputs}, 1, outputs)
    summary = summarise_finetuning(stored, candidates(*outputs), 2, np.array([1]))
    assert [run.test.errors for run in summary.ensemble.runs] == [0, 1]


def test_the_training_accuracy_is_that_of_the_last_epoch():
    ((_, mean),) = summarise_finetuning(Stored({1: [2, None]}), candidates(1), 2, LABELS).networks
    assert [run.training_accuracy for run in mean.runs] == [0.875, None]


def test_for_balanced_accuracy_every_class_counts_alike_in_a_second_test_error():
    """As scikit-learn computes it."""
    stored, networks = Stored({1: [2], 2: [None], 3: [1]}), candidates(1, 2, 3)
    summary = summarise_finetuning(stored, networks, 1, LABELS, "balanced-accuracy")
    found = [mean.runs[0].balanced_error for _, mean in summary.networks]
    own = [balanced_accuracy_score(LABELS, np.argmax(MEMBERS[number], axis=1)) for number in (1, 3)]
    assert found == pytest.approx([1 - own[0], None, 1 - own[1]])
    together = np.mean([MEMBERS[1], MEMBERS[3]], axis=0).argmax(1)
    expected = 1 - balanced_accuracy_score(LABELS, together)
    assert summary.ensemble.balanced_rate == pytest.approx(expected)
    assert summary.to_dict()["ensemble"]["balanced_test_error"] == pytest.approx(expected)
    plain = summarise_finetuning(stored, networks, 1, LABELS)
    assert plain.ensemble.balanced_rate is plain.networks[0][1].balanced_rate is None


def test_a_failed_network_is_no_member_of_the_ensemble():
    """By hand, of 1 and 3: 1.5, then 0.7 against 0.8, then 0.9 for 2, then 0.7 against 1.0 for 1."""
    summary = summarise_finetuning(Stored({1: [2], 2: [None], 3: [1]}), candidates(1, 2, 3), 1, LABELS)
    assert summary.ensemble.runs[0].members == (1, 3)
    assert summary.ensemble.runs[0].test.errors == 1
    _, failed = summary.networks[1]
    assert (failed.rate, failed.runs[0].outcome, failed.runs[0].message) == (None, "diverged", "said why")


def test_all_have_failed_only_if_no_training_has_a_test_error():
    for errors, failed in (({1: [2], 2: [None]}, False), ({1: [None, 2]}, False), ({1: [None]}, True)):
        summary = summarise_finetuning(Stored(errors), candidates(*errors), len(errors[1]), LABELS)
        assert summary.all_failed is failed


def test_one_network_is_no_ensemble():
    assert not summarise_finetuning(Stored({1: [2]}), candidates(1), 1, LABELS).ensemble.runs
    summary = summarise_finetuning(Stored({1: [2], 2: [None]}), candidates(1, 2), 1, LABELS)
    assert not summary.ensemble.runs
    assert summary.ensemble.rate is None


def test_over_seeds_mean_and_standard_error():
    summary = summarise_finetuning(Stored({1: [30, 50, None, 40]}, 1000), candidates(1), 4, LABELS)
    ((_, mean),) = summary.networks
    assert mean.rate == pytest.approx(0.04)
    assert mean.standard_error == pytest.approx(0.01 / sqrt(3))  # s of 0.03, 0.04, 0.05 is 0.01
    ((_, two),) = summarise_finetuning(Stored({1: [30, 50]}, 1000), candidates(1), 2, LABELS).networks
    assert two.standard_error == pytest.approx(0.01)


def test_one_seed_has_no_standard_error():
    ((_, mean),) = summarise_finetuning(Stored({1: [30]}, 1000), candidates(1), 1, LABELS).networks
    assert (mean.rate, mean.standard_error) == (0.03, None)

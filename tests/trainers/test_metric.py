"""Metrics, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.utils.class_weight import compute_class_weight

from trainers.metric import METRICS, Metric, class_weights, in_words

PEERS = {"accuracy": accuracy_score, "balanced-accuracy": balanced_accuracy_score}


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("counts", [(50, 50), (190, 10), (3, 1, 0, 7)])
def test_a_metric_is_what_scikit_learn_computes(name, counts):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(counts)), counts)
    found = np.where(rng.random(len(labels)) < 0.7, labels, 0)
    hits = np.bincount(labels[found == labels], minlength=len(counts)).tolist()
    assert Metric.of(name, labels, len(counts)).value(hits) == pytest.approx(PEERS[name](labels, found))


def test_the_weight_is_what_one_image_more_of_the_rarest_class_brings():
    labels = np.repeat([0, 1, 3], [90, 5, 5])
    balanced = Metric.of("balanced-accuracy", labels, 4)
    assert balanced.value([0, 1, 0, 0]) - balanced.value([0, 0, 0, 0]) == pytest.approx(balanced.weight)
    assert Metric.of("accuracy", labels, 4).weight == 1 / 100


def test_metrics_have_names_for_sentences():
    assert [in_words(name) for name in METRICS] == ["accuracy", "balanced accuracy"]


def test_balanced_classes_weigh_in_the_loss_as_scikit_learn_weighs_them():
    labels = np.repeat([0, 1, 3], [90, 5, 5])
    weights = class_weights("balanced-accuracy", labels, 4)
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=labels)
    assert weights[[0, 1, 3]] == pytest.approx(expected)
    assert weights[labels].mean() == pytest.approx(1)
    assert class_weights("accuracy", labels, 4) is None

"""Curves of other kinds of models: what their numbers mean, and that they can be reproduced."""

import csv
from pydoc_data.topics import topics

import numpy as np
import pytest
from cliff_walk import cliff, walked
from other_models import KINDS, write

from predictor import LearningCurves

GREEDY = {"alpha": 0.5, "epsilon": 0.0, "gamma": 1.0, "sarsa": 0, "initial": 0.0}


def test_a_greedy_agent_learns_the_shortest_way_along_the_cliff():
    """Up, eleven steps to the right, and down: a return of -13."""
    returns = [value for value, _ in zip(cliff(GREEDY, 0, np.random.default_rng(0)), range(60), strict=False)]
    assert returns[0] < -50
    assert returns[-1] == -13


def test_the_cliff_costs_100_and_leads_back_to_the_start():
    assert walked(3, 0, 3) == (3, 0, -100)
    assert walked(2, 5, 1) == (3, 0, -100)
    assert walked(2, 11, 1) == (3, 11, -1)
    assert walked(0, 0, 0) == walked(0, 0, 2) == (0, 0, -1)


@pytest.mark.parametrize("kind", ["cliff", "regression", "boosting", "mlp"])
def test_a_training_does_not_depend_on_how_many_are_trained(kind, tmp_path):
    write(KINDS[kind], 2, tmp_path / "two.csv")
    write(KINDS[kind], 1, tmp_path / "one.csv")
    two, one = (list(csv.reader((tmp_path / name).open())) for name in ("two.csv", "one.csv"))
    assert two[:2] == one
    curves = LearningCurves.read(tmp_path / "two.csv")
    assert KINDS[kind].epochs == curves.T
    assert (
        curves.metric
        == {"cliff": "return", "regression": "rmse", "boosting": "loss", "mlp": "accuracy"}[kind]
    )


def test_trees_that_learn_nothing_lose_as_much_as_a_guess_and_stumps_lose_less_with_each():
    """Half of the digits are odd: the log-loss of guessing is log 2."""
    nothing = list(KINDS["boosting"].values({"learning_rate": 1e-9}, 0, None))
    np.testing.assert_allclose(nothing, [np.log(2)] * 100, atol=0.002)
    stumps = list(KINDS["boosting"].values({"learning_rate": 0.1, "max_leaf_nodes": 2}, 0, None))
    assert (np.diff([nothing[0], *stumps[:50]]) < 0).all()


def test_a_language_model_begins_no_better_than_guessing_characters(tmp_path):
    settings = {"learning_rate": 1e-9, "hidden": 8, "embedding": 4, "dropout": 0.0, "clip": 1.0, "adam": 1}
    first = next(KINDS["language"].values(settings, 0, np.random.default_rng(0)))
    characters = len(set("".join(topics.values())))
    assert first == pytest.approx(characters, rel=0.3)

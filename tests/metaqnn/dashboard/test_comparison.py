"""The best so far of several runs, against the running maximum of numpy."""

from types import SimpleNamespace

import numpy as np
import pytest

from metaqnn.dashboard.comparison import OVER, comparison
from metaqnn.figures import NothingToShow


@pytest.fixture
def views(searched, formula_trainer, config):
    return {
        "a": searched(formula_trainer(config.epochs)),
        "b": searched(formula_trainer(config.epochs), seed=5),
        "not started": searched(None),
    }


def steps(ended, cost):
    """(cost, best, network) wherever the running maximum of the observed accuracies rises, and at the end."""
    finals = np.array([-1 if row.final_accuracy is None else row.final_accuracy for row in ended])
    best = np.maximum.accumulate(finals)
    rises = np.flatnonzero(np.diff(best, prepend=-1) > 0)
    found = [(int(cost[i]), best[i], ended[i].number) for i in rises]
    return [*found, (int(cost[-1]), best[-1], found[-1][2])]


def test_lines_are_the_running_maximum_of_observed_accuracies(views, layer_rows):
    for over in OVER:
        rows = layer_rows(comparison(views, over).to_dict())[0]
        assert {row["run"] for row in rows} == {"a", "b"}
        for name in ("a", "b"):
            ended = views[name].ended
            trained = [row.epochs_trained for row in ended]
            cost = np.cumsum(trained) if over == "epochs" else np.arange(1, len(ended) + 1)
            found = [(r["position"], r["accuracy"], r["number"]) for r in rows if r["run"] == name]
            assert found == steps(ended, cost)


def test_lines_tell_which_images_they_were_measured_on(views, layer_rows, config):
    (rows,) = layer_rows(comparison(views, "networks").to_dict())
    told = {(row["run"], row["seed"], row["validation images"], row["T"]) for row in rows}
    assert told == {
        (name, seed, config.validation_size, config.epochs) for name, seed in (("a", config.seed), ("b", 5))
    }


def test_no_two_of_many_runs_look_the_same(views):
    many = {f"run {place}": views["a"] for place in range(32)}
    encoding = comparison(many, "networks").to_dict()["layer"][0]["encoding"]
    colour, dashes = (encoding[channel]["scale"] for channel in ("color", "strokeDash"))
    assert colour["domain"] == dashes["domain"] == list(many)
    looks = {(one, tuple(other)) for one, other in zip(colour["range"], dashes["range"], strict=True)}
    assert len(looks) == len(many)


def test_a_prediction_is_never_the_best(layer_rows):
    completed = {"outcome": "completed", "final_accuracy": 0.5, "predicted_accuracy": None, "reward": 0.5}
    stopped = {"outcome": "stopped", "final_accuracy": None, "predicted_accuracy": 0.9, "reward": 0.9}
    ended = [
        SimpleNamespace(number=number, architecture="[SM(10)]", epochs_trained=5, **values)
        for number, values in enumerate((completed, stopped), start=1)
    ]
    config = SimpleNamespace(seed=0, validation_size=100, epochs=20, metric_text="accuracy")
    view = SimpleNamespace(ended=ended, config=config)
    (rows,) = layer_rows(comparison({"run": view}, "networks").to_dict())
    assert [(row["position"], row["accuracy"]) for row in rows] == [(1, 0.5), (2, 0.5)]


def test_without_any_trained_network_there_is_nothing_to_show(searched):
    with pytest.raises(NothingToShow, match="No network has been trained to the end yet"):
        comparison({"a": searched(None)}, "networks")

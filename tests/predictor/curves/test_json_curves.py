import json
import string

import numpy as np
import pytest

from predictor import CurvesError, LearningCurves

NAMES = {
    "networks": ["lenet", "alexnet", "vgg", "resnet18", "mlp", "big net", "small net", "baseline"],
    "letters, one of which stands for epochs": list(string.ascii_lowercase[:8]),
}


@pytest.fixture
def read(tmp_path):
    def write_and_read(content, **wishes):
        path = tmp_path / "curves.json"
        path.write_text(json.dumps(content))
        return LearningCurves.read(path, **wishes)

    return write_and_read


@pytest.mark.parametrize("kind", NAMES)
def test_lists_by_the_names_of_trainings_are_these_once_their_metric_is_told(read, accuracies, kind):
    content = dict(zip(NAMES[kind], accuracies.tolist(), strict=True))
    curves = read(content, metric="accuracy")
    np.testing.assert_array_equal(curves.values, accuracies)
    assert curves.names.tolist() == NAMES[kind]
    for wishes in ({}, {"direction": "maximize"}):
        with pytest.raises(CurvesError, match=r"may be trainings or metrics of one; if they are trainings, "):
            read(content, **wishes)


def test_trainings_by_name_may_have_different_lengths(read):
    curves = read({"lenet": [0.1, 0.2, 0.3], "vgg": [0.2, None]}, metric="accuracy")
    np.testing.assert_array_equal(curves.values, [[0.1, 0.2, 0.3], [0.2, np.nan, np.nan]])


@pytest.mark.parametrize("name", ["run{}", "seed {}", "lr0.{}"])
def test_lists_by_numbers_of_trainings_are_read_like_lists_without_names(read, accuracies, name):
    content = {name.format(place): row for place, row in enumerate(accuracies.tolist(), start=1)}
    np.testing.assert_array_equal(read(content).values, accuracies)
    np.testing.assert_array_equal(read(content, metric="accuracy").values, accuracies)


@pytest.mark.parametrize(
    ("content", "wishes"),
    [
        ({"jaccard": [0.2, 0.4, 0.5], "other": [3, 5, 7]}, {"curve": "jaccard", "direction": "maximize"}),
        ({"val_acc": [0.2, 0.4, 0.5], "jaccard": [3, 5, 7]}, {"metric": "accuracy"}),
        ({"lr": [0.1, 0.1, 0.01], "jaccard": [0.2, 0.4, 0.5]}, {"direction": "maximize"}),
        ({"history": [0.2, 0.4, 0.5], "other": [3, 5, 7]}, {"metric": "accuracy"}),
        ({"val_acc": [0.2, 0.4, 0.5], "confusion": [[7, 3], [8, 2], [9, 1]]}, {}),
    ],
)
def test_the_history_of_one_training_stays_one(read, content, wishes):
    np.testing.assert_array_equal(read(content, **wishes).values, [[0.2, 0.4, 0.5]])


@pytest.mark.parametrize("name", ["net{}", "cnn-{}", "arch_{}"])
def test_names_that_are_counted_may_be_trainings_or_epochs(read, accuracies, name):
    content = {name.format(place): row for place, row in enumerate(accuracies.tolist(), start=1)}
    stem = name.format("").strip("-_")
    with pytest.raises(CurvesError, match=rf"may be trainings or epochs; .* run1, run2 .* --curve {stem}"):
        read(content, metric="accuracy")
    np.testing.assert_array_equal(read(content, metric="accuracy", curve=stem).values, accuracies.T)


def test_columns_of_epochs_stay_columns(read, accuracies):
    content = {f"curve_{epoch}": column for epoch, column in enumerate(accuracies.T.tolist(), start=1)}
    np.testing.assert_array_equal(read(content).values, accuracies)


def test_lists_of_curves_under_the_name_of_their_metric(read, accuracies, rates):
    curves = read({"val_acc": accuracies.tolist()})
    np.testing.assert_array_equal(curves.values, accuracies)
    ascending = [[0.28, 0.39, 0.44], [0.31, 0.42, 0.48]]  # by their first values, as steps are
    np.testing.assert_array_equal(read({"val_acc": ascending}).values, ascending)
    others = {"lr": list(rates), "train_acc": (accuracies + 0.01).tolist()}
    curves = read({**others, "val_acc": accuracies.tolist()})
    np.testing.assert_array_equal(curves.values, accuracies)
    np.testing.assert_array_equal(curves.hyperparameters["lr"], rates)


@pytest.mark.parametrize(
    "content",
    [
        {"val_loss": [[1, 2.1], [2, 1.7], [3, 1.5]]},
        {"val_loss": [[1796025600.5, 2.1], [1796025660.1, 1.7]]},
        {"val_acc": [[], []]},
    ],
)
def test_pairs_of_step_and_value_are_no_curves(read, content):
    with pytest.raises(CurvesError):
        read(content)


def test_points_as_tensorboard_downloads_them_are_read_like_its_csv(tmp_path, accuracies):
    for i, row in enumerate(accuracies):
        points = [[1.7e9 + step, step, value] for step, value in enumerate(row)]
        (tmp_path / f"run-r{i}-tag-val_acc.json").write_text(json.dumps(points))
    curves = LearningCurves.read(tmp_path)
    np.testing.assert_array_equal(curves.values, accuracies)
    assert curves.names.tolist() == [f"r{i}" for i in range(8)]
    one = LearningCurves.read(tmp_path / "run-r3-tag-val_acc.json")
    np.testing.assert_array_equal(one.values, accuracies[3:4])


def test_curves_of_three_epochs_without_names_are_no_points(read):
    values = [[1700000.0, 900000.5, 3.5], [1800000.0, 800000.5, 2.5]]
    np.testing.assert_array_equal(read(values, metric="loss").values, values)


def test_lists_by_number_are_trainings_once_they_are_named_as_the_message_says(read, accuracies):
    mixed = accuracies[[3, 0, 6, 1, 7, 2, 5, 4]].tolist()
    with pytest.raises(
        CurvesError, match=r"\(name lists in JSON run1, run2, \.\.\.\); if a row is one, .*--metric$"
    ):
        read({str(place): row for place, row in enumerate(mixed)})
    np.testing.assert_array_equal(read({f"run{place}": row for place, row in enumerate(mixed)}).values, mixed)


@pytest.mark.parametrize(
    ("steps", "values", "time"),
    [("steps", "values", "timestamps"), ("x", "y", "date"), ("epoch", "value", "time")],
)
def test_steps_and_times_in_one_object_with_the_values_number_these(read, accuracies, steps, values, time):
    """As Sacred and ClearML write them; losses as many, but at other steps, come first."""
    numbers = [[100 * number for number in range(1, 7)], [5, 6, 7, 8, 9, 10]]
    metrics = {
        name: {steps: at, time: ["2026-01-01"] * 6, values: row.tolist()}
        for name, at, row in zip(("loss", "val.accuracy"), numbers, accuracies[:2], strict=True)
    }
    curves = read(metrics)
    np.testing.assert_array_equal(curves.values, accuracies[1:2])
    assert f"val.accuracy/{values}_5 to val.accuracy/{values}_10" in curves.understood
    asked = read(metrics, curve=f"loss/{values}")
    np.testing.assert_array_equal(asked.values, accuracies[:1])
    assert f"loss/{values}_100 to loss/{values}_600" in asked.understood

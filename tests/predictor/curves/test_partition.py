"""Which column numbers the epochs, and which tell the trainings apart."""

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves


def test_a_step_that_is_the_same_in_all_rows_is_named_as_the_cause(tmp_path, long):
    """As MLflow has it where values were logged without a step."""
    long.drop(columns="epoch").assign(step=0).to_csv(tmp_path / "long.csv", index=False)
    with pytest.raises(
        CurvesError, match="numbers the epochs: it is 0 in all rows; number the values of each"
    ):
        LearningCurves.read(tmp_path / "long.csv")


@pytest.mark.parametrize("name", ["name", "lr"])
def test_a_training_that_was_resumed_under_a_new_id_is_one(tmp_path, long, accuracies, name):
    """As Weights & Biases and MLflow write it, where another column tells the trainings apart."""
    later = np.where(long["epoch"] > 3, "_resumed", "")
    columns = {"run_id": long["run"] + later, name: long["run"] if name == "name" else long["lr"]}
    table = long.assign(**columns)[["run_id", name, "epoch", "val_acc"]]
    for rows in (table, table.sample(frac=1, random_state=0).sort_values("epoch", kind="stable")):
        rows.to_csv(tmp_path / "long.csv", index=False)
        curves = LearningCurves.read(tmp_path / "long.csv")
        np.testing.assert_array_equal(np.sort(curves.values, axis=0), np.sort(accuracies, axis=0))
        assert f"trainings told apart by {name};" in curves.understood


@pytest.fixture
def crossing(tmp_path, accuracies):
    """Writes trainings that overtake each other, with another column for what the values come to."""
    values = accuracies * np.where(np.arange(6) % 2, 1, np.linspace(2, 1, 8)[:, None])
    where = (np.arange(8)[:, None] * 5 + np.arange(6)) % 8
    ranks = 1 + values.argsort(axis=0).argsort(axis=0)

    def write(*columns):
        every = [
            {"epoch": t + 1, "genotype": f"g{i}", "slot": where[i, t], "other": where[i, t],
             "rank": ranks[i, t], "val_rank": ranks[i, t], "val_acc": values[i, t]}
            for t in range(6) for i in np.roll(range(8), t)
        ]  # fmt: skip
        table = pd.DataFrame(every).sort_values(["epoch", "slot"])
        table[["epoch", *columns, "val_acc"]].to_csv(tmp_path / "log.csv", index=False)
        return tmp_path / "log.csv", values

    return write


@pytest.mark.parametrize("place", ["slot", "rank", "val_rank"])
def test_a_rank_or_a_place_tells_no_trainings_apart_beside_what_does(crossing, place):
    for columns in ([place, "genotype"], ["genotype", place]):
        path, values = crossing(*columns)
        curves = LearningCurves.read(path)
        np.testing.assert_array_equal(curves.values[curves.names.argsort()], values)


def test_a_rank_alone_tells_no_trainings_apart(crossing):
    with pytest.raises(CurvesError, match="no column that tells the trainings apart"):
        LearningCurves.read(crossing("rank")[0])


def test_columns_that_tell_different_trainings_apart_are_refused(crossing):
    with pytest.raises(
        CurvesError, match="other and genotype tell different trainings apart; call the column that tells"
    ):
        LearningCurves.read(crossing("other", "genotype")[0])


def test_a_rank_that_is_a_parameter_tells_trainings_apart(tmp_path, long, accuracies):
    """As that of LoRA, with the best training at the highest."""
    table = long.assign(rank=long["run"].str[1:].astype(int) * 4).sort_values("epoch", kind="stable")
    table[["rank", "epoch", "val_acc"]].to_csv(tmp_path / "long.csv", index=False)
    np.testing.assert_array_equal(LearningCurves.read(tmp_path / "long.csv").values, accuracies)

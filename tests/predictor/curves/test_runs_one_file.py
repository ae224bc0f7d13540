"""The table of one training's file: which trainings it holds, and at which epochs their values stand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves
from predictor.curves.runs import run_table
from predictor.curves.words import RUN


def table(**columns):
    """Of text, as it is read; `Wall__time` is `Wall time`."""
    text = {name.replace("__", " "): map(str, cells) for name, cells in columns.items()}
    return pd.DataFrame(text, dtype=object)


def runs_of(wanted=None, file="a.csv", **columns):
    made = run_table(table(**columns), Path(file), "a", wanted)
    return list(dict.fromkeys(made[RUN]))


@pytest.mark.parametrize(
    ("runs", "columns"),
    [
        (["a"], {"epoch": [1, 2, 3, 4], "run": list("xxyy"), "acc": [1, 2, 3, 4]}),  # resumed by another name
        (["a x", "a y"], {"epoch": [1, 2, 1, 2], "run": list("xxyy"), "acc": [1, 2, 3, 4]}),
        (["a 1", "a 2"], {"epoch": [1, 2, 1, 2], "run": list("xxxx"), "acc": [1, 2, 3, 4]}),
        (["a"], {"epoch": [1, 1, 1], "acc": [1, 2, 3]}),  # one epoch, logged three times
        (
            ["a"],
            {"epoch": [1, 2, 1, 2], "acc": [1, 2, "", ""], "loss": ["", "", 3, 4]},
        ),  # logged in two parts
    ],
)
def test_which_trainings_are_in_a_file(runs, columns):
    assert runs_of(**columns) == runs


@pytest.mark.parametrize(
    ("file", "run", "metric"), [("run-b-tag-val_acc.csv", "b", "val_acc"), ("scalars.csv", "a", "value")]
)
def test_the_name_of_an_export_from_tensorboard_tells_the_training_and_its_metric(file, run, metric):
    made = run_table(table(Wall__time=[7, 8], Step=[1, 2], Value=[3, 4]), Path(file), "a", None)
    assert made[["step", metric, RUN]].to_numpy().tolist() == [["1", "3", run], ["2", "4", run]]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"acc": [0.1, 0.2], "depth": [3, 4]}, "no column numbers the epochs"),
        (
            {"epoch": [1, 2], **{f"acc_{i}": [0.1, 0.2] for i in (1, 2, 3)}},
            "expected the epochs of one training",
        ),
    ],
)
def test_rows_that_are_no_epochs_are_refused(columns, said):
    with pytest.raises(CurvesError, match=said):
        runs_of(**columns)


def test_lists_of_several_lengths_stand_at_their_own_epochs():
    columns = {f"loss_{epoch}": [epoch / 1000] for epoch in (5, 64, 1000)}
    made = run_table(table(**columns, acc_64=[0.9], acc_1000=[0.8], lr=[0.1]), Path("a.json"), "a", None)
    expected = [["5", "0.005", ""], ["64", "0.064", "0.9"], ["1000", "1.0", "0.8"]]
    assert made[["epoch", "loss", "acc"]].to_numpy().tolist() == expected
    assert made["lr"].tolist() == ["0.1"] * 3


def test_a_training_with_one_value_stands_at_its_step():
    made = run_table(table(steps_1=[5], val_acc_1=[0.05]), Path("a.json"), "a", None)
    assert made[["epoch", "val_acc"]].to_numpy().tolist() == [["5", "0.05"]]


def test_parameters_in_the_table_count_and_not_those_beside_it(tmp_path):
    (tmp_path / "params.json").write_text(json.dumps({"lr": 9, "layers": [1, 2]}))
    columns = {"epoch": [1, 2], "acc": [0.1, 0.2]}
    beside = run_table(table(**columns), tmp_path / "progress.csv", "a", None)
    assert beside.filter(like="config/").iloc[0].to_dict() == {"config/lr": "9"}
    own = run_table(table(**columns).assign(**{"config/lr": "0.1"}), tmp_path / "progress.csv", "a", None)
    assert own["config/lr"].tolist() == ["0.1", "0.1"]


def test_parameters_nested_too_deeply_are_one_line(tmp_path):
    (tmp_path / "params.json").write_text('{"a": ' * 100_000)
    with pytest.raises(CurvesError, match=r"^params\.json beside it cannot be read: "):
        run_table(table(epoch=[1, 2], acc=[0.1, 0.2]), tmp_path / "progress.csv", "a", None)


def test_a_file_of_one_line_that_is_a_list_is_not_left_out(tmp_path, accuracies):
    for i, row in enumerate(accuracies):
        rows = [{"epoch": epoch, "val_acc": value} for epoch, value in enumerate(row)]
        (tmp_path / f"{i}.json").write_text(json.dumps(rows, indent=1 if i % 2 else None))
    np.testing.assert_array_equal(LearningCurves.read(tmp_path).values, accuracies)


def test_event_files_in_folders_of_one_name_are_named_by_their_paths(tmp_path):
    pytest.importorskip("tensorboard")
    summaries = pytest.importorskip("torch.utils.tensorboard")
    for name in "ab":
        with summaries.SummaryWriter(tmp_path / name / "logs") as writer:
            for step in (1, 2):
                writer.add_scalar("val_acc", step / 10, step)
    assert LearningCurves.read(tmp_path).names.tolist() == [str(tmp_path / name / "logs") for name in "ab"]


def test_a_file_in_the_folder_where_one_is_has_its_own_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("b.csv").write_text("epoch,acc\n1,0.1\n2,0.2\n3,0.4\n")
    assert LearningCurves.read(["b.csv"]).names.tolist() == ["b"]

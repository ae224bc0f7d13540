"""Tables with several rows for an epoch of a training, by data or by batch."""

import json

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves
from predictor.curves.spread import refuse_kinds, spread

read = LearningCurves.read


@pytest.fixture
def phases(accuracies, losses):
    """Rows of training and validation for each epoch, the training's last."""
    return pd.DataFrame(
        [
            {"run": f"r{i}", "epoch": t + 1, "phase": phase, "loss": factor * losses[i, t],
             "acc": factor * accuracies[i, t], "time": 3.5 * t + i}
            for i in range(8)
            for t in range(6)
            for phase, factor in (("val", 1), ("train", 0.5))
        ]
    )  # fmt: skip


def test_a_column_may_have_any_name(tmp_path, phases, accuracies):
    for table in (phases, phases[phases["phase"] == "val"].drop(columns="phase")):
        table.rename(columns={"time": "self"}).to_csv(tmp_path / "log.csv", index=False)
        np.testing.assert_array_equal(read(tmp_path / "log.csv").values, accuracies)


def test_rows_of_training_data_are_no_trainings(tmp_path, phases, accuracies, losses):
    for table in (phases, phases.drop(columns="run")):
        table.to_csv(tmp_path / "log.csv", index=False)
        curves = read(tmp_path / "log.csv")
        np.testing.assert_array_equal(curves.values, accuracies)
        assert "val_acc at epoch 1, 2, ..., 6" in curves.understood
        np.testing.assert_array_equal(read(tmp_path / "log.csv", curve="train_loss").values, losses / 2)


@pytest.mark.parametrize(
    ("column", "val", "train"),
    [
        ("is_train", "False", "True"),
        ("training", 0, 1),
        ("is_val", "yes", "no"),
        ("dataset", "cifar10-val", "cifar10-train"),
        ("mode", "eval_mode", "train_mode"),
        ("data_name", "valid_0", "training"),
        ("split", "te", "tr"),
        ("phase", "V", "T"),
        ("subset", "VL", "training"),
        ("split", "validate", "train"),
        ("state", "validating", "training"),
        ("phase", "validate", "fit"),
        ("mode", "Val", "Fit"),
        ("set", "out-of-sample", "in-sample"),
    ],
)
def test_training_data_are_told_from_validation_data_in_many_ways(
    tmp_path, phases, accuracies, column, val, train
):
    cells = phases["phase"].map({"val": val, "train": train})
    for table in (phases, phases.drop(columns="run")):
        table.drop(columns="phase").assign(**{column: cells}).to_csv(tmp_path / "log.csv", index=False)
        np.testing.assert_array_equal(read(tmp_path / "log.csv").values, accuracies)


def test_trainings_that_are_numbered_after_a_word_of_data_stay_trainings(tmp_path, long, accuracies):
    table = long.assign(session=long["run"].str.replace("r", "train_")).drop(columns=["run", "lr"])
    table.to_csv(tmp_path / "log.csv", index=False)
    np.testing.assert_array_equal(read(tmp_path / "log.csv").values, accuracies)


@pytest.mark.parametrize(("name", "value"), [("metric", "score"), ("scorer", "result"), ("scalar", "value")])
def test_metrics_named_in_a_column_beside_scores_are_told_apart(
    tmp_path, long, accuracies, losses, name, value
):
    melted = long.melt(["run", "epoch"], ["val_loss", "val_acc"], name, value)
    melted.to_csv(tmp_path / "log.csv", index=False)
    np.testing.assert_array_equal(read(tmp_path / "log.csv").values, accuracies)
    np.testing.assert_array_equal(read(tmp_path / "log.csv", curve="val_loss").values, losses)


def test_a_score_beside_an_unknown_metric_is_that_score(tmp_path, long, accuracies):
    table = long[["run", "epoch"]].assign(metric="ours", score=long["val_acc"])
    table.to_csv(tmp_path / "log.csv", index=False)
    np.testing.assert_array_equal(read(tmp_path / "log.csv").values, accuracies)


def test_a_split_that_a_training_belongs_to_is_left_out(tmp_path, long, accuracies):
    table = long.assign(split=np.where(long["run"].isin(["r0", "r3"]), "test", "train"))
    for one in (table, table.drop(columns="run")):
        one.to_csv(tmp_path / "log.csv", index=False)
        np.testing.assert_array_equal(read(tmp_path / "log.csv").values, accuracies)


def batches(losses, **more):
    """Rows of a training: four of batches in each epoch, and their accuracy on proposals."""
    for t, loss in enumerate(losses):
        for k in range(4):
            step = {"epoch": t + 1, "iter": 50 * k + 50} if more else {"iteration": 200 * t + 50 * k + 50}
            yield (
                t,
                k,
                {**more, **step, "lr": 0.02, "loss": loss + 0.01 * k, "acc": 96.5 + 0.1 * k, "time": k},
            )


@pytest.mark.parametrize("rate", [lambda t, k: 0.02, lambda t, k: 0.02 - 0.001 * t - 0.0001 * k])
def test_batches_and_validation_as_mmdetection_logs_them(tmp_path, accuracies, losses, rate):
    """The first line tells of the whole training; the parts of the precision are not the curve."""
    for i in range(8):
        rows = [{"env_info": "linux", "seed": 1}]
        for t, k, row in batches(losses[i], mode="train"):
            rows.append({**row, "lr": rate(t, k), "memory": 5000})
            if k == 3:
                parts = {f"bbox_mAP_{part}": accuracies[i, t] + 0.1 for part in ("50", "75", "s", "m", "l")}
                rows.append({"mode": "val", "epoch": t + 1, "iter": 500, "lr": rate(t, k),
                             "bbox_mAP": accuracies[i, t], **parts})  # fmt: skip
        (tmp_path / f"{i}.log.json").write_text("\n".join(map(json.dumps, rows)))
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, accuracies)
    assert "bbox_mAP at epoch 1, 2, ..., 6" in curves.understood


def test_batches_and_validation_as_detectron2_logs_them(tmp_path, accuracies, losses):
    for i in range(8):
        rows = [
            {**row, **({"bbox/AP": accuracies[i, t], "bbox/AP50": 0.9 - 0.1 * t} if k == 3 else {})}
            for t, k, row in batches(losses[i])
        ]
        (tmp_path / f"{i}").mkdir()
        (tmp_path / f"{i}/metrics.json").write_text("\n".join(map(json.dumps, rows)))
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, accuracies)
    assert "map (maximized) in bbox/AP at iteration 200, 400, ..., 1200" in curves.understood
    assert read(tmp_path, curve="acc").T == 24


def test_a_metric_that_is_seldom_measured_is_not_preferred_to_one_of_each_epoch(tmp_path, long, accuracies):
    table = long.rename(columns={"val_acc": "acc"}).drop(columns="val_loss")
    table["bleu"] = table["acc"].where(table["epoch"] % 3 == 0)
    for counter in ("epoch", "step"):
        table.rename(columns={"epoch": counter}).to_csv(tmp_path / "log.csv", index=False)
        np.testing.assert_array_equal(read(tmp_path / "log.csv").values, accuracies)


@pytest.mark.parametrize("counter", ["batch_idx", "batch", "iteration"])
def test_rows_of_batches_are_refused(tmp_path, counter):
    rows = [
        {"epoch": epoch, counter: batch, "loss": 3 - epoch - 0.1 * batch}
        for epoch in (1, 2)
        for batch in range(5)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(CurvesError, match=r"(rows with the same|several rows for each) epoch"):
        read(tmp_path / "log.csv")


def test_sizes_of_batches_tell_trainings_apart(tmp_path, long, accuracies):
    sizes = {f"r{i}": 2**i for i in range(8)}
    long.assign(batch=long["run"].map(sizes)).drop(columns=["run", "lr"]).to_csv(
        tmp_path / "log.csv", index=False
    )
    curves = read(tmp_path / "log.csv")
    np.testing.assert_array_equal(curves.values, accuracies)
    assert curves.hyperparameters["batch"].tolist() == list(sizes.values())


def test_the_columns_of_a_curve_are_gone_through_once_however_many_columns_there_are():
    """16,000 epochs in columns took three times as long as without this check."""
    columns = [f"acc_{epoch}" for epoch in range(1, 9)]

    class Curve:
        gone_through = 0

        def __iter__(self):
            self.gone_through += 1
            return iter(columns)

    curve = Curve()
    refuse_kinds(pd.DataFrame([["0.5"] * 8] * 2, columns=columns), curve)
    assert curve.gone_through == 1


@pytest.mark.parametrize("yes", [1, True])
def test_a_value_that_mlflow_says_is_nan_is_none(tmp_path, phases, yes):
    """Its databases have 0 there, which would be the best of all losses."""
    rows = phases[phases["phase"] == "val"].melt(["run", "epoch"], ["acc", "loss"], "key")
    failed = (rows["run"] == "r2") & (rows["epoch"] > 3)
    rows["value"] = rows["value"].mask(failed, 0.0)
    rows.assign(is_nan=np.where(failed, yes, type(yes)(0))).to_csv(tmp_path / "metrics.csv", index=False)
    curves = read(tmp_path / "metrics.csv", curve="loss")
    assert curves.observed.tolist() == [6, 6, 3, 6, 6, 6, 6, 6]
    assert "is_nan" not in curves.understood


@pytest.mark.parametrize(
    ("column", "kinds", "both", "curves"),
    [
        ("split", "t v", 4, "train_acc val_acc"),
        ("who", "t v", 4, None),  # nothing says that these are data
        ("split", "train 1,val 2", 4, "train 1_acc,val 2_acc"),
        ("split", "train a,val b", 4, None),  # they differ in more than the data
        ("split", "train,train set", 4, None),
        ("split", "ours,theirs", 4, None),
        ("split", "train,7", 4, None),
        ("is_val", "0 1", 4, "train_acc val_acc"),
        ("is_train", "yes no", 4, "train_acc val_acc"),
        ("train_val", "yes no", 4, None),  # which of them?
        ("split", "train val", 2, "train_acc val_acc"),  # one of them in half of the epochs
        ("split", "train val", 1, None),
    ],
)
def test_kinds_of_data_are_told_by_the_column_and_its_cells(column, kinds, both, curves):
    names = kinds.split("," if "," in kinds else " ")
    rows = [
        {"epoch": str(epoch), column: kind, "acc": f"0.{epoch}{place}"}
        for epoch in range(4)
        for place, kind in enumerate(names[: 2 if epoch < both else 1])
    ]
    table = spread(pd.DataFrame(rows, dtype=object))
    if curves is None:
        assert list(table) == ["epoch", column, "acc"]
    else:
        assert sorted(table) == ["epoch", *curves.split("," if "," in curves else " ")]
        assert len(table) == len(rows)


@pytest.mark.parametrize("names", ["run{}_{}_set_acc", "run{}.{}.acc", "run{}: acc on {} set"])
def test_columns_of_training_and_validation_are_no_trainings(tmp_path, accuracies, names):
    columns = {names.format(i, data): row for i, row in enumerate(accuracies) for data in ("val", "train")}
    pd.DataFrame({"epoch": range(1, 7), **columns}).to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(CurvesError, match=r"by column, are data or metrics of .* call them 'run1 - val_acc'"):
        read(tmp_path / "log.csv")


@pytest.mark.parametrize(
    ("column", "kinds"),
    [
        ("stage", ["tr", "va"]),
        ("stage", ["fit", "validate"]),
        ("name", ["train_f1", "val_f1"]),
        ("stat", ["acc", "loss"]),
        ("type", ["val_loss", "val_error"]),
        ("kind", ["a val", "a test"]),
    ],
)
def test_rows_of_kinds_by_a_column_of_another_name_are_no_trainings(tmp_path, phases, column, kinds):
    told = phases["phase"].map({"train": kinds[0], "val": kinds[1]})
    table = phases[["run", "epoch"]].assign(**{column: told, "value": phases["acc"]})
    table.to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(CurvesError, match=f"by {column}, are data or metrics of the same trainings"):
        read(tmp_path / "log.csv")


def test_trainings_may_be_called_as_what_they_minimize_or_were_trained_on(tmp_path, phases):
    table = phases[phases["phase"] == "val"][["run", "epoch", "acc"]]
    for names in (["ce", "mse"], ["train_small", "train_large"], ["exp", "exp_test"]):
        called = table[table["run"].isin(("r0", "r1"))].replace({"r0": names[0], "r1": names[1]})
        called.to_csv(tmp_path / "log.csv", index=False)
        assert list(read(tmp_path / "log.csv").names) == names


def test_splits_of_which_one_is_called_train_are_no_trainings(tmp_path, phases):
    def kinds(*names, column="split"):
        told = phases["phase"].map(dict(zip(("train", "val"), names, strict=True)))
        phases.drop(columns="phase").assign(**{column: told}).to_csv(tmp_path / "log.csv", index=False)
        return read(tmp_path / "log.csv")

    for train in ("train", "FIT"):
        with pytest.raises(CurvesError, match=f"unseen, {train}, by split, seem to be data of the same"):
            kinds(train, "unseen")
    for names in (("0", "1"), ("train", "train+extra"), ("small", "large")):
        assert len(kinds(*names).values) == 16
    assert len(kinds("train", "finetune", column="how").values) == 16

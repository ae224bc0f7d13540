"""Tables with a row per epoch: of several trainings, and of one."""

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves
from predictor.curves.long import _on_grid

read = LearningCurves.read


@pytest.fixture
def write(tmp_path):
    def to_csv(table, name="long.csv"):
        table.to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return to_csv


def test_a_row_per_training_and_epoch_in_any_order(write, long, accuracies, losses, rates):
    curves = read(write(long.sample(frac=1, random_state=0)))
    order = [int(name[1:]) for name in curves.names]
    np.testing.assert_array_equal(curves.values, accuracies[order])
    np.testing.assert_array_equal(curves.hyperparameters["lr"], rates[order])
    assert "val_acc at epoch 1, 2, ..., 6; trainings told apart by run; parameters lr" in curves.understood
    by_loss = read(write(long), curve="val_loss")
    np.testing.assert_array_equal(by_loss.values, losses)
    assert (by_loss.metric, by_loss.direction) == ("loss", "minimize")


@pytest.mark.parametrize("name", ["r2_score", "f2_score", "l2_loss"])
def test_the_number_of_a_single_metric_leaves_rows_without_numbers_epochs(write, losses, name):
    table = pd.DataFrame({"val_loss": losses[0], name: 1 / losses[0]})
    np.testing.assert_array_equal(read(write(table)).values, losses[:1])


def test_training_data_are_not_taken_where_an_unknown_metric_is_of_validation_data(write, long, accuracies):
    table = long.rename(columns={"val_loss": "train_loss", "val_acc": "val_jaccard"})
    with pytest.raises(
        CurvesError, match=r"train_loss was measured on training data; val_jaccard, .* --curve"
    ):
        read(write(table))
    curves = read(write(table), curve="val_jaccard", direction="maximize")
    np.testing.assert_array_equal(curves.values, accuracies)
    assert read(write(table), curve="train_loss").direction == "minimize"


def test_entropy_comes_after_other_metrics_and_is_asked_about_alone(write, long, losses):
    table = long.rename(columns={"val_acc": "entropy", "val_loss": "loss"})
    assert read(write(table)).metric == "loss"
    alone = table.drop(columns="loss")
    with pytest.raises(CurvesError, match=r"'entropy' does not say whether more is better .* --direction"):
        read(write(alone))
    assert read(write(alone), direction="maximize").metric == "entropy"


def test_what_goes_with_validation_and_is_no_curve_does_not_hinder_training_data(write, long, losses, rates):
    beside = {"val_share": np.repeat(rates, 6), "val_time": np.arange(48.0), "val_step": np.arange(48)}
    table = long.drop(columns="val_acc").rename(columns={"val_loss": "train_loss"}).assign(**beside)
    curves = read(write(table))
    np.testing.assert_array_equal(curves.values, losses)


@pytest.mark.parametrize("beside", ["kl_weight", "reward_scale", "val_accuracy_time", "standard_error"])
def test_what_goes_with_a_metric_is_not_the_curve(write, long, losses, beside):
    table = long.drop(columns="val_acc").rename(columns={"val_loss": "loss"})
    curves = read(write(table.assign(**{beside: np.linspace(0.01, 1, len(table))})))
    np.testing.assert_array_equal(curves.values, losses)


@pytest.mark.parametrize(
    ("first", "rank"),
    [
        ("val_sparse_categorical_accuracy", "val_sparse_top_k_categorical_accuracy"),
        ("Val Top-1", "Val Top-5"),
    ],
)
def test_accuracy_comes_before_that_of_the_best_ranks(write, long, accuracies, first, rank):
    of_ranks = np.round(0.5 + accuracies.ravel() / 2, 6)
    table = long.rename(columns={"val_acc": first}).assign(**{rank: of_ranks})
    curves = read(write(table))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert f"accuracy (maximized) in {first}" in curves.understood


def test_trainings_are_told_apart_by_dates_by_parameters_or_by_their_order(write, long, accuracies):
    dated = long.assign(run=long["run"].str[1:].astype(int) + 1700).rename(columns={"run": "timestamp"})
    repeated = long.drop(columns=["run", "lr"]).assign(model=np.repeat(list("aabbccdd"), 6))
    for table, told in (
        (dated.drop(columns="lr"), "timestamp"),
        (long.drop(columns="run"), "lr"),
        (long.drop(columns=["run", "lr"]), "their order: the epochs begin anew"),
        (repeated.assign(seed=np.tile(np.repeat([1, 2], 6), 4)), "model, seed"),
    ):
        curves = read(write(table))
        np.testing.assert_array_equal(curves.values, accuracies)
        assert f"told apart by {told}" in curves.understood


def test_rows_that_nothing_tells_apart_are_refused_with_a_sample(write, long):
    shuffled = long.drop(columns=["run", "lr"]).sample(frac=1, random_state=3)
    with pytest.raises(
        CurvesError, match=r"rows with the same epoch, and no column .* found 3 columns \(epoch, val_loss"
    ):
        read(write(shuffled))


def test_a_row_of_results_for_each_run_is_no_curve_and_told_as_that(write, long):
    results = (
        long[long["epoch"] == 6].assign(State="finished").rename(columns={"run": "Name", "epoch": "_step"})
    )
    with pytest.raises(
        CurvesError, match=r"one row for each Name: these are results, and a curve has .*found 6"
    ):
        read(write(results))


def test_an_id_tells_trainings_apart_and_the_number_of_a_row_does_not(write, long, accuracies):
    mixed = long.drop(columns="lr").rename(columns={"run": "id"}).sample(frac=1, random_state=3)
    curves = read(write(mixed.assign(**{"Unnamed: 0": np.arange(len(mixed)) // 2})))
    np.testing.assert_array_equal(curves.values, accuracies[[int(name[1:]) for name in curves.names]])
    assert "told apart by id" in curves.understood


def test_a_rate_that_decays_does_not_tell_trainings_apart(write, long, accuracies):
    """As Keras's CSVLogger appends one training after the other, each with rates of its own."""
    curves = read(write(long.drop(columns="run").assign(lr=long["lr"] * 0.1 ** (long["epoch"] > 3))))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert "their order: the epochs begin anew; no parameters" in curves.understood


def test_a_row_that_sums_up_is_refused_as_that(write, long):
    table = pd.concat([long, pd.DataFrame([{"run": "best", "val_acc": 0.99}])])
    with pytest.raises(
        CurvesError, match=r"row 49 has a value, but no number in epoch; leave out rows that sum"
    ):
        read(write(table))


def test_trainings_that_have_many_epochs_twice_are_refused(write, long):
    twice = pd.concat([long, long[long["epoch"] > 3]]).drop(columns="lr")
    with pytest.raises(
        CurvesError, match="24 of 72 rows repeat one with the same epoch and the same run: more"
    ):
        read(write(twice))


def test_rows_that_all_have_the_same_step_are_refused(write, long):
    """As MLflow writes them where it was given none: no row is a training of one epoch."""
    with pytest.raises(CurvesError, match="rows with the same step, and no column"):
        read(write(long.drop(columns=["epoch", "lr"]).assign(step=0)))


@pytest.mark.parametrize("order", [["run", "epoch"], ["epoch", "run"]])
@pytest.mark.parametrize("epochs", [1, 100], ids=["epoch", "step"])
def test_numbered_metrics_of_an_epoch_are_no_epochs(write, long, losses, order, epochs):
    numbered = {f"Bleu_{n}": long["val_acc"] / n for n in (1, 2, 3, 4)}
    table = long.sort_values(order).drop(columns="val_acc").assign(**numbered, epoch=long["epoch"] * epochs)
    curves = read(write(table.rename(columns={"epoch": "step"} if epochs > 1 else {})))
    np.testing.assert_array_equal(curves.values, losses)


def test_runs_that_were_repeated_are_a_row_each_where_columns_are_epochs(tmp_path, accuracies):
    rows = [f"r{i // 2},{i % 2 + 1},{','.join(map(str, row))}" for i, row in enumerate(accuracies)]
    path = tmp_path / "wide.csv"
    path.write_text("run,iteration,acc_1,acc_2,acc_3,acc_4,acc_5,acc_6\n" + "\n".join(rows))
    np.testing.assert_array_equal(read(path).values, accuracies)


def test_trainings_of_different_lengths(write, long, accuracies):
    curves = read(write(long[(long["run"] != "r2") | (long["epoch"] <= 4)]))
    assert curves.observed.tolist() == [6, 6, 4, 6, 6, 6, 6, 6]
    np.testing.assert_array_equal(curves.values[2, :4], accuracies[2, :4])
    assert "1 of them not to the end" in curves.understood


def test_a_value_stands_at_its_epoch_and_what_few_trainings_have_is_left_out(write, long):
    table = long.assign(epoch=10 * long["epoch"])
    odd = pd.DataFrame(
        {"run": "r0", "epoch": [5, 15], "val_acc": [0.01, 0.02], "val_loss": 2.0, "lr": long["lr"][0]}
    )
    curves = read(write(pd.concat([table[(table["run"] != "r3") | (table["epoch"] != 20)], odd])))
    assert curves.T == 6
    assert curves.values[0, 0] == long["val_acc"][0]
    assert np.isnan(curves.values[3, 1])
    assert "left out: 5, 15 (in fewer than half of the trainings)" in curves.understood
    assert "1 of 8 trainings lacks an epoch in between and counts as ended there" in curves.understood


def test_trainings_without_epochs_in_common_are_refused(write, long):
    times = long["epoch"] * (1 + 0.01 * long["run"].str[1:].astype(int))
    with pytest.raises(CurvesError, match=r"few values of step in common: only \d+ of 48 are"):
        read(write(long.drop(columns="epoch").assign(step=times)))


def test_values_before_epoch_zero_are_refused(write, long):
    """A tool's row for the whole training, or an evaluation before it: neither is the first epoch."""
    whole = long[long["epoch"] == 6].assign(epoch=-1)
    with pytest.raises(CurvesError, match="have a value at epoch -1, but epochs begin with 0 or 1; leave"):
        read(write(pd.concat([long, whole])))


def test_trainings_that_follow_one_another_are_not_one(write, long, accuracies):
    after = long.assign(epoch=long["epoch"] + 100 * (long["run"] == "r1"))
    curves = read(write(after[after["run"].isin(["r0", "r1"])]), parameters=[])
    assert curves.names.tolist() == ["r0", "r1"]
    np.testing.assert_array_equal(curves.values[0, :6], accuracies[0])


def test_an_epoch_that_comes_again_is_told(write, long):
    again = long.iloc[[5]].assign(val_acc=0.123)
    curves = read(write(pd.concat([long, again])))
    assert curves.values[0, 5] == 0.123
    assert "1 value more at the same epoch: the last one counts" in curves.understood


def test_metrics_named_in_a_column(write, long, accuracies):
    melted = long.melt(id_vars=["run", "epoch"], value_vars=["val_acc", "val_loss"], var_name="key")
    np.testing.assert_array_equal(read(write(melted)).values, accuracies)


def test_epochs_from_zero_are_kept_unless_they_are_before_training(write, long, accuracies):
    from_zero = long.assign(epoch=long["epoch"] - 1)
    curves = read(write(from_zero))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert "epoch 0 kept as the first" in curves.understood
    start = pd.DataFrame(
        {"run": [f"r{i}" for i in range(8)], "epoch": 0, "val_acc": 0.1, "lr": long["lr"][::6].to_numpy()}
    )
    curves = read(write(pd.concat([start, long])))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert "epoch 0 left out: before training" in curves.understood


def test_one_training_as_lightning_logs_it(write):
    rows = [
        row
        for e in range(3)
        for row in (
            {"epoch": e, "step": 100 * e, "train_loss": 2 - e},
            {"epoch": e, "step": 100 * e, "val_acc": 0.3 + e / 10},
        )
    ]
    curves = read(write(pd.DataFrame([*rows, {"epoch": 3, "step": 300, "test_loss": 0.2}])))
    np.testing.assert_allclose(curves.values, [[0.3, 0.4, 0.5]])
    assert "one training" in curves.understood


def test_one_column_of_values(tmp_path):
    (tmp_path / "val_acc.csv").write_text("val_acc\n30.2\n47.8\n58.1\n")
    curves = read(tmp_path / "val_acc.csv")
    assert curves.values.tolist() == [[30.2, 47.8, 58.1]]


def test_results_and_times_of_trainings_are_no_parameters(write, long):
    ends = long.groupby("run")["val_acc"].transform("max")
    curves = read(
        write(
            long.assign(
                best=ends, answer=100 * ends, seconds=ends.rank(), optimizer="SGD", widths=ends.rank()
            )
        )
    )
    assert list(curves.hyperparameters) == ["lr"]
    assert list(curves.architecture) == ["widths"]


@pytest.mark.parametrize("valued", [1, 2])
def test_a_training_without_any_value_is_left_out_with_a_remark(write, valued):
    """However many others there are; rows without a value are no training of their own."""
    runs = np.repeat(["a", "b", "c"][: valued + 1], 4)
    values = np.where(runs == runs[-1], np.nan, np.tile([0.1, 0.2, 0.3, 0.5], valued + 1))
    table = pd.DataFrame({"run": runs, "epoch": np.tile([1, 2, 3, 4], valued + 1), "val_acc": values})
    curves = read(write(table))
    assert len(curves) == valued
    assert "1 training without a value left out" in curves.understood
    table = pd.DataFrame({"id": [7, 8, 9, 10], "epoch": [1, 2, 3, 4], "val_acc": [0.1, 0.2, 0.4, np.nan]})
    assert "left out" not in read(write(table)).understood


def test_histories_one_below_the_other_are_told_apart_by_their_index(write, accuracies, losses):
    """As pandas puts them together: each keeps its index, which has no name."""
    histories = [pd.DataFrame({"loss": v, "accuracy": a}) for a, v in zip(accuracies, losses, strict=True)]
    curves = read(write(pd.concat(histories).reset_index().rename(columns={"index": ""})))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert "told apart by their order: the epochs begin anew" in curves.understood
    alone = read(write(histories[0].reset_index().rename(columns={"index": ""})))
    np.testing.assert_array_equal(alone.values, accuracies[:1])


def test_an_id_that_counts_anew_in_each_epoch_is_that_of_the_trainings(write, accuracies):
    """Rows by epoch, and by training in each: 0, 1, 2, 0, 1, 2, ... are no epochs."""
    rows = [{"id": i, "val_acc": value} for values in accuracies.T for i, value in enumerate(values)]
    with pytest.raises(CurvesError, match="the trainings have few values of epoch in common"):
        read(write(pd.DataFrame(rows)))


def test_training_data_are_not_taken_where_the_best_so_far_is_of_validation_data(write, long, accuracies):
    table = long.rename(columns={"val_loss": "train_loss", "val_acc": "best_val_acc"})
    with pytest.raises(
        CurvesError, match=r"train_loss was measured on training data; best_val_acc, .* --curve"
    ):
        read(write(table))
    np.testing.assert_array_equal(read(write(table), curve="best_val_acc").values, accuracies)
    assert read(write(table), curve="train_loss").metric == "loss"


def test_a_training_that_is_called_as_a_metric_among_others_is_asked_about(write, accuracies):
    table = pd.DataFrame({f"r{i}": row for i, row in enumerate(accuracies)}).assign(epoch=range(1, 7))
    with pytest.raises(
        CurvesError, match=r"r2 may be a metric, or one of r0, r1, r2, .* --curve r2; columns of"
    ):
        read(write(table))
    np.testing.assert_array_equal(read(write(table), curve="r2").values, accuracies[2:3])
    score = table[["epoch", "r2"]].assign(loss=1 - accuracies[2])
    assert read(write(score)).metric == "r2"


def test_a_last_epoch_far_after_the_others_is_told_of(write, long, accuracies):
    """Such as that of the test after training."""
    ends = pd.DataFrame({"run": [f"r{i}" for i in range(8)], "epoch": 999, "val_acc": accuracies[:, -1]})
    curves = read(write(pd.concat([long, ends])))
    assert curves.T == 7
    assert "; epoch 999 kept as the last, far after 6;" in curves.understood


def test_the_first_epoch_that_is_no_number_is_named(write, long):
    table = pd.concat([long, long.iloc[:1].assign(epoch="best")])
    with pytest.raises(CurvesError, match="row 49, column 'epoch': 'best' is not a number"):
        read(write(table))


@pytest.mark.parametrize("run", ["run", "trial_id"])
@pytest.mark.parametrize("other", ["lr", "pid", "date"])
def test_a_run_that_was_resumed_with_another_rate_or_process_is_one_training(
    write, long, accuracies, run, other
):
    """The later rows of its epochs count, and the line says so."""
    rates = long["lr"] * 0.5 ** ((long["epoch"] - 1) // 3) if other == "lr" else long["run"].str[1:]
    table = long.drop(columns="lr").assign(**{other: rates.astype(str)})
    again = table[(table["run"] == "r2") & (table["epoch"] > 4)].assign(val_acc=[0.7, 0.8], **{other: "77"})
    curves = read(write(pd.concat([table, again]).rename(columns={"run": run})))
    accuracies[2, 4:] = [0.7, 0.8]
    np.testing.assert_array_equal(curves.values, accuracies)
    assert f"told apart by {run}; 2 values more at the same epoch: the last one counts" in curves.understood


@pytest.mark.parametrize("name", ["exp_name", "trial_name", "seed", "arch"])
def test_rows_by_epoch_are_not_told_apart_by_what_changes_within_trainings(write, long, accuracies, name):
    """A rate that decays, or the memory of a GPU: some of these trainings would begin late."""
    rates = long["lr"] * np.where(long["epoch"] > 3, 0.01, 1)
    table = long.assign(lr=rates, memory=1000 * rates).rename(columns={"run": name})
    columns = ["epoch", "lr", "memory", name, "val_acc"]
    curves = read(write(table.sort_values("epoch", kind="stable")[columns]))
    np.testing.assert_array_equal(curves.values, accuracies)
    assert f"told apart by {name};" in curves.understood


def test_columns_that_break_trainings_up_in_different_ways_are_asked_about(write, long):
    changing = long.assign(
        lr=long["lr"] * np.where(long["epoch"] > 3, 0.01, 1),
        wd=long["lr"] * np.where(long["epoch"] > 2, 10.1, 1),
    )
    with pytest.raises(
        CurvesError, match="lr and wd tell different trainings apart, some of which begin after"
    ):
        read(write(changing.drop(columns="run").sort_values("epoch", kind="stable")))


def test_runs_that_begin_late_are_told_apart_by_their_name_all_the_same(write, long, accuracies):
    """Although with the model, which two of them have, all would begin with the first epoch."""
    late = long.assign(epoch=long["epoch"] + 0.5 * (long["run"].str[1:].astype(int) % 2), model="a")
    late.loc[late["run"] > "r3", "model"] = "b"
    curves = read(write(late[["run", "model", "epoch", "val_acc"]][late["run"].isin(["r0", "r1", "r4"])]))
    assert curves.names.tolist() == ["r0", "r1", "r4"]


@pytest.mark.parametrize("cell", ["failed", "#DIV/0!", "--", "?", "-nan(ind)", "0.53*"])
def test_a_cell_of_text_among_the_values_of_the_curve_is_named(write, long, cell):
    """And the curve is not that of the training data, in which there is none."""
    table = long.rename(columns={"val_loss": "train_loss"}).astype({"val_acc": object})
    table.loc[40, "val_acc"] = cell
    said = rf"row 41, column '\w+': '{re.escape(cell)}' is not a number"
    with pytest.raises(CurvesError, match=said):
        read(write(table))
    with pytest.raises(CurvesError, match=said):
        read(write(table.rename(columns={"val_acc": "val_jaccard"})), curve="val_jaccard")
    with pytest.raises(CurvesError, match="train_loss was measured on training data; val_jaccard, measured"):
        read(write(table.rename(columns={"val_acc": "val_jaccard"})))
    np.testing.assert_array_equal(read(write(table), curve="train_loss").values[0], long["val_loss"][:6])


def test_a_column_of_text_and_few_numbers_is_no_curve(write, long, accuracies):
    table = long.assign(val_loss=np.where(long["run"] == "r1", "0.5", "mse"))
    np.testing.assert_array_equal(read(write(table)).values, accuracies)


def test_a_cell_that_pandas_writes_for_what_is_missing_is_empty(write, long):
    table = long.astype({"val_acc": object})
    table.loc[11, "val_acc"] = "<NA>"
    assert read(write(table)).observed.tolist() == [6, 5, 6, 6, 6, 6, 6, 6]


def test_epochs_are_kept_that_half_of_the_trainings_have_that_come_so_far():
    rng = np.random.default_rng(0)
    series = [
        {float(e): rng.random() for e in rng.choice(30, size=rng.integers(1, 20), replace=False)}
        for _ in range(40)
    ]
    values, grid, remarks = _on_grid(series)
    for epoch in range(30):
        has = sum(epoch in one for one in series)
        come = sum(max(one) >= epoch for one in series)
        assert (epoch in grid) == (has > 0 and 2 * has >= come)
    np.testing.assert_array_equal(values, [[one.get(epoch, np.nan) for epoch in grid] for one in series])
    assert "in fewer than half of the trainings" in remarks[0]


@pytest.mark.parametrize("told_by", [["config"], ["lr", "seed"]])
def test_what_is_measured_in_every_epoch_tells_no_trainings_apart(tmp_path, told_by):
    """A gradient's norm hardly ever comes again in an epoch; one training lacks its first."""
    rng = np.random.default_rng(1)
    values = product((1, 2, 3), repeat=2) if len(told_by) > 1 else product("abcdefgh")
    trainings = [dict(zip(told_by, of, strict=True)) for of in values]
    rows = [
        {**one, "epoch": epoch, "grad_norm": round(rng.uniform(0, 3), 3), "val_acc": 0.5 + epoch / 50}
        for epoch in range(1, 21)
        for place, one in enumerate(trainings)
        if (place, epoch) != (1, 1) or len(told_by) > 1
    ]
    table = pd.DataFrame(rows)
    assert table["grad_norm"].nunique() < len(table)
    assert not table.duplicated(["epoch", "grad_norm"]).any()
    table.to_csv(tmp_path / "log.csv", index=False)
    curves = read(tmp_path / "log.csv")
    assert f"trainings told apart by {', '.join(told_by)}" in curves.understood
    assert len(curves) == len(trainings)

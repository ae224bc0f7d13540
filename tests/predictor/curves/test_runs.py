"""A file for each training, as Keras, Ray, Lightning and TensorBoard write them."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves
from predictor.curves.runs import files_of

read = LearningCurves.read
EPOCHS = np.arange(6)


def keras(folder, i, accuracy, rate):
    table = {
        "epoch": EPOCHS,
        "accuracy": accuracy,
        "loss": 1 - accuracy,
        "val_accuracy": accuracy,
        "learning_rate": rate,
    }
    pd.DataFrame(table).to_csv(folder / f"run{i}.csv", index=False)


def keras_log(folder, i, accuracy, rate):
    run = folder / f"run{i}"
    run.mkdir()
    keras(run, i, accuracy, rate)
    (run / f"run{i}.csv").rename(run / "training.log")
    (run / "args.json").write_text('{"seed": 1}')


def plain_log(folder, i, accuracy, rate):
    keras(folder, i, accuracy, rate)
    (folder / f"run{i}.csv").rename(folder / f"run{i}.log")


def ray(folder, i, accuracy, rate):
    trial = folder / f"trial_{i}"
    trial.mkdir()
    bookkeeping = {
        "trial_id": f"x{i}",
        "pid": 100 + i,
        "timestamp": 1700 + EPOCHS,
        "time_total_s": (i + 1.5) * EPOCHS,
    }
    table = {"accuracy": accuracy, "training_iteration": EPOCHS + 1, **bookkeeping}
    pd.DataFrame(table).to_csv(trial / "progress.csv", index=False)
    results = [
        {"accuracy": a, "training_iteration": e + 1, "config": {"lr": rate}} for e, a in enumerate(accuracy)
    ]
    (trial / "result.json").write_text("\n".join(map(json.dumps, results)))
    (trial / "params.json").write_text(json.dumps({"lr": rate, "optimizer": "SGD"}))


def lightning(folder, i, accuracy, rate):
    version = folder / f"version_{i}"
    version.mkdir()
    rows = [
        row for e in EPOCHS for row in ({"epoch": e, "train_loss": 1}, {"epoch": e, "val_acc": accuracy[e]})
    ]
    pd.DataFrame(rows).to_csv(version / "metrics.csv", index=False)
    (version / "hparams.yaml").write_text(f"lr: {rate}\noptimizer: SGD\n")


def tensorboard_csv(folder, i, accuracy, rate):
    table = {"Wall time": EPOCHS * 1.5, "Step": EPOCHS, "Value": accuracy}
    pd.DataFrame(table).to_csv(folder / f"run-r{i}-tag-val_acc.csv", index=False)


def histories(folder, i, accuracy, rate):
    (folder / f"h{i}.json").write_text(
        json.dumps({"lr": rate, "val_accuracy": list(accuracy), "loss": [1.0] * 6})
    )


def sacred(folder, i, accuracy, rate):
    run = folder / str(i)
    run.mkdir()
    times = [f"2026-01-01T00:00:0{e}.1" for e in EPOCHS]
    metric = {"steps": EPOCHS.tolist(), "timestamps": times, "values": list(accuracy)}
    (run / "metrics.json").write_text(json.dumps({"validation.accuracy": metric}))
    (run / "config.json").write_text(json.dumps({"lr": rate}))
    (run / "run.json").write_text(json.dumps({"command": "main", "artifacts": [], "result": 0.5}))
    (run / "cout.txt").write_text("INFO - main - Started\nlr 0.1, seed 1\n")


@pytest.mark.parametrize(
    ("tool", "pattern", "parameter"),
    [
        (keras, "*.csv", "learning_rate"),
        (keras_log, "*/training.log", "learning_rate"),
        (plain_log, "*.log", "learning_rate"),
        (ray, "*/progress.csv", "lr"),
        (ray, "**/result.json", "lr"),
        (lightning, "*/metrics.csv", "lr"),
        (tensorboard_csv, "*.csv", None),
        (histories, "*.json", "lr"),
        (sacred, "*/metrics.json", None),
    ],
)
def test_a_folder_and_a_pattern_with_a_file_for_each_training(
    tmp_path, accuracies, rates, tool, pattern, parameter
):
    for i, (accuracy, rate) in enumerate(zip(accuracies, rates, strict=True)):
        tool(tmp_path, i, accuracy, rate)
    for curves in (read(tmp_path), read(f"{tmp_path}/{pattern}"), read(sorted(tmp_path.glob(pattern)))):
        np.testing.assert_array_equal(curves.values, accuracies)
        assert (curves.metric, curves.direction) == ("accuracy", "maximize")
        assert list(curves.hyperparameters) == ([parameter] if parameter else [])
        if parameter:
            np.testing.assert_array_equal(curves.hyperparameters[parameter], rates)


def test_of_sacred_a_run_without_a_value_is_left_out(tmp_path, accuracies):
    for i, accuracy in enumerate(accuracies):
        sacred(tmp_path, i, accuracy, 0.1)
    (tmp_path / "0" / "metrics.json").write_text("{}")  # it failed at once
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, accuracies[1:])
    assert "left out: 0/metrics.json (without a row)" in curves.understood


def test_other_tables_beside_files_called_as_sacreds_are_read(tmp_path, accuracies):
    for i, accuracy in enumerate(accuracies):
        pd.DataFrame({"epoch": EPOCHS, "val_acc": accuracy}).to_csv(tmp_path / f"seed_{i}.csv", index=False)
    (tmp_path / "run.json").write_text(json.dumps({"lr": 0.1}))
    (tmp_path / "metrics.json").write_text(json.dumps({"val_acc": list(accuracies.mean(axis=0))}))
    np.testing.assert_array_equal(read(tmp_path).values, accuracies)


@pytest.mark.parametrize("tensors", [False, True], ids=["as PyTorch does", "as TensorFlow and Keras do"])
def test_tensorboard_event_files(tmp_path, accuracies, tensors):
    pytest.importorskip("tensorboard")
    summaries = pytest.importorskip("torch.utils.tensorboard")
    for i, accuracy in enumerate(accuracies):
        with summaries.SummaryWriter(tmp_path / f"run{i}") as writer:
            for step, value in enumerate(accuracy, start=1):
                writer.add_scalar("val/accuracy", value, step, new_style=tensors)
                writer.add_scalar("train/loss", 1 - value, step, new_style=tensors)
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, accuracies.astype(np.float32))
    assert curves.names.tolist() == [f"run{i}" for i in range(8)]


@pytest.mark.parametrize("tool", [ray, lightning])
def test_the_parameters_beside_event_files_are_those_of_the_trainings(tmp_path, accuracies, rates, tool):
    pytest.importorskip("tensorboard")
    summaries = pytest.importorskip("torch.utils.tensorboard")
    for i, (accuracy, rate) in enumerate(zip(accuracies, rates, strict=True)):
        tool(tmp_path, i, accuracy, rate)
        with summaries.SummaryWriter(next(tmp_path.glob(f"*_{i}"))) as writer:
            for step, value in enumerate(accuracy, start=1):
                writer.add_scalar("val_acc", value, step)
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, accuracies.astype(np.float32))
    np.testing.assert_array_equal(curves.hyperparameters["lr"], rates)


def test_settings_in_settings_of_ray_are_parameters(tmp_path, accuracies, rates):
    for i, (accuracy, rate) in enumerate(zip(accuracies, rates, strict=True)):
        ray(tmp_path, i, accuracy, rate)
        nested = {"optimizer": {"name": "sgd", "lr": rate}, "model": {"cell": {"width": 8 * (i % 3)}}}
        (tmp_path / f"trial_{i}" / "params.json").write_text(json.dumps(nested))
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, accuracies)
    parameters = {**curves.architecture, **curves.hyperparameters}
    np.testing.assert_array_equal(parameters["optimizer/lr"], rates)
    np.testing.assert_array_equal(parameters["model/cell/width"], [0, 8, 16, 0, 8, 16, 0, 8])


def test_the_export_of_a_chart_with_a_column_for_each_training(tmp_path, accuracies):
    table = {"Step": EPOCHS + 1}
    for i, accuracy in enumerate(accuracies):
        for end in ("", "__MIN", "__MAX"):
            table[f"sweep-{i} - val_acc{end}"] = accuracy if not end else 0
    pd.DataFrame(table).to_csv(tmp_path / "wandb.csv", index=False)
    curves = read(tmp_path / "wandb.csv")
    np.testing.assert_array_equal(curves.values, accuracies)
    assert curves.names.tolist() == [f"sweep-{i}" for i in range(8)]


def yolo(folder, i, accuracy, names):
    """Ultralytics' results.csv: columns padded with spaces."""
    run = folder / f"train{i}"
    run.mkdir()
    rows = [
        [e, 12.5 * e + i, 1 - a, 0.9 * a, 0.8 * a, a, round(0.6 * a, 6), 1 - a]
        for e, a in enumerate(accuracy, 1)
    ]
    lines = [",".join(f"{cell:>23}" for cell in row) for row in (names, *rows)]
    (run / "results.csv").write_text("\n".join(lines) + "\n")


YOLO = ("epoch", "time", "train/box_loss", "metrics/precision(B)", "metrics/recall(B)",
        "metrics/mAP50(B)", "metrics/mAP50-95(B)", "val/box_loss")  # fmt: skip
YOLO_5 = (
    *YOLO[:3],
    "metrics/precision",
    "metrics/recall",
    "metrics/mAP_0.5",
    "metrics/mAP_0.5:0.95",
    YOLO[7],
)


@pytest.mark.parametrize("names", [YOLO, YOLO_5])
def test_results_of_yolo_the_curve_is_the_precision_at_all_overlaps(tmp_path, accuracies, names):
    for i, accuracy in enumerate(accuracies):
        yolo(tmp_path, i, accuracy, names)
    for curves in (read(tmp_path), read(f"{tmp_path}/*/results.csv")):
        np.testing.assert_array_equal(curves.values, np.round(0.6 * accuracies, 6))
        assert f"of map (maximized) in {names[6]} at epoch 1, 2, ..., 6" in curves.understood
    np.testing.assert_array_equal(read(tmp_path, curve=names[5]).values, accuracies)


def test_two_values_in_each_epoch_stand_at_their_steps(tmp_path, accuracies):
    for i, accuracy in enumerate(accuracies):
        table = {"epoch": EPOCHS // 2, "step": 50 * (EPOCHS + 1), "val_acc": accuracy}
        pd.DataFrame(table).to_csv(tmp_path / f"run{i}.csv", index=False)
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, accuracies)
    assert "val_acc at step 50, 100, ..., 300" in curves.understood


def test_rewards_as_stable_baselines_logs_them(tmp_path, accuracies, losses):
    """progress.csv has no column called epoch, and losses of training beside the mean reward."""
    for i in range(8):
        (tmp_path / f"PPO_{i}").mkdir()
        table = {
            "rollout/ep_len_mean": 20 + EPOCHS,
            "rollout/ep_rew_mean": 200 * accuracies[i],
            "time/fps": 900 - EPOCHS,
            "time/iterations": EPOCHS + 1,
            "time/total_timesteps": 2048 * (EPOCHS + 1),
            "train/loss": losses[i],
        }
        pd.DataFrame(table).to_csv(tmp_path / f"PPO_{i}/progress.csv", index=False)
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, 200 * accuracies)
    said = "rew (maximized) in rollout/ep_rew_mean at time/iterations 1, 2, ..., 6"
    assert said in curves.understood


def test_a_training_that_stopped_early_is_shorter(tmp_path, accuracies, rates):
    for i in range(3):
        keras(tmp_path, i, accuracies[i], rates[i])
    table = pd.read_csv(tmp_path / "run1.csv")
    table[:2].to_csv(tmp_path / "run1.csv", index=False)
    assert read(tmp_path).observed.tolist() == [6, 2, 6]


def test_a_file_that_is_no_training_is_named(tmp_path, accuracies, rates):
    keras(tmp_path, 0, accuracies[0], rates[0])
    (tmp_path / "zz.csv").write_text("lr,depth\n0.1,3\n")
    with pytest.raises(
        CurvesError, match=r"zz.csv of 2 files, one for each training: .* found 2 columns \(lr, depth\)"
    ):
        read(tmp_path)


def test_of_files_of_one_name_the_one_that_is_no_training_is_named_with_its_folder(
    tmp_path, accuracies, rates
):
    for i in range(3):
        ray(tmp_path, i, accuracies[i], rates[i])
    (tmp_path / "trial_1" / "result.json").write_text("")
    with pytest.raises(CurvesError, match=r"trial_1/result\.json of 3 files, .* empty"):
        read(f"{tmp_path}/*/result.json")


def test_a_folder_without_curves_is_one_line(tmp_path):
    with pytest.raises(CurvesError, match=r"no curves there: .*, no search\.db$"):
        read(tmp_path)


def _append(folder, *parts):
    """Keras's CSVLogger(append=True) in each of several files."""
    for i, rows in enumerate(parts):
        pd.concat(rows).to_csv(folder / f"log{i}.csv", index=False)


def test_an_epoch_that_is_written_as_missing_is_named(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("epoch,acc\nNA,0.3\n2,0.4\n3,0.5\n")
    with pytest.raises(CurvesError, match="row 1 has a value, but no number in epoch"):
        read(tmp_path)


def test_whole_trainings_one_after_the_other_in_each_file_are_trainings_of_their_own(tmp_path, accuracies):
    tables = [pd.DataFrame({"epoch": EPOCHS, "val_accuracy": row, "loss": 1 - row}) for row in accuracies]
    _append(tmp_path, tables[:2], tables[2:4], [tables[4], tables[5][:4]])
    expected = accuracies[:6].copy()
    expected[5, 4:] = np.nan
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, expected)
    assert list(curves.names) == ["log0 1", "log0 2", "log1 1", "log1 2", "log2 1", "log2 2"]
    _append(tmp_path, tables[:1], [tables[1], tables[2][:4]], tables[3:4])
    assert "; several trainings in log1, where the epochs begin anew;" in read(tmp_path).understood


def test_a_training_that_was_resumed_or_begun_again_or_logged_in_parts_is_one(tmp_path, accuracies):
    tables = [pd.DataFrame({"epoch": EPOCHS, "val_accuracy": row, "loss": 1 - row}) for row in accuracies]
    resumed, again = [tables[0], tables[0][4:]], [tables[1][:3], tables[1]]
    apart = [tables[2][["epoch", "loss"]], tables[2][["epoch", "val_accuracy"]]]
    _append(tmp_path, resumed, again, apart)
    np.testing.assert_array_equal(read(tmp_path).values, accuracies[:3])


def test_results_beside_lists_of_epochs_are_no_curves(tmp_path, accuracies, losses):
    """A file per training: its accuracy after training is one number, its losses are a list."""
    for number, (row, values) in enumerate(zip(losses, accuracies, strict=True)):
        content = {"loss": list(row), "accuracy": values[-1], "error_penalty": number / 10}
        (tmp_path / f"{number}.json").write_text(json.dumps(content))
    curves = read(tmp_path)
    assert curves.metric == "loss"
    np.testing.assert_array_equal(curves.values, losses)
    assert list(curves.hyperparameters) == ["error_penalty"]


def test_numbers_of_files_with_one_row_are_asked_about_too(tmp_path, accuracies):
    """Whether `acc_stage1` is of an epoch; who says so is believed."""
    columns = [f"acc_stage{number}" for number in range(1, 7)]
    for number, row in enumerate(accuracies):
        pd.DataFrame([row], columns=columns).to_csv(tmp_path / f"{number}.csv", index=False)
    with pytest.raises(CurvesError, match=r"may be epochs, or something else, .*: --curve acc_stage;"):
        read(tmp_path)
    np.testing.assert_array_equal(read(tmp_path, curve="acc_stage").values, accuracies)


@pytest.mark.parametrize(
    ("there", "trainings"),
    [
        ("a/progress.csv.gz b/progress.csv.gz notes.csv", "a/progress.csv.gz b/progress.csv.gz"),
        ("r1.csv r2.csv params.csv summary.csv", "r1.csv r2.csv"),
        ("config.csv args.csv", "args.csv config.csv"),  # there is nothing else
        ("summary.seed1.csv seed2.csv summary.csv", "seed2.csv summary.seed1.csv"),
        ("r1.csv r2.csv slurm.log", "r1.csv r2.csv"),
        ("r1.log r2.log", "r1.log r2.log"),
        ("a/events.out.tfevents.1 b/progress.csv", "a/events.out.tfevents.1"),
    ],
)
def test_which_files_of_a_folder_are_trainings(tmp_path, there, trainings):
    for name in there.split():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found, said = files_of(str(tmp_path))
    assert ([str(file.relative_to(tmp_path)) for file in found], said) == (trainings.split(), [])


def test_a_pattern_finds_files_at_any_depth_and_no_folders(tmp_path):
    (tmp_path / "a/b.csv").mkdir(parents=True)
    (tmp_path / "a/b.csv/c.csv").touch()
    (tmp_path / "d.csv").touch()
    found, _ = files_of(f"{tmp_path}/**/*.csv")
    assert [str(file.relative_to(tmp_path)) for file in found] == ["a/b.csv/c.csv", "d.csv"]


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        ("", "without a row"),
        ("epoch,val_acc\n", "without a row"),
        ("\ufeffepoch;val_acc\r\n", "without a row"),
        ("epoch,val_acc\n1", "cut off in the first row"),
        ('epoch;"val_acc"\r\n"1', "cut off in the first row"),
    ],
)
@pytest.mark.parametrize("name", ["metrics.csv", "log.csv"])
def test_files_of_a_folder_without_a_row_are_left_out_and_told(tmp_path, accuracies, name, left, reason):
    for i, row in enumerate(accuracies):
        (tmp_path / f"r{i}").mkdir()
        pd.DataFrame({"epoch": EPOCHS, "val_acc": row}).to_csv(tmp_path / f"r{i}" / name, index=False)
    (tmp_path / "r2" / name).write_text(left)
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, np.delete(accuracies, 2, axis=0))
    assert f"left out: r2/{name} ({reason})" in curves.understood
    for i in range(8):
        (tmp_path / f"r{i}" / name).write_text(left)
    with pytest.raises(CurvesError, match=r"of 8 files, .*: (empty|only a header|row 1 has 1 cell;)"):
        read(tmp_path)


def test_a_cell_that_no_reader_takes_is_refused_with_its_file(tmp_path):
    for run in "abc":
        (tmp_path / f"{run}.csv").write_text("epoch,val_acc\n1,0.5\n2,0.75\n")
    (tmp_path / "d.csv").write_text("epoch,val_acc\n" + "x" * 200_000)
    with pytest.raises(CurvesError, match=r"d\.csv of 4 files.*field larger than field limit"):
        read(tmp_path)


def test_packed_files_and_json_of_one_line_are_not_left_out(tmp_path, accuracies):
    for i, row in enumerate(accuracies):
        packed = gzip.compress(json.dumps({"val_acc": row.tolist()}).encode(), mtime=0)
        (tmp_path / f"{i}.json").write_bytes(packed if i % 2 else gzip.decompress(packed))
    np.testing.assert_array_equal(read(tmp_path).values, accuracies)

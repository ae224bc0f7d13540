import json

import numpy as np
import pandas as pd
import pytest

from predictor import CurvesError, LearningCurves

read = LearningCurves.read

JSON = {
    "trainings as a list": lambda a, lr: [
        {"lr": r, "val_acc": list(row)} for r, row in zip(lr, a, strict=True)
    ],
    "trainings by name": lambda a, lr: {
        f"run {i}": {"config": {"lr": r}, "history": {"val_acc": list(row)}}
        for i, (r, row) in enumerate(zip(lr, a, strict=True))
    },
    "lists of numbers": lambda a, lr: a.tolist(),
    "wide, by columns": lambda a, lr: {"lr": list(lr), **{f"acc_{t + 1}": list(a[:, t]) for t in range(6)}},
}


@pytest.mark.parametrize("kind", JSON)
def test_json_of_several_trainings(tmp_path, accuracies, rates, kind):
    path = tmp_path / "curves.json"
    path.write_text(json.dumps(JSON[kind](accuracies, rates)))
    curves = read(path)
    np.testing.assert_array_equal(curves.values, accuracies)
    if kind != "lists of numbers":
        (found,) = curves.hyperparameters.values()
        np.testing.assert_array_equal(found, rates)


def test_json_lines_are_read(tmp_path, accuracies):
    path = tmp_path / "curves.jsonl"
    path.write_text("\n".join(json.dumps({"val_acc": list(row)}) for row in accuracies))
    np.testing.assert_array_equal(read(path).values, accuracies)


def test_json_lines_whose_last_one_was_cut_off_are_read_without_it(tmp_path, long):
    text = long.to_json(orient="records", lines=True).rstrip()
    path = tmp_path / "log.jsonl"
    path.write_text(text[:-9])
    curves = read(path)
    assert curves.observed.tolist() == [6] * 7 + [5]
    assert curves.understood.endswith("; left out: the last line (cut off)")
    for damaged in (text[:-9] + "\n", text[:-9] + "}", text.replace("}", "", 1), text[:9]):
        path.write_text(damaged)
        with pytest.raises(CurvesError, match="neither JSON nor JSON lines: line "):
            read(path)


def test_files_of_json_lines_whose_last_one_was_cut_off_are_named(tmp_path, long):
    for name, rows in long.groupby("run"):
        text = rows.to_json(orient="records", lines=True)
        (tmp_path / f"{name}.jsonl").write_text(text[:-10] if name == "r2" else text)
    assert "; left out: the last line of r2 (cut off);" in read(tmp_path).understood


def test_json_as_pandas_writes_it_is_read(tmp_path, long, accuracies):
    wide = pd.DataFrame(accuracies, columns=[f"acc_{epoch}" for epoch in range(1, 7)])
    for orient in ("columns", "records", "split", "table", "index"):
        for table in (long, wide):
            table.to_json(tmp_path / "table.json", orient=orient)
            np.testing.assert_array_equal(read(tmp_path / "table.json").values, accuracies)


def test_names_in_the_index_that_pandas_wrote_apart_are_names(tmp_path, accuracies):
    names = list("abcdefgh")
    wide = pd.DataFrame(accuracies, columns=[f"acc_{epoch}" for epoch in range(1, 7)], index=names)
    wide.to_json(tmp_path / "wide.json", orient="split")
    assert read(tmp_path / "wide.json").names.tolist() == names


@pytest.mark.parametrize("orient", ["split", "columns", "records", "index"])
def test_json_of_several_levels_in_which_pandas_loses_them_is_refused(tmp_path, long, orient):
    wide = long.pivot(index="epoch", columns="run", values=["val_acc", "val_loss"])
    wide.to_json(tmp_path / "wide.json", orient=orient)
    with pytest.raises(CurvesError, match=r"several levels, such as \('val_acc', 'r0'\); .* table\.to_csv"):
        read(tmp_path / "wide.json")


@pytest.mark.timeout(20)
def test_a_name_that_only_begins_like_several_levels_is_one_and_found_so_at_once(tmp_path, accuracies):
    """12,000 characters took more than a minute."""
    for name in ("/('a, " * 2000, "('" + ", " * 6000, "layers (64, 'relu')", "outer/(a, b)"):
        content = [{name: "x", "val_acc": list(row)} for row in accuracies]
        (tmp_path / "curves.json").write_text(json.dumps(content))
        np.testing.assert_array_equal(read(tmp_path / "curves.json").values, accuracies)
    for name in ("('val_acc', 1)", "outer/(1, 'val_acc')", "('val/acc', 'r1')_2"):
        (tmp_path / "curves.json").write_text(json.dumps([{name: 0.5, "val_acc": [0.1, 0.2]}]))
        with pytest.raises(CurvesError, match="several levels, such as"):
            read(tmp_path / "curves.json")


def test_objects_with_columns_and_data_that_are_no_table_are_asked_about(tmp_path):
    for data in ([1, 2], [[1, 2], [1]], [], "x"):
        content = {"columns": ["a", "b"], "index": [0, 1], "data": data}
        (tmp_path / "curves.json").write_text(json.dumps(content))
        with pytest.raises(CurvesError):
            read(tmp_path / "curves.json")
    (tmp_path / "curves.json").write_text(json.dumps({"columns": ["acc_1", "acc_1"], "data": [[1, 2]]}))
    with pytest.raises(CurvesError, match="column 'acc_1' occurs 2 times"):
        read(tmp_path / "curves.json")


def test_the_results_of_keras_tuner_and_of_smac_are_called_by_name(tmp_path):
    """Keras Tuner writes a file for each trial, beside those of its oracle; SMAC one for all."""
    for number in range(3):
        value = {"direction": "max", "observations": [{"value": [0.5 + number / 10], "step": 4}]}
        space = [{"class_name": "Int", "config": {"name": "units"}}, {"class_name": "Float", "config": {}}]
        trial = {
            "trial_id": f"{number}",
            "hyperparameters": {"space": space, "values": {"units": 32 * number, "lr": 0.1}},
            "metrics": {"metrics": {"val_accuracy": value}},
            "score": 0.5 + number / 10,
        }
        folder = tmp_path / "tuner" / f"trial_{number}"
        folder.mkdir(parents=True)
        (folder / "trial.json").write_text(json.dumps(trial))
    with pytest.raises(CurvesError, match=r"trial.json of 3 files.*: a trial of Keras Tuner, .*CSVLogger$"):
        read(tmp_path / "tuner")
    costs = [{"config_id": 1, "seed": 0, "budget": budget, "cost": 1 / budget} for budget in (1, 3, 9)]
    history = {"stats": {"finished": 3}, "data": costs, "configs": {"1": {"lr": 0.1}}, "config_origins": {}}
    (tmp_path / "runhistory.json").write_text(json.dumps(history))
    with pytest.raises(CurvesError, match="a run history of SMAC, which holds costs by budget"):
        read(tmp_path / "runhistory.json")


def test_the_intermediate_results_of_nni_are_read_once_their_direction_is_told(tmp_path, accuracies, rates):
    trials = [
        {"id": f"t{i}", "hyperParameters": {"parameters": {"lr": rate}}, "intermediate": list(row)}
        for i, (rate, row) in enumerate(zip(rates, accuracies, strict=True))
    ]
    path = tmp_path / "experiment.json"
    path.write_text(json.dumps({"experimentParameters": {"id": "x"}, "trialMessage": trials}))
    with pytest.raises(CurvesError, match="say --direction maximize or minimize"):
        read(path)
    np.testing.assert_array_equal(read(path, direction="maximize").values, accuracies)


def test_json_of_trainings_with_a_list_of_epochs_each(tmp_path, accuracies, rates):
    epochs = [[{"epoch": t, "val": {"acc": value}} for t, value in enumerate(a, 1)] for a in accuracies]
    runs = [{"lr": rate, "history": rows} for rate, rows in zip(rates, epochs, strict=True)]
    unnumbered = [{"config": {"lr": run["lr"]}, "log": [{"acc": row["val"]["acc"]} for row in run["history"]]}
                  for run in runs]  # fmt: skip
    named = dict(zip("abcdefgh", epochs, strict=True))
    for content in (runs, {"runs": runs}, unnumbered, dict(zip("abcdefgh", runs, strict=True)), named):
        (tmp_path / "runs.json").write_text(json.dumps(content))
        curves = read(tmp_path / "runs.json")
        np.testing.assert_array_equal(curves.values, accuracies)
        if content is not named:
            np.testing.assert_array_equal(curves.hyperparameters["lr"], rates)


def test_json_of_curves_beside_lists_of_objects(tmp_path, accuracies):
    """A network's layers are no epochs, and a list of batches makes no training of an epoch."""
    layers = [{"type": "conv", "filters": 32}, {"type": "dense", "units": 64}]
    runs = [{"layers": layers, "val_acc": curve} for curve in accuracies.tolist()]
    (tmp_path / "runs.json").write_text(json.dumps(runs))
    np.testing.assert_array_equal(read(tmp_path / "runs.json").values, accuracies)
    batches = [{"train_loss": 1.0}, {"train_loss": 0.9}]
    log = [{"batches": batches, "epoch": t, "valid_acc": value} for t, value in enumerate(accuracies[0], 1)]
    (tmp_path / "log.json").write_text(json.dumps(log))
    np.testing.assert_array_equal(read(tmp_path / "log.json").values, accuracies[:1])


@pytest.mark.parametrize("folded", [False, True], ids=["by_kind", "by_fold"])
def test_json_lists_of_trainings_are_no_lists_of_epochs(tmp_path, accuracies, rates, folded):
    runs = [{"lr": lr, "val_acc": a} for lr, a in zip(rates.tolist(), accuracies.tolist(), strict=True)]
    by_fold = [{"depth": i, "folds": [runs[i], runs[i + 4]]} for i in range(4)]
    content = by_fold if folded else {"finished": runs[:5], "stopped": runs[5:]}
    (tmp_path / "runs.json").write_text(json.dumps(content))
    curves = read(tmp_path / "runs.json")
    order = np.argsort(curves.hyperparameters["lr"])[::-1]
    np.testing.assert_array_equal(curves.values[order], accuracies)
    assert "epoch" not in curves.hyperparameters


@pytest.mark.parametrize("name", ["epochs", "global_step"])
def test_json_of_curves_at_different_epochs_is_refused(tmp_path, accuracies, name):
    """The lists of epochs beside them tell; of equal lists, the trainings that ended early have a part."""
    runs = [{name: [2, 4, 6, 8, 10, 12], "val_acc": curve} for curve in accuracies.tolist()]
    runs[3] = {key: values[:4] for key, values in runs[3].items()}
    path = tmp_path / "runs.json"
    path.write_text(json.dumps(runs))
    assert read(path).values[3, :4].tolist() == accuracies[3, :4].tolist()
    runs[5][name] = [1, 2, 3, 4, 5, 6]
    path.write_text(json.dumps(runs))
    with pytest.raises(CurvesError, match=rf"values at different epochs, by {name}_1 to {name}_6"):
        read(path)


def test_the_history_of_one_training(tmp_path):
    path = tmp_path / "history.json"
    path.write_text(
        '{"train_losses": [2.1, 1.6], "valid_losses": [2.2, 1.8], "valid_accuracies": [20.0, 36.0], '
        '"train_accuracies": [21.0, 39.0]}'
    )
    curves = read(path)
    assert curves.values.tolist() == [[20, 36]]
    assert "1 curve x 2 epochs of accuracy (maximized, in percent)" in curves.understood


def test_the_log_of_a_trainer_in_a_larger_object(tmp_path):
    log = [{"epoch": e, "loss": 3 / e} for e in (1, 2)] + [
        {"epoch": e, "eval_accuracy": e / 4} for e in (1, 2)
    ]
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps({"best_metric": 0.5, "log_history": log}))
    assert read(path).values.tolist() == [[0.25, 0.5]]


@pytest.mark.parametrize(
    "history",
    [
        {"config": {"lr": 0.1}, "history": {"loss": [0.9, 0.8], "val_accuracy": [0.2, 0.3]}},
        {"train": {"acc": [0.4, 0.5]}, "val": {"acc": [0.2, 0.3], "loss": [3, 2]}},
        {"accuracy": {"train": [0.4, 0.5], "val": [0.2, 0.3]}, "loss": {"train": [3, 2], "val": [3, 2]}},
    ],
)
def test_the_history_of_one_training_in_objects(tmp_path, history):
    path = tmp_path / "history.json"
    path.write_text(json.dumps(history))
    assert read(path).values.tolist() == [[0.2, 0.3]]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{", "neither JSON nor JSON lines: line 1"),
        ("[1, {}]", "'1' in a list of JSON; expected objects"),
        ("[]", "no objects in this JSON"),
        ('{"a": 1}', r"no learning curves: .* found 1 column \(a\)"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_other_json_is_one_line(tmp_path, text, part):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(CurvesError, match=part) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["ep", "Epoch", "epoch_idx", "eval/step", "training_iteration"])
def test_epochs_have_their_own_numbers_where_tables_would_have_them(tmp_path, accuracies, name):
    """One before training is left out: it is not counted as the first because its number has another name."""
    rows = np.column_stack([np.full(8, 0.1), accuracies])
    path = tmp_path / "curves.json"
    logs = [[{name: epoch, "val_acc": value} for epoch, value in enumerate(row)] for row in rows]
    path.write_text(json.dumps([{"name": f"net{i}", "log": log} for i, log in enumerate(logs)]))
    np.testing.assert_array_equal(read(path).values, accuracies)
    path.write_text(json.dumps({name: list(range(7)), "val_acc": [0, *accuracies[3]]}))
    np.testing.assert_array_equal(read(path).values, accuracies[3:4])


@pytest.mark.parametrize("name", ["epoch", "Epoch", "ep"])
def test_epochs_with_a_list_of_batches_each_are_no_trainings(tmp_path, name):
    batches = [{"batch": batch, "loss": 1 / (1 + batch)} for batch in range(4)]
    path = tmp_path / "curves.json"
    path.write_text(json.dumps([{name: epoch, "batches": batches} for epoch in range(3)]))
    with pytest.raises(CurvesError):
        read(path)


def test_a_time_or_a_generation_of_networks_is_no_number_of_an_epoch(tmp_path, accuracies):
    logs = [
        [{"t": 1.5 * (i + epoch), "val_acc": v} for epoch, v in enumerate(row)]
        for i, row in enumerate(accuracies)
    ]
    path = tmp_path / "curves.json"
    path.write_text(json.dumps([{"generation": i // 2, "log": log} for i, log in enumerate(logs)]))
    np.testing.assert_array_equal(read(path).values, accuracies)


@pytest.mark.parametrize("name", ["epoch", "ep", "global_step", "iter"])
def test_a_table_by_columns_is_no_single_training(tmp_path, long, accuracies, name):
    path = tmp_path / "curves.json"
    path.write_text(json.dumps(long.rename(columns={"epoch": name}).to_dict("list")))
    np.testing.assert_array_equal(read(path).values, accuracies)


def test_the_configuration_beside_a_list_of_epochs_holds_parameters(tmp_path, accuracies, rates):
    """A file per training; the configuration beside a list of trainings is that of all."""
    for number, (rate, row) in enumerate(zip(rates, accuracies, strict=True)):
        epochs = [{"epoch": epoch, "val_acc": value} for epoch, value in enumerate(row, start=1)]
        content = {"config": {"lr": rate, "optim": {"name": "sgd"}}, "history": epochs, "test": {"acc": 0.9}}
        (tmp_path / f"{number}.json").write_text(json.dumps(content))
    curves = read(tmp_path)
    np.testing.assert_array_equal(curves.values, accuracies)
    np.testing.assert_array_equal(curves.hyperparameters["lr"], rates)
    trainings = [{"lr": rate, "val_acc": list(row)} for rate, row in zip(rates, accuracies, strict=True)]
    (tmp_path / "all.json").write_text(json.dumps({"config": {"epochs": 6}, "runs": trainings}))
    assert list(read(tmp_path / "all.json").hyperparameters) == ["lr"]


def test_epochs_and_rows_in_the_order_of_their_text_are_in_that_of_their_numbers(tmp_path, accuracies):
    """As `json.dump(sort_keys=True)` writes them: 0, 1, 10, 11, 2."""
    curve = np.concatenate([accuracies[2], accuracies[2] + 0.3]).tolist()
    path = tmp_path / "curves.json"
    columns = {"val_acc": dict(enumerate(curve)), "val_loss": {t: 1 - y for t, y in enumerate(curve)}}
    rows = {str(t): {"epoch": t + 1, "val_acc": y} for t, y in enumerate(curve)}
    for content in (columns, rows, {t: {"acc": y, "loss": 1 - y} for t, y in enumerate(curve)}):
        text = json.dumps(json.loads(json.dumps(content)), sort_keys=True)
        assert text.index('"10"') < text.index('"2"')
        path.write_text(text)
        assert read(path).values.tolist() == [curve]


def test_rows_in_another_order_than_that_of_their_numbers_stay_in_it(tmp_path):
    path = tmp_path / "curves.json"
    path.write_text(json.dumps({"val_acc": {"3": 0.5, "1": 0.6, "2": 0.7}}))
    assert read(path).values.tolist() == [[0.5, 0.6, 0.7]]


@pytest.mark.parametrize("first", [0, 1])
def test_a_history_whose_list_of_epochs_is_called_epochs_is_one_training(tmp_path, accuracies, first):
    path = tmp_path / "history.json"
    path.write_text(json.dumps({"accuracy": accuracies[0].tolist(), "epochs": list(range(first, first + 6))}))
    np.testing.assert_array_equal(read(path).values, accuracies[:1])
    planned = {"accuracy": accuracies[0].tolist(), "epochs": [10, 20, 30, 40, 50, 60]}
    path.write_text(json.dumps(planned))
    with pytest.raises(CurvesError, match="no learning curves"):
        read(path)


@pytest.mark.parametrize("name", ["epoch", "epochs", "eval_steps"])
def test_lists_of_values_stand_at_the_epochs_of_a_list_beside_them(tmp_path, accuracies, name):
    """One before training is left out, as it is from a table with a row for each epoch."""
    path = tmp_path / "curves.json"
    rows = np.column_stack([0.1 + np.linspace(-0.002, 0.002, 8), accuracies])
    for epochs, expected in (
        (range(7), accuracies),
        (range(5, 40, 5), rows),
        ([1, 2, 4, 8, 16, 32, 64], rows),
    ):
        lists = {name: list(epochs), "lr": [0.1] * 7}
        path.write_text(json.dumps([{"log": {**lists, "train/val_acc": row}} for row in rows.tolist()]))
        curves = read(path)
        np.testing.assert_array_equal(curves.values, expected)
        assert f"log/train/val_acc_{epochs[0]} to log/train/val_acc_{epochs[-1]}" in curves.understood
        assert "no parameters; left out:" in curves.understood


@pytest.mark.parametrize("first", ["train_loss", "val_acc"])
def test_a_list_of_steps_beside_the_values_numbers_them_in_a_folder_too(tmp_path, first):
    """Whatever comes first in the file."""
    for name, every in (("a", 5), ("b", 10)):
        steps = [every * k for k in range(1, 9)]
        lists = {
            "steps": steps,
            "val_acc": [step / 100 for step in steps],
            "train_loss": list(range(50, 0, -1)),
        }
        values = {first: lists[first], **lists}
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
    curves = LearningCurves.read(tmp_path)
    both = curves.values[:, np.isfinite(curves.values).all(axis=0)]
    np.testing.assert_allclose(both, [[0.1, 0.2, 0.3, 0.4]] * 2)
    assert "at epoch 5, 10" in curves.understood


def test_a_training_that_ended_after_its_first_value_is_at_the_first_step(tmp_path):
    for name, count in (("a", 8), ("b", 8), ("c", 1)):
        values = {
            "steps": [5 * k for k in range(1, count + 1)],
            "val_acc": [k / 10 for k in range(1, count + 1)],
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
    curves = LearningCurves.read(tmp_path)
    assert curves.observed.tolist() == [8, 8, 1]

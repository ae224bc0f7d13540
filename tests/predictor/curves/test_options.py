"""What `evaluate` and `simulate` have in common: options for reading, and what they say about it."""

import json

import numpy as np
import pandas as pd
import pytest

from predictor.cli import main
from predictor.curves.options import keep_inputs, sample
from predictor.errors import PredictorError

SIMULATE = ("--rules", "none", "--jobs", "1", "--orders", "1", "--format", "json")


def simulated(capsys, *arguments):
    code = main(["simulate", *map(str, arguments), *SIMULATE])
    captured = capsys.readouterr()
    return code, json.loads(captured.out)["sets"] if code == 0 else [], captured.err.splitlines()


def test_the_best_of_losses_is_the_smallest(capsys, wide, losses):
    code, (found,), err = simulated(capsys, wide({"valid_losses_#": losses}))
    assert (code, found["best"], found["metric"]) == (0, losses[:, -1].min(), "loss")
    assert "8 curves x 6 epochs of loss (minimized) in valid_losses_1 to valid_losses_6" in err[0]
    assert ", ".join(f"{value:.4g}" for value in losses[0, :3]) in err[1]


def test_what_is_understood_can_be_overruled(capsys, wide, accuracies):
    path = wide({"foo_#": accuracies, "lr": np.arange(8), "MaxAccuracy": accuracies.max(1)})
    code, _, err = simulated(capsys, path)
    assert (code, len(err)) == (2, 1)
    assert "--direction maximize or minimize" in err[0]
    _, (found,), err = simulated(
        capsys,
        path,
        "--direction",
        "maximize",
        "--metric",
        "foo",
        "--parameters",
        "MaxAccuracy",
        "--curve",
        "foo",
    )
    assert (found["metric"], found["best"]) == ("foo", accuracies[:, -1].max())
    assert "parameters MaxAccuracy; left out: lr (not asked for)" in err[0]
    assert "no parameters" in simulated(capsys, path, "--direction", "maximize", "--parameters", "none")[2][0]


def test_files_of_one_training_each_are_one_set(capsys, tmp_path, accuracies):
    for i, row in enumerate(accuracies):
        pd.DataFrame({"epoch": np.arange(6), "val_acc": row}).to_csv(tmp_path / f"{i}.csv", index=False)
    files = sorted(tmp_path.glob("*.csv"))
    _, (found,), _ = simulated(capsys, *files)
    assert (found["networks"], found["best"]) == (8, accuracies[:, -1].max())
    code, _, err = simulated(capsys, files[0])
    assert (code, len(err)) == (2, 1)
    assert "1 curve x 6 epochs of accuracy" in err[0]
    assert "expected several trainings: rows for each of them, several files, or a folder" in err[0]


def test_the_tolerance_of_percentages_is_in_percent(capsys, wide, accuracies):
    assert simulated(capsys, wide({"acc_#": 100 * accuracies}))[1][0]["tolerance"] == pytest.approx(0.2)
    assert simulated(capsys, wide({"acc_#": accuracies}))[1][0]["tolerance"] == pytest.approx(0.002)


@pytest.mark.parametrize(("metric", "tolerance"), [("val_acc", 0.2), ("val_error", 0.2), ("val_loss", 0.01)])
def test_the_tolerance_is_that_of_the_metric_by_whatever_name_an_npz_file_has_it(
    capsys, tmp_path, accuracies, metric, tolerance
):
    np.savez(tmp_path / "curves.npz", values=100 * accuracies, metric=metric)
    (found,) = simulated(capsys, tmp_path / "curves.npz")[1]
    assert found["tolerance"] == pytest.approx(tolerance)


def test_the_sample_is_the_first_curve(make_curves):
    curves = make_curves(5, 8, seed=1)
    shown = [f"{value:.4g}" for value in curves.values[0]]
    assert sample(curves).endswith(f": {shown[0]}, {shown[1]}, {shown[2]}, ..., {shown[-1]}")
    assert f"depth = {curves.architecture['depth'][0]:g}" in sample(curves)


@pytest.mark.parametrize("flag", ["--csv", "--plot"])
def test_what_is_read_is_not_written_over(capsys, wide, accuracies, tmp_path, flag):
    path = wide({"acc_#": accuracies})
    before = path.read_bytes()
    (tmp_path / "link").symlink_to(path)
    for written in (path, tmp_path / "link"):
        code, _, err = simulated(capsys, path, flag, written)
        assert code == 2
        assert f"'{written}' belongs to what is read and is not overwritten" in err[-1]
    assert main(["evaluate", str(path), "--csv", str(path)]) == 2
    assert "is not overwritten" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_file_in_a_folder_that_is_read_is_not_written_over(tmp_path):
    (tmp_path / "search.db").touch()
    keep_inputs([str(tmp_path)], [tmp_path / "new.csv"])
    for read in (tmp_path, tmp_path / "*.db", f"sqlite:///{tmp_path}/search.db"):
        with pytest.raises(PredictorError, match=r"search\.db' belongs to what is read"):
            keep_inputs([str(read)], [tmp_path / "search.db"])
